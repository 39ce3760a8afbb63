"""Where the metrics stand in a report, and what turns Flink's names and units into ours."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeAlias

from drsquirrel.model.event import LONG_LIMIT
from drsquirrel.model.metric import (
    BY_FLINK_NAME,
    BY_NAME,
    GAUGES,
    Metric,
    Scope,
)
from drsquirrel.watch.remember import remembered

Row: TypeAlias = Sequence[Any]
"""The numbers of one report, or of some of its metrics."""
NAME_WEIGHT, NAMES_WEIGHT = 50, 16_384
"""Of Flink's own metrics some dozen are in one scope."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one scope is read whose values came under certain names: counters first, then gauges."""

    names: tuple[str, ...]
    """Of our metrics."""
    positions: tuple[int, ...]
    """Of their numbers among the values."""
    factors: tuple[int, ...]
    """What turns the numbers into our units."""
    gauges: tuple[str, ...]
    """The last of the names."""
    unknown: int
    """How many of the values have a name that is neither Flink's nor ours in this scope."""


def _weight(names: Iterable[str]) -> int:
    return sum(NAME_WEIGHT + len(name) for name in names)


@remembered(1_000, lambda _, names: _weight(names), NAMES_WEIGHT)
def plan_of(scope: Scope, names: tuple[str, ...]) -> Plan:
    """The plan for these names; where two mean the same metric, ours and newer ones win."""
    found: dict[Metric, str] = {}
    unknown = 0
    for name in names:
        metric = _metric(scope, name)
        if metric is None:
            unknown += 1
        else:
            best_first = (metric.name, *metric.flink)
            found[metric] = min(found.get(metric, name), name, key=best_first.index)
    metrics = sorted(found, key=lambda metric: (metric.name in GAUGES, metric.name))
    return Plan(
        names=tuple(metric.name for metric in metrics),
        positions=tuple(names.index(found[metric]) for metric in metrics),
        factors=tuple(1 if found[m] == m.name else m.factor for m in metrics),
        gauges=tuple(metric.name for metric in metrics if metric.name in GAUGES),
        unknown=unknown,
    )


def _metric(scope: Scope, name: str) -> Metric | None:
    found = BY_FLINK_NAME.get((scope, name)) or BY_NAME.get(name)
    return found if found and found.scope is scope else None


class Columns:
    """Some columns of a report's row."""

    __slots__ = ("_factors", "pick")

    def __init__(self, positions: Sequence[int], factors: Iterable[int]) -> None:
        self._factors = [(place, factor) for place, factor in enumerate(factors) if factor != 1]
        self.pick = _picker(positions)

    def integers(self, picked: Row) -> Row:
        """What was picked, in our units."""
        if self._factors:
            scaled = list(picked)
            for place, factor in self._factors:
                number = round(scaled[place] * factor)
                scaled[place] = max(1 - LONG_LIMIT, min(number, LONG_LIMIT - 1))
            picked = tuple(scaled)
        return picked if type(sum(picked)) is int else tuple(map(round, picked))


def _picker(positions: Sequence[int]) -> Callable[[Row], Row]:
    """An itemgetter that returns a tuple for any number of positions."""
    if len(positions) < 2:
        part = slice(positions[0], positions[0] + 1) if positions else slice(0)
        return itemgetter(part)
    return itemgetter(*positions)


class Layout:
    """Where the metrics of all scopes stand in the row of a report."""

    __slots__ = ("all", "gauges", "plans", "unknown")

    def __init__(self, plans: Iterable[Plan], widths: Iterable[int]) -> None:
        self.plans = tuple(plans)
        self.unknown = sum(plan.unknown for plan in self.plans)
        positions: list[int] = []
        factors: list[int] = []
        gauges: list[int] = []
        start = 0
        for plan, width in zip(self.plans, widths, strict=True):
            positions += [start + position for position in plan.positions]
            factors += plan.factors
            gauges += range(len(positions) - len(plan.gauges), len(positions))
            start += width
        self.all = Columns(positions, factors)
        self.gauges = Columns([positions[g] for g in gauges], [factors[g] for g in gauges])


@remembered(250, lambda _, names: sum(map(_weight, names)), 4 * NAMES_WEIGHT)
def layout_of(scopes: tuple[Scope, ...], names: tuple[tuple[str, ...], ...]) -> Layout:
    """The layout of a report with these scopes, and in each values under these names."""
    return Layout(map(plan_of, scopes, names), map(len, names))
