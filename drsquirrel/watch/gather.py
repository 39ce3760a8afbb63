"""Makes tracks of the reports that one producer sent about the same scopes within one minute.

This is what decides how much one core can fold, so it works by column: times are compared once per
report, names are looked up once per scope, and the numbers of counters are read of the first and
the last report only.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from math import hypot
from operator import attrgetter, itemgetter
from typing import Any, TypeAlias

from drsquirrel.model.metric import COLLECTOR_TOTAL, Scope
from drsquirrel.model.snapshot import Reading, Track, TrackKey
from drsquirrel.watch.plan import Plan, Row, plan_of

Place: TypeAlias = tuple[Any, ...]
"""(vertex, subtask, operator, group, attempt): what a TrackKey has beside its producer."""
When: TypeAlias = tuple[int, int]
"""(time, sequence)."""
Scopes: TypeAlias = tuple[Mapping[str, Any], ...]
"""The values of each scope of one report."""

place_of = attrgetter("vertex", "subtask", "operator", "group", "attempt")
values_of = attrgetter("values")
_when, _scopes = itemgetter(0), itemgetter(1)

VALUE_LIMIT = 2**63
"""Flink counts in 64 bits: what is larger is no value of Flink's."""


def tracks_of(
    producer: tuple[str, str],
    places: tuple[Place, ...],
    reports: list[tuple[When, Scopes]],
    of_job: bool,
    dropped: Counter[str],
) -> Iterator[Track]:
    """The tracks of a producer (container, epoch), several of one key where one cannot hold all."""
    reports.sort(key=_when)
    times = [when for when, _ in reports]
    tied = len(times) > 1 and (times[0] == times[1] or times[-2] == times[-1])
    for place, column in zip(places, zip(*map(_scopes, reports), strict=True), strict=True):
        if place[3] == COLLECTOR_TOTAL:
            continue
        key, scope = TrackKey(*producer, *place), _scope(place, of_job)
        plan = plan_of(scope, tuple(column[0]))
        rows = None if tied else _rows(plan, column)
        if rows is not None:
            yield from _track(key, plan, times, rows, dropped)
            continue
        for when, values in zip(times, column, strict=True):
            usable = _usable(values, dropped)
            plan = plan_of(scope, tuple(usable))
            yield from _track(key, plan, [when], [plan.pick(usable)], dropped)


def _rows(plan: Plan, column: Sequence[Mapping[str, Any]]) -> list[Row] | None:
    """The numbers, or None if the reports differ in their names or hold what is no number."""
    if set(map(len, column)) != {plan.width}:
        return None
    try:
        rows = list(map(plan.pick, column))
        clean = sum(starmap(hypot, rows)) < VALUE_LIMIT
    except (KeyError, TypeError, OverflowError):
        return None
    return rows if clean else None


def _usable(values: Mapping[str, Any], dropped: Counter[str]) -> dict[str, int | float]:
    usable = {
        name: value
        for name, value in values.items()
        if isinstance(value, int | float) and -VALUE_LIMIT < value < VALUE_LIMIT
    }
    if len(usable) < len(values):
        dropped["no usable number"] += len(values) - len(usable)
    return usable


def _track(
    key: TrackKey, plan: Plan, times: list[When], rows: list[Row], dropped: Counter[str]
) -> Iterator[Track]:
    """The track of rows in the order of time, if there is anything that we know in them."""
    if plan.unknown:
        dropped["unknown metric"] += plan.unknown * len(rows)
    if not rows[0]:
        return
    first = last = (Reading(*times[0], plan.read(rows[0])),)
    lowest = highest = rows[0][plan.counters :]
    if len(rows) > 1:
        last = (Reading(*times[-1], plan.read(rows[-1])),)
        gauges = list(zip(*rows, strict=True))[plan.counters :]
        lowest, highest = tuple(map(min, gauges)), tuple(map(max, gauges))
    low = plan.read_gauges(lowest)
    high = low if lowest == highest else plan.read_gauges(highest)
    yield Track(key, first, last, low, high)


def _scope(place: Place, of_job: bool) -> Scope:
    vertex, _, operator, group, _ = place
    if operator:
        return Scope.OPERATOR
    if group:
        return Scope.COLLECTOR
    if vertex:
        return Scope.SUBTASK
    return Scope.JOB if of_job else Scope.CONTAINER
