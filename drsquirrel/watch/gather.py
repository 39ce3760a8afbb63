"""Gathers what one producer reports about the same places within one minute, into tracks.

This is what decides how much one core can fold. So a report is one row of numbers, whatever its
tables: times are compared once per report, names are mapped once per minute, and of the numbers of
counters only those of the first and the last report are kept.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import compress
from math import hypot
from typing import Any, TypeAlias

from drsquirrel.model.event import LONG_LIMIT, Place, Table
from drsquirrel.model.metric import COLLECTOR_TOTAL, Scope
from drsquirrel.model.snapshot import Reading, Track, TrackKey
from drsquirrel.watch.plan import Layout, Row, layout_of

Names: TypeAlias = tuple[tuple[str, ...], ...]
"""Of the numbers of every place."""
Shape: TypeAlias = list[tuple[tuple[str, ...], tuple[Place, ...]]]
"""The names and places of every table."""
About: TypeAlias = tuple[str, str, tuple[tuple[tuple[str, ...], tuple[Place, ...]], ...]]
"""Container, epoch, and a shape."""
Told: TypeAlias = tuple[tuple[int, int], Row]
"""(time, sequence) of a report, and its numbers."""


def even(tables: tuple[Table, ...], places: int, dropped: Counter[str]) -> tuple[Table, ...]:
    """Those tables that hold a number for every place and name, and of all the first `places`."""
    left = places
    for table in tables:
        height = len(table.places)
        left -= height
        if left < 0 or len(table.numbers) != len(table.names) * height:
            return tuple(_even(tables, places, dropped))
    return tables


def _even(tables: tuple[Table, ...], places: int, dropped: Counter[str]) -> Iterator[Table]:
    for table in tables:
        width, height = len(table.names), len(table.places)
        if len(table.numbers) != width * height:
            dropped["uneven table"] += 1
            continue
        if height > places:
            dropped["too many places"] += height - places
            cut, numbers = table.places[:places], table.numbers[: width * places]
            table = Table(names=table.names, places=cut, numbers=numbers)
        places -= len(table.places)
        yield table


class Reports:
    """The reports about one subject and minute. A producer mostly tells of the same places under
    the same names again, which is cheaper seen than looked up."""

    __slots__ = ("_gathered", "_newest")

    def __init__(self) -> None:
        self._gathered: dict[About, Gathered] = {}
        self._newest: dict[tuple[str, str], tuple[Shape, Gathered]] = {}
        """By container and epoch."""

    def add(
        self,
        of_job: bool,
        container: str,
        epoch: str,
        when: tuple[int, int],
        tables: tuple[Table, ...],
    ) -> None:
        """Put one report to those that are about the same, under the same names."""
        shape = [(table.names, table.places) for table in tables]
        row: list[Any] = []
        for table in tables:
            row += table.numbers
        producer = (container, epoch)
        newest = self._newest.get(producer)
        if newest is None or newest[0] != shape:
            about = (container, epoch, tuple(shape))
            known = self._gathered.get(about)
            if known is None:
                known = self._gathered[about] = Gathered(about, of_job)
            newest = self._newest[producer] = shape, known
        newest[1].add((when, row))

    def tracks(self, dropped: Counter[str]) -> Iterator[Track]:
        """The tracks, several of one key where one cannot hold all."""
        for gathered in self._gathered.values():
            yield from gathered.tracks(dropped)


class Gathered:
    """The reports of one producer about the same places, under the same names."""

    __slots__ = ("_ends", "_gauges", "_keys", "_layout", "_names", "_odd", "_scopes")

    def __init__(self, about: About, of_job: bool) -> None:
        container, epoch, tables = about
        self._keys = [
            TrackKey(container, epoch, p.vertex, p.subtask, p.operator, p.group, p.attempt)
            for _, places in tables
            for p in places
        ]
        self._names: Names = tuple([names for names, places in tables for _ in places])
        self._scopes = tuple([_scope(key, of_job) for key in self._keys])
        self._layout = layout_of(self._scopes, self._names)
        self._ends: tuple[Told, Told] | None = None
        """The first and the last report."""
        self._gauges: list[Row] = []
        """Of every report but the odd."""
        self._odd: list[Told] = []
        """What holds something that is no number, or claims the place in time of another."""

    def add(self, told: Told) -> None:
        """Take one more report."""
        when, row = told
        if not _is_clean(row):
            self._odd.append(told)
            return
        if self._ends is None:
            self._ends = told, told
        else:
            first, last = self._ends
            if when > last[0]:
                self._ends = first, told
            elif when < first[0]:
                self._ends = told, last
            elif when in (first[0], last[0]):
                self._odd.append(told)
                return
        self._gauges.append(self._layout.gauges.pick(row))

    def tracks(self, dropped: Counter[str]) -> Iterator[Track]:
        """The tracks, several of one key where one cannot hold all."""
        if self._ends is not None:
            yield from _tracks(self._keys, self._layout, *self._ends, self._gauges, dropped)
        for when, row in self._odd:
            names, usable = _usable(self._names, row, dropped)
            layout, told = layout_of(self._scopes, names), (when, usable)
            gauges = [layout.gauges.pick(usable)]
            yield from _tracks(self._keys, layout, told, told, gauges, dropped)


def _scope(key: TrackKey, of_job: bool) -> Scope:
    if key.operator:
        return Scope.OPERATOR
    if key.group:
        return Scope.COLLECTOR
    if key.vertex:
        return Scope.SUBTASK
    return Scope.JOB if of_job else Scope.CONTAINER


def _is_clean(row: Row) -> bool:
    """Whether all are numbers of 64 bits; NaN and infinities are not."""
    try:
        return hypot(*row) < LONG_LIMIT
    except (TypeError, OverflowError):
        return False


def _usable(names: Names, row: Row, dropped: Counter[str]) -> tuple[Names, Row]:
    """Names and numbers without those that are no usable number."""
    usable = [
        isinstance(number, int | float) and -LONG_LIMIT < number < LONG_LIMIT for number in row
    ]
    if bad := usable.count(False) - row.count(None):
        dropped["no usable number"] += bad
    is_usable = iter(usable)
    kept = tuple(tuple(name for name in of_place if next(is_usable)) for of_place in names)
    return kept, list(compress(row, usable))


def _tracks(
    keys: list[TrackKey],
    layout: Layout,
    first: Told,
    last: Told,
    gauges: list[Row],
    dropped: Counter[str],
) -> Iterator[Track]:
    """One track per place with known metrics."""
    if layout.unknown:
        dropped["unknown metric"] += layout.unknown * len(gauges)
    lowest = highest = gauges[0]
    if len(gauges) > 1:
        lowest, highest = tuple(map(min, *gauges)), tuple(map(max, *gauges))
    firsts = iter(layout.all.integers(layout.all.pick(first[1])))
    lasts = iter(layout.all.integers(layout.all.pick(last[1])))
    lows, highs = iter(layout.gauges.integers(lowest)), iter(layout.gauges.integers(highest))
    for key, plan in zip(keys, layout.plans, strict=True):
        began = ended = (Reading(*first[0], _named(plan.names, firsts)),)
        low = high = _named(plan.gauges, lows)
        if len(gauges) > 1:
            ended = (Reading(*last[0], _named(plan.names, lasts)),)
            high = _named(plan.gauges, highs)
        if plan.names and key.group != COLLECTOR_TOTAL:
            yield Track(key, began, ended, low, high)


def _named(names: tuple[str, ...], numbers: Iterator[int]) -> dict[str, int]:
    """The next numbers, as many as there are names."""
    return dict(zip(names, numbers))  # noqa: B905
