"""Makes tracks of the reports that one producer sent about the same scopes within one minute.

This is what decides how much one core can fold. So a report is one row of numbers, whatever its
scopes: times are compared once per report, names are mapped once per minute, and the numbers of
counters are read of the first and the last report only.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import compress
from math import hypot
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

from drsquirrel.model.event import Values
from drsquirrel.model.metric import COLLECTOR_TOTAL, Scope
from drsquirrel.model.snapshot import Reading, Track, TrackKey
from drsquirrel.watch.plan import Layout, Row, layout_of

Place: TypeAlias = tuple[Any, ...]
"""(vertex, subtask, operator, group, attempt): what a TrackKey has beside its producer."""
Names: TypeAlias = tuple[tuple[str, ...], ...]
"""Of the values of every scope."""
About: TypeAlias = tuple[str, str, tuple[Place, ...], Names]
"""Container, epoch, and the place and names of every scope."""
Told: TypeAlias = tuple[tuple[int, int], Row]
"""(time, sequence) of a report, and its numbers."""

VALUE_LIMIT = 2**63
"""Flink counts in 64 bits: what is larger is no value of Flink's."""

_place = attrgetter("vertex", "subtask", "operator", "group", "attempt")
_values = attrgetter("values")
_when = itemgetter(0)


def gather(
    reports: dict[About, list[Told]],
    container: str,
    epoch: str,
    when: tuple[int, int],
    scopes: tuple[Values, ...],
) -> None:
    """Put one report to those that are about the same, under the same names."""
    values = tuple(map(_values, scopes))
    about = (container, epoch, tuple(map(_place, scopes)), tuple(map(tuple, values)))
    row: list[Any] = []
    for of_scope in values:
        row += of_scope.values()
    told = (when, row)
    if about in reports:
        reports[about].append(told)
    else:
        reports[about] = [told]


def tracks_of(
    about: About, reports: list[Told], of_job: bool, dropped: Counter[str]
) -> Iterator[Track]:
    """The tracks of some reports, several of one key where one cannot hold all."""
    container, epoch, places, names = about
    keys = [TrackKey(container, epoch, *place) for place in places]
    scopes = tuple([_scope(key, of_job) for key in keys])
    reports.sort(key=_when)
    if _are_clean(reports):
        yield from _tracks(keys, layout_of(scopes, names), reports, dropped)
        return
    for when, row in reports:
        usable_names, usable = _usable(names, row, dropped)
        yield from _tracks(keys, layout_of(scopes, usable_names), [(when, usable)], dropped)


def _scope(key: TrackKey, of_job: bool) -> Scope:
    if key.operator:
        return Scope.OPERATOR
    if key.group:
        return Scope.COLLECTOR
    if key.vertex:
        return Scope.SUBTASK
    return Scope.JOB if of_job else Scope.CONTAINER


def _are_clean(reports: list[Told]) -> bool:
    """Whether no two claim to be the first or the last, and all hold only usable numbers."""
    if len(reports) > 1:
        (first, _), (second, _), (last_but_one, _), (last, _) = *reports[:2], *reports[-2:]
        if first == second or last_but_one == last:
            return False
    try:
        return sum([hypot(*row) for _, row in reports]) < VALUE_LIMIT
    except (TypeError, OverflowError):
        return False


def _usable(names: Names, row: Row, dropped: Counter[str]) -> tuple[Names, Row]:
    """Names and numbers without those that are no usable number."""
    usable = [
        isinstance(number, int | float) and -VALUE_LIMIT < number < VALUE_LIMIT for number in row
    ]
    if not all(usable):
        dropped["no usable number"] += usable.count(False)
    is_usable = iter(usable)
    kept = tuple(tuple(name for name in of_scope if next(is_usable)) for of_scope in names)
    return kept, list(compress(row, usable))


def _tracks(
    keys: list[TrackKey], layout: Layout, reports: list[Told], dropped: Counter[str]
) -> Iterator[Track]:
    """One track per scope with known metrics, of reports in the order of time."""
    if layout.unknown:
        dropped["unknown metric"] += layout.unknown * len(reports)
    (first_when, first_row), (last_when, last_row) = reports[0], reports[-1]
    first = last = layout.all.integers(layout.all.pick(first_row))
    low = high = layout.gauges.integers(layout.gauges.pick(first_row))
    if len(reports) > 1:
        last = layout.all.integers(layout.all.pick(last_row))
        gauges = [layout.gauges.pick(row) for _, row in reports]
        low = layout.gauges.integers(tuple(map(min, *gauges)))
        high = layout.gauges.integers(tuple(map(max, *gauges)))
    firsts, lasts, lows, highs = iter(first), iter(last), iter(low), iter(high)
    for key, plan in zip(keys, layout.plans, strict=True):
        track = Track(
            key,
            (Reading(*first_when, _named(plan.names, firsts)),),
            (Reading(*last_when, _named(plan.names, lasts)),),
            _named(plan.gauges, lows),
            _named(plan.gauges, highs),
        )
        if plan.names and key.group != COLLECTOR_TOTAL:
            yield track


def _named(names: tuple[str, ...], numbers: Iterator[int]) -> dict[str, int]:
    """The next numbers, as many as there are names."""
    return dict(zip(names, numbers))  # noqa: B905
