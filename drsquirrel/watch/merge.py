"""Joins what is known of one minute: associative, commutative, idempotent, and canonical.

Every set is bounded by an order of its identities that no merge changes, so an element that stands
in the result stood in every part that knew it: dropping early or late gives the same bytes.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, TypeAlias, TypeVar

from drsquirrel.model import event as wire
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.snapshot import LogSummary, Reading, Rollup, Seen, Subject, Track, TrackKey
from drsquirrel.model.state import CHECKPOINT_STATES, code_of
from drsquirrel.watch.limit import LIMITS, Limits

Sighting: TypeAlias = tuple[str, str, int, int]
"""(container, epoch, first, last): sequence numbers of one producer without a hole."""
Place: TypeAlias = tuple[int, int, int]
"""(time, sequence, value): what decides which reading of a metric is the first or the last."""
Skew: TypeAlias = tuple[str, str, int]
Told = TypeVar("Told", FailureEvent, CheckpointEvent, ChangeEvent)
Item = TypeVar("Item")

SEVEREST_FIRST = ("FATAL", "ERROR", "WARN", "INFO")


def merge(a: Rollup, b: Rollup, limits: Limits = LIMITS) -> Rollup:
    """What `a` and `b` know together; both must be about the same subject and minute."""
    if (a.subject, a.minute) != (b.subject, b.minute):
        raise ValueError("only rollups of one subject and one minute can be merged")
    return join(
        a.subject,
        a.minute,
        tracks=chain(a.tracks, b.tracks),
        seen=((s.container, s.epoch, s.first, s.last) for s in chain(a.seen, b.seen)),
        failures=chain(a.failures, b.failures),
        checkpoints=chain(a.checkpoints, b.checkpoints),
        changes=chain(a.changes, b.changes),
        logs=chain(a.logs, b.logs),
        skewed=chain(a.skewed, b.skewed),
        named={*a.named, *b.named},
        overflowed={*a.overflowed, *b.overflowed},
        limits=limits,
    )


def join(
    subject: Subject,
    minute: int,
    *,
    tracks: Iterable[Track],
    seen: Iterable[Sighting],
    failures: Iterable[FailureEvent],
    checkpoints: Iterable[CheckpointEvent],
    changes: Iterable[ChangeEvent],
    logs: Iterable[LogSummary],
    skewed: Iterable[Skew],
    named: set[tuple[str, str]],
    overflowed: set[str],
    limits: Limits,
) -> Rollup:
    """The canonical rollup of all these parts, in whatever order and however often they come."""

    def bounded(field: str, items: list[Item], limit: int) -> tuple[Item, ...]:
        if len(items) > limit:
            overflowed.add(field)
        return tuple(items[:limit])

    all_seen, seen_more = _seen(seen, limits.reports_per_minute)
    if seen_more:
        overflowed.add("seen")
    return Rollup(
        subject=subject,
        minute=minute,
        tracks=bounded("tracks", _tracks(tracks), limits.tracks_per_minute),
        seen=all_seen,
        failures=bounded("failures", _told(failures), limits.failures_per_minute),
        checkpoints=bounded("checkpoints", _told(checkpoints), limits.checkpoints_per_minute),
        changes=bounded("changes", _told(changes), limits.changes_per_minute),
        logs=bounded("logs", _logs(logs, limits.lines_per_signature), limits.signatures_per_minute),
        skewed=bounded("skewed", _skewed(skewed), limits.skewed_per_minute),
        named=bounded("named", sorted(named), limits.names_per_minute),
        overflowed=tuple(sorted(overflowed)),
    )


def _tracks(tracks: Iterable[Track]) -> list[Track]:
    by_key: dict[TrackKey, Track] = {}
    for track in tracks:
        known = by_key.setdefault(track.key, track)
        if known is not track:
            by_key[track.key] = merge_tracks(known, track)
    return [by_key[key] for key in sorted(by_key)]


def merge_tracks(a: Track, b: Track) -> Track:
    """What two tracks of the same key know together."""
    return Track(
        key=a.key,
        first=_ends(a.first, b.first, min),
        last=_ends(a.last, b.last, max),
        low=_extremes(a.low, b.low, min),
        high=_extremes(a.high, b.high, max),
    )


def _ends(
    a: tuple[Reading, ...], b: tuple[Reading, ...], end: Callable[[Place, Place], Place]
) -> tuple[Reading, ...]:
    """Per metric the reading at one end of time: `end` is min or max over (time, sequence)."""
    if len(a) == len(b) == 1 and a[0].values.keys() == b[0].values.keys():
        when_a, when_b = (a[0].time_ms, a[0].sequence, 0), (b[0].time_ms, b[0].sequence, 0)
        if when_a != when_b:
            return a if end(when_a, when_b) == when_a else b
    best: dict[str, Place] = {}
    for reading in chain(a, b):
        for name, value in reading.values.items():
            told = (reading.time_ms, reading.sequence, value)
            best[name] = end(best.get(name, told), told)
    readings: dict[tuple[int, int], dict[str, int]] = {}
    for name, (time_ms, sequence, value) in best.items():
        readings.setdefault((time_ms, sequence), {})[name] = value
    return tuple(Reading(*when, readings[when]) for when in sorted(readings))


def _extremes(
    a: Mapping[str, int], b: Mapping[str, int], extreme: Callable[[int, int], int]
) -> Mapping[str, int]:
    if a == b:
        return a
    return {**a, **{name: extreme(a.get(name, value), value) for name, value in b.items()}}


def _seen(seen: Iterable[Sighting], limit: int) -> tuple[tuple[Seen, ...], bool]:
    """Ranges without holes between them, of the `limit` smallest sequence numbers."""
    ranges: list[list[Any]] = []
    for container, epoch, first, last in sorted(seen):
        tail = ranges[-1] if ranges else None
        if tail and tail[0] == container and tail[1] == epoch and first <= tail[3] + 1:
            tail[3] = max(tail[3], last)
        else:
            ranges.append([container, epoch, first, last])
    kept: list[Seen] = []
    room = limit
    for container, epoch, first, last in ranges:
        if room > 0:
            kept.append(Seen(container, epoch, first, min(last, first + room - 1)))
        room -= last - first + 1
    return tuple(kept), room < 0


def _told(events: Iterable[Told]) -> list[Told]:
    """One event per identity, in the order of (time, identity)."""
    best: dict[tuple[int, str], Told] = {}
    for told in events:
        key = (told.time_ms, told.identity)
        known = best.setdefault(key, told)
        if known is not told and known != told:
            best[key] = max(known, told, key=_knowledge)
    return [best[key] for key in sorted(best)]


def _knowledge(told: FailureEvent | CheckpointEvent | ChangeEvent) -> tuple[int, int, int, bytes]:
    """A total order: a later state, a later end, more known fields; then bytes, to be decided."""
    state, ended_ms = 0, 0
    if isinstance(told, CheckpointEvent):
        state, ended_ms = code_of(CHECKPOINT_STATES, told.status), told.ended_ms or 0
    known = sum(getattr(told, f) not in (None, "", (), {}) for f in told.__struct_fields__)
    return state, ended_ms, known, wire.encoder.encode(told)


def _severity(log: LogSummary) -> tuple[int, str, str]:
    return SEVEREST_FIRST.index(log.level), log.logger, log.signature


def _logs(logs: Iterable[LogSummary], line_limit: int) -> list[LogSummary]:
    by_key: dict[tuple[int, str, str], list[LogSummary]] = {}
    for log in logs:
        by_key.setdefault(_severity(log), []).append(log)
    return [_log(by_key[key], line_limit) for key in sorted(by_key)]


def _log(parts: list[LogSummary], line_limit: int) -> LogSummary:
    counts: dict[tuple[str, str, int], int] = {}
    for container, epoch, sequence, count in chain.from_iterable(part.lines for part in parts):
        line = (container, epoch, sequence)
        counts[line] = max(counts.get(line, 0), count)
    first_ms, sample = min((part.first_ms, part.sample) for part in parts)
    return LogSummary(
        signature=parts[0].signature,
        level=parts[0].level,
        logger=parts[0].logger,
        sample=sample,
        first_ms=first_ms,
        last_ms=max(part.last_ms for part in parts),
        lines=tuple((*line, counts[line]) for line in sorted(counts)[:line_limit]),
        more=len(counts) > line_limit or any(part.more for part in parts),
    )


def _skewed(skewed: Iterable[Skew]) -> list[Skew]:
    largest: dict[tuple[str, str], int] = {}
    for container, epoch, distance_ms in skewed:
        producer = (container, epoch)
        largest[producer] = max(largest.get(producer, 0), distance_ms)
    return [(*producer, largest[producer]) for producer in sorted(largest)]
