"""Readings in order: what rollups hold of each scope, as points in time to take differences of."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
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
    tracks: tuple[Track, ...]

    def lowest(self, metric: str) -> int | None:
        """The lowest value of a gauge, also between the readings that were kept."""
        return min((t.low[metric] for t in self.tracks if metric in t.low), default=None)

    def highest(self, metric: str) -> int | None:
        """The highest value of a gauge."""
        return max((t.high[metric] for t in self.tracks if metric in t.high), default=None)


Lines = Mapping[ScopeKey, list[Line]]


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


def lines(rollups: Iterable[Rollup], only: ScopeKey | None = None) -> dict[ScopeKey, list[Line]]:
    """The lines of each scope, or of one, over some rollups of one subject, the newest last."""
    tracks: dict[tuple[ScopeKey, str, int], list[Track]] = {}
    for rollup in rollups:
        for track in rollup.tracks:
            k = track.key
            scope = ScopeKey(k.vertex, k.subtask, k.operator, k.group)
            if only is not None and scope != only:
                continue
            tracks.setdefault((scope, k.container, k.attempt), []).append(track)
    found: dict[ScopeKey, list[Line]] = {}
    for (scope, container, attempt), parts in tracks.items():
        found.setdefault(scope, []).extend(
            Line(container, attempt, _readings(alone), tuple(alone)) for alone in _apart(parts)
        )
    for of_scope in found.values():
        if len(of_scope) > 1:
            of_scope.sort(key=lambda line: (line.readings[-1].time_ms, line.attempt))
    return found


def _apart(tracks: list[Track]) -> Collection[list[Track]]:
    """The tracks of each who told of the same: two that tell at the same time, as a process and
    whoever asks Flink about it, read at different moments. One after another tells the same."""
    if len({track.key.epoch for track in tracks}) == 1:
        return (tracks,)
    by_epoch: dict[str, list[Track]] = {}
    for track in tracks:
        by_epoch.setdefault(track.key.epoch, []).append(track)
    spans = sorted(
        (min(t.first[0].time_ms for t in of), max(t.last[-1].time_ms for t in of))
        for of in by_epoch.values()
    )
    if all(a[1] < b[0] for a, b in pairwise(spans)):
        return (tracks,)
    return by_epoch.values()


def _readings(tracks: list[Track]) -> tuple[Reading, ...]:
    """Of all tracks by time; one reading may stand in pieces in `first` and `last`."""
    pieces = [r for t in tracks for r in (t.first if t.first == t.last else t.first + t.last)]
    if all((a.time_ms, a.sequence) < (b.time_ms, b.sequence) for a, b in pairwise(pieces)):
        return tuple(pieces)
    values: dict[tuple[int, int], dict[str, int]] = {}
    for reading in pieces:
        values.setdefault((reading.time_ms, reading.sequence), {}).update(reading.values)
    return tuple(Reading(*when, values[when]) for when in sorted(values))


def span(
    readings: tuple[Reading, ...],
    metrics: frozenset[str],
    *,
    least_ms: int,
    target_ms: int,
    since_ms: int,
) -> Span | None:
    """The newest reading with these metrics, and the one nearest to `target_ms` before it.

    None if no two of them lie at least `least_ms` apart, or if the newest is from before
    `since_ms`: what was not seen since then is not known of it.
    """
    have = [r for r in readings if r.values.keys() >= metrics]
    if not have or have[-1].time_ms < since_ms:
        return None
    b = have[-1]
    earlier = [r for r in have if b.time_ms - r.time_ms >= least_ms]
    if not earlier:
        return None
    return Span(min(earlier, key=lambda r: abs(b.time_ms - r.time_ms - target_ms)), b)


def recent(rollups: Mapping[int, Rollup], now_ms: int) -> tuple[Rollup, ...]:
    """The open minute and the two before it, where seen."""
    minute = now_ms // MINUTE_MS
    return tuple(rollups[m] for m in (minute - 2, minute - 1, minute) if m in rollups)


def latest(lines: Iterable[Line], name: str) -> int | None:
    """The newest value of a metric over all lines of a scope."""
    newest = (
        next(
            ((r.time_ms, r.values[name]) for r in reversed(line.readings) if name in r.values), None
        )
        for line in lines
    )
    return max((found for found in newest if found), default=(0, None))[1]
