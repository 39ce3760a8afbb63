"""Puts what a round heard together as metric reports."""

from collections.abc import Iterable

from drsquirrel.collect.flink_rest import translate
from drsquirrel.collect.flink_rest.origin import Origins
from drsquirrel.model.event import MetricReport, Values, tables

ONE_MOMENT_MS = 2_000
"""What holds now and what was counted so short a time ago go into one report."""
Placed = tuple[str, Values]
"""What a place tells, with the container it belongs to."""


def reports(
    origins: Origins,
    live: Iterable[Placed],
    counted: Iterable[Placed],
    now_ms: int,
    updated_ms: int | None,
    job: str = "",
    start_ms: int = 0,
) -> list[MetricReport]:
    """One report per container and time: `live` as of now, `counted` as of the update, if any."""
    told: dict[tuple[str, int], list[Values]] = {}
    if updated_ms is not None:
        if abs(now_ms - updated_ms) <= ONE_MOMENT_MS:
            now_ms = updated_ms
        for container, values in counted:
            told.setdefault((container, updated_ms), []).append(values)
    for container, values in live:
        told.setdefault((container, now_ms), []).append(values)
    return [
        MetricReport(
            origin=origins.next(container, job, start_ms),
            time_ms=time_ms,
            tables=tables(translate.merged(values)),
            job=job,
            start_ms=start_ms,
        )
        for (container, time_ms), values in told.items()
    ]
