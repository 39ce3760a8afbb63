"""Reads rows of values that came under Flink's names as our metrics, in our units."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

from drsquirrel.model.metric import BY_FLINK_NAME, BY_NAME, GAUGES, Metric, Scope

Row: TypeAlias = tuple[Any, ...]
"""The time, the sequence number, then the values in the order of their names."""
LEAD = 2
"""Places in a row before its values."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where some metrics stand in a row, and what turns their numbers into our units."""

    names: tuple[str, ...]
    pick: Callable[[Row], Row]
    factors: tuple[tuple[int, int], ...]
    """(place among the names, factor) of the metrics that Flink reports in another unit."""

    def read(self, row: Row) -> dict[str, int]:
        """Our integers, of one row."""
        return self.scaled(self.pick(row))

    def low_and_high(self, rows: Sequence[Row]) -> tuple[dict[str, int], dict[str, int]]:
        """Our integers, the smallest and the largest of each metric in the rows."""
        if not self.names:
            return {}, {}
        picked = tuple(map(self.pick, rows))
        if len(picked) == 1:
            return self.scaled(picked[0]), self.scaled(picked[0])
        return self.scaled(tuple(map(min, *picked))), self.scaled(tuple(map(max, *picked)))

    def scaled(self, values: Row) -> dict[str, int]:
        if self.factors or type(sum(values)) is not int:
            numbers = list(values)
            for place, factor in self.factors:
                numbers[place] *= factor
            values = tuple([n if type(n) is int else round(n) for n in numbers])
        return dict(zip(self.names, values, strict=True))


@dataclass(frozen=True, slots=True)
class Plan:
    """How the values of one scope are read that came under one sequence of names."""

    all: Columns
    gauges: Columns
    unknown: int
    """How many of the names are neither Flink's nor ours in this scope."""


@lru_cache(maxsize=4096)
def plan_of(scope: Scope, names: tuple[str, ...]) -> Plan:
    """The plan for these names; where two mean the same metric, ours and newer ones win."""
    places: dict[str, tuple[int, int, int]] = {}
    unknown = 0
    for place, name in enumerate(names):
        metric = _metric(scope, name)
        if metric is None:
            unknown += 1
            continue
        own = name == metric.name
        preference = -1 if own else metric.flink.index(name)
        found = (preference, LEAD + place, 1 if own else metric.factor)
        places[metric.name] = min(found, places.get(metric.name, found))
    gauges = {name: place for name, place in places.items() if name in GAUGES}
    return Plan(_columns(places), _columns(gauges), unknown)


def _metric(scope: Scope, name: str) -> Metric | None:
    found = BY_FLINK_NAME.get((scope, name)) or BY_NAME.get(name)
    return found if found and found.scope is scope else None


def _columns(places: Mapping[str, tuple[int, int, int]]) -> Columns:
    names = tuple(sorted(places))
    return Columns(
        names=names,
        pick=_picker([places[name][1] for name in names]),
        factors=tuple(
            (at, places[name][2]) for at, name in enumerate(names) if places[name][2] != 1
        ),
    )


def _picker(places: list[int]) -> Callable[[Row], Row]:
    """An itemgetter that returns a tuple for one place, too."""
    if len(places) == 1:
        only = slice(places[0], places[0] + 1)
        return itemgetter(only)
    return itemgetter(*places) if places else itemgetter(slice(0))
