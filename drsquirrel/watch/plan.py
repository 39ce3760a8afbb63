"""How values that come under Flink's names are read as our metrics, in our integer units."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeAlias

from drsquirrel.model.metric import BY_FLINK_NAME, BY_NAME, GAUGES, Metric, Scope

Row: TypeAlias = tuple[Any, ...]
"""The numbers of some metrics, in an order that a plan knows."""


class Reader:
    """Turns rows of numbers into our names and integers."""

    __slots__ = ("_factors", "_names")

    def __init__(self, found: Mapping[Metric, str]) -> None:
        self._names = tuple(metric.name for metric in found)
        self._factors = tuple(
            (metric.name, metric.factor)
            for metric, name in found.items()
            if metric.factor != 1 and name != metric.name
        )

    def __call__(self, row: Row) -> dict[str, int]:
        values = dict(zip(self._names, row))  # noqa: B905 (strict= costs 2 % of the whole fold)
        for name, factor in self._factors:
            values[name] = round(values[name] * factor)
        if type(sum(values.values())) is int:
            return values
        return {name: round(value) for name, value in values.items()}


class Plan:
    """How the values of one scope are read that came under certain names."""

    __slots__ = ("counters", "pick", "read", "read_gauges", "unknown", "width")

    def __init__(self, found: Mapping[Metric, str], width: int) -> None:
        counters = {metric: found[metric] for metric in found if metric.name not in GAUGES}
        gauges = {metric: found[metric] for metric in found if metric.name in GAUGES}
        ordered = {**counters, **gauges}
        self.width = width
        """How many values came."""
        self.unknown = width - len(found)
        self.counters = len(counters)
        self.pick = _picker(list(ordered.values()))
        """The numbers of the metrics: counters first, then gauges."""
        self.read, self.read_gauges = Reader(ordered), Reader(gauges)


@lru_cache(maxsize=4096)
def plan_of(scope: Scope, names: tuple[str, ...]) -> Plan:
    """The plan for these names; where two mean the same metric, ours and newer ones win."""
    found: dict[Metric, str] = {}
    for name in names:
        metric = _metric(scope, name)
        if metric is not None:
            best_first = (metric.name, *metric.flink)
            found[metric] = min(found.get(metric, name), name, key=best_first.index)
    return Plan(found, len(names))


def _metric(scope: Scope, name: str) -> Metric | None:
    found = BY_FLINK_NAME.get((scope, name)) or BY_NAME.get(name)
    return found if found and found.scope is scope else None


def _picker(names: list[str]) -> Callable[[Mapping[str, Any]], Row]:
    """An itemgetter that returns a tuple for any number of names."""
    if len(names) == 1:
        only = names[0]
        return lambda values: (values[only],)
    return itemgetter(*names) if names else lambda values: ()
