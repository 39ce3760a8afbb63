"""The parts reports for the page's tests are built from: one day, its clock and its rules."""

from datetime import UTC, datetime

import msgspec

from drsquirrel.model.report import (
    CheckResult,
    ClusterRow,
    Data,
    JobRow,
    LastHour,
    Report,
    RunRef,
    Source,
    Strip,
)
from drsquirrel.model.verdict import Outcome

MINUTE_MS = 60_000
MADE_MS = int(datetime(2026, 11, 24, 14, 3, 20, tzinfo=UTC).timestamp() * 1000)
FROM_MS = MADE_MS - MADE_MS % MINUTE_MS - 59 * MINUTE_MS

RULES = {
    "source-lag-growing": (
        "check",
        "The job keeps up with its sources",
        "Records wait in the source",
    ),
    "operator-saturated": (
        "check",
        "No operator is at its limit",
        "An operator works at its limit",
    ),
    "backpressure-high": ("check", "Operators do not wait", "Operators are backpressured"),
    "checkpoint-slow": (
        "check",
        "Checkpoints finish well within their time-out",
        "Checkpoints come closer to their time-out",
    ),
    "checkpoint-failing": ("check", "Checkpoints succeed", "Checkpoints fail"),
    "checkpoint-missing": ("check", "Checkpoints complete", "No checkpoint completes"),
    "job-not-running": ("check", "The job runs", "The job does not run"),
    "restart-rate-high": ("check", "The job seldom restarts", "The job restarts often"),
    "restart-loop": ("check", "Restarts lead on", "The job is in a restart loop"),
    "record-skew-high": ("check", "Records are spread evenly", "Records are spread unevenly"),
    "gc-old-gen-high": (
        "check",
        "Garbage collection takes little time",
        "Old-generation garbage collection takes long",
    ),
    "heap-full-after-gc": (
        "check",
        "The heap has room after collection",
        "The heap is full even after collection",
    ),
    "sink-slow": ("cause", "", "The sink answers too slowly"),
    "hot-key": ("cause", "", "A few keys carry most records"),
    "user-exception": ("cause", "", "The job's own code throws"),
}
"""Kind and titles of each rule: when all is well, and when not."""

CHECKS = [code for code, (kind, _, _) in RULES.items() if kind == "check"]


def at(hour: int, minute: int) -> int:
    """Milliseconds of a time of the fixtures' day."""
    return MADE_MS - (14 * 60 + 3 - hour * 60 - minute) * MINUTE_MS - 20_000


def cells(*runs: tuple[str, int]) -> str:
    """Sixty cells from (cell, count) pairs; the rest is clear."""
    text = "".join(cell * count for cell, count in runs)
    return text.ljust(60, ".")


def strip(kind: str, name: str, cells: str, sentence: str, **more: object) -> Strip:
    """A row of the last hour."""
    return msgspec.convert(
        {"kind": kind, "id": f"{kind}-{name}", "name": name, "cells": cells,
         "sentence": sentence, **more},
        Strip,
    )  # fmt: skip


def check(code: str, outcome: Outcome, section: str = "throughput", **more: object) -> CheckResult:
    """A check's result with the title of its rule."""
    _, well, ill = RULES[code]
    title = ill if outcome in (Outcome.WARN, Outcome.FAIL) else well
    return CheckResult(code=code, section=section, title=title, outcome=outcome, **more)


def run(number: int, state: str = "RUNNING", end_ms: int | None = None) -> RunRef:
    """One start of a job, two days ago."""
    return RunRef(
        id=f"run-{number}",
        job_id=f"{0x3F2A9100 + number:08x}7c1d4e0f9a5b6c7d8e9f0a1b",
        start_ms=MADE_MS - 2 * 86_400_000,
        state=state,
        end_ms=end_ms,
        flink_version="2.3.0",
    )


def passed(*codes: str) -> list[CheckResult]:
    """Checks that passed on a whole hour."""
    return [
        check(code, Outcome.PASS, says="Nothing of it in the last hour.", observed_minutes=60)
        for code in codes
    ]


CALM_HOUR = LastHour(
    from_ms=FROM_MS,
    records_per_s=(9_000.0, 9_400.0, 10_100.0) * 20,
    strips=(
        strip("backpressure", "Source: prices", cells(), "0 of 60 min high"),
        strip("backpressure", "Sink: warehouse", cells((".", 22), ("l", 1)), "0 of 60 min high"),
        strip("gc", "tm-1 · node-17", cells(), "0 of 60 min high"),
        strip("checkpoints", "checkpoints", cells(), "360 completed, none failed"),
        strip("restarts", "restarts", cells(), "none"),
    ),
    sentence="Nothing stood out in the last hour.",
)

FRESH = Data(
    age_ms=6_000,
    observed_minutes=60,
    sources=(
        Source(name="Flink REST `prod-eu`", state="fresh", age_ms=6_000),
        Source(
            name="node agent",
            state="missing",
            age_ms=None,
            says="Not installed: memory and CPU of the containers are not assessed.",
        ),
    ),
    gaps=("Lag is estimated from record counts: the source reports no `pendingRecords`.",),
)


def row(report: Report, **more: object) -> JobRow:
    """The list's line for a report."""
    order = {"_": 0, ".": 1, "l": 2, "h": 3}
    columns = zip(*(s.cells for s in report.hour.strips), strict=True)
    worst = "".join(max(column, key=lambda c: order[c]) for column in columns)
    fields: dict[str, object] = {
        "job": report.job,
        "run": report.run,
        "verdict": report.verdict,
        "headline": report.headline,
        "subline": report.subline,
        "since_ms": report.since_ms,
        "cells": worst or "_" * 60,
        "records_per_s": report.hour.records_per_s,
        "data_age_ms": report.data.age_ms,
    }
    return msgspec.convert(fields | more, JobRow)


def cluster(
    id: str,
    state: str,
    says: str = "",
    last_answer_ms: int | None = MADE_MS,
    url: str | None = None,
) -> ClusterRow:
    """One watched cluster."""
    asked_at = f"http://{id}.example:8081" if url is None else url
    return msgspec.convert(
        {"id": id, "url": asked_at, "state": state, "says": says,
         "last_answer_ms": last_answer_ms, "flink_version": "2.3.0"},
        ClusterRow,
    )  # fmt: skip
