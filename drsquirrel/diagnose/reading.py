"""Readings in order: what rollups hold of each scope, as points in time to take differences of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from drsquirrel.model.snapshot import MINUTE_MS, Reading, Rollup, Track


class ScopeKey(NamedTuple):
    """What the values are about: a subtask, an operator of it, a collector, the run ("", -1)."""

    vertex: str = ""
    subtask: int = -1
    operator: str = ""
    group: str = ""


RUN = ScopeKey()


class Line(NamedTuple):
    """The readings of one scope within one execution attempt in one container, by time."""

    container: str
    attempt: int
    readings: tuple[Reading, ...]
    low: Mapping[str, int]
    high: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Span:
    """Two readings of one line that both hold the wanted metrics."""

    a: Reading
    b: Reading

    @property
    def elapsed_ms(self) -> int:
        return self.b.time_ms - self.a.time_ms

    def rise(self, metric: str) -> int:
        """How much a counter grew; negative if it started again."""
        return self.b.values[metric] - self.a.values[metric]


class _Growing:
    """A line while it is put together: one reading may stand in pieces in first and last."""

    def __init__(self) -> None:
        self.values: dict[tuple[int, int], dict[str, int]] = {}
        self.low: dict[str, int] = {}
        self.high: dict[str, int] = {}

    def add(self, track: Track) -> None:
        for reading in track.first + track.last:
            at = (reading.time_ms, reading.sequence)
            self.values.setdefault(at, {}).update(reading.values)
        for name, value in track.low.items():
            self.low[name] = min(value, self.low.get(name, value))
        for name, value in track.high.items():
            self.high[name] = max(value, self.high.get(name, value))

    def line(self, container: str, attempt: int) -> Line:
        readings = tuple(Reading(t, n, v) for (t, n), v in sorted(self.values.items()))
        return Line(container, attempt, readings, self.low, self.high)


def lines(rollups: Iterable[Rollup]) -> dict[ScopeKey, list[Line]]:
    """The lines of each scope over some rollups of one subject, the newest line last."""
    growing: dict[tuple[ScopeKey, str, int], _Growing] = {}
    for rollup in rollups:
        for track in rollup.tracks:
            k = track.key
            scope = ScopeKey(k.vertex, k.subtask, k.operator, k.group)
            growing.setdefault((scope, k.container, k.attempt), _Growing()).add(track)
    result: dict[ScopeKey, list[Line]] = {}
    for (scope, container, attempt), line in growing.items():
        result.setdefault(scope, []).append(line.line(container, attempt))
    for of_scope in result.values():
        of_scope.sort(key=lambda line: (line.attempt, line.readings[-1].time_ms))
    return result


def span(
    readings: tuple[Reading, ...], metrics: frozenset[str], *, least_ms: int, target_ms: int
) -> Span | None:
    """The newest reading with these metrics, and the one nearest to `target_ms` before it.

    None if no two of them lie at least `least_ms` apart.
    """
    have = [r for r in readings if metrics <= r.values.keys()]
    if not have:
        return None
    b = have[-1]
    earlier = [r for r in have if b.time_ms - r.time_ms >= least_ms]
    if not earlier:
        return None
    a = min(earlier, key=lambda r: abs(b.time_ms - r.time_ms - target_ms))
    return Span(a, b)


def recent(rollups: Mapping[int, Rollup], now_ms: int) -> tuple[Rollup, ...]:
    """The open minute and the two before it, where seen."""
    minute = now_ms // MINUTE_MS
    return tuple(rollups[m] for m in (minute - 2, minute - 1, minute) if m in rollups)
