"""Snapshots in pieces: what a part of a stream says of a subject in a window of arrival.

A piece is a snapshot too. Pieces of one subject and window are joined in any order, as often as one
likes, and are the snapshot once all are joined. So a stream can be cut anywhere: by batches, by
tasks, and a large run by its containers.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace as replace_limits
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from drsquirrel.model.event import Event
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.window import Minutes, add, snapshot_of

DELAY_MS = 5_000
"""A window of arrival closes so late: partitions are read one after the other."""
SLICES = 4
"""A run is cut by its containers into so many, each of which is a group of its own: one of 1,000
TaskManagers need not fit into one."""

KNOWN_GROUPS = 100_000
"""Of containers in runs, which are remembered."""
HELD = ("changes", "checkpoints", "failures", "logs", "skewed", "tracks")
"""What a rollup holds beside who reported."""


class Group(NamedTuple):
    """What is put together in one place: a container, or a slice of a run."""

    cluster: str
    job: str
    container: str
    slice: int


class Arrived(Struct, frozen=True, array_like=True, gc=False):
    """An event, when it arrived, and when it would have if nothing had held it up."""

    arrival_ms: int
    told_ms: int
    event: Event

    @property
    def group(self) -> Group:
        """Where it is put together with others: with its container where it is about no run."""
        event = self.event
        return _group(event.origin.cluster, event.job, event.origin.container)

    @property
    def minute(self) -> int:
        """Of arrival."""
        return self.arrival_ms // MINUTE_MS


@lru_cache(KNOWN_GROUPS)
def _group(cluster: str, job: str, container: str) -> Group:
    if not job:
        return Group(cluster, "", container, 0)
    return Group(cluster, job, "", crc32(container.encode()) % SLICES)


def group_about(subject: Subject, slice_: int) -> Group:
    """The group of what is known of a subject, or of this slice of it."""
    return Group(subject.cluster, subject.job, subject.container, slice_)


def pieces(
    arrived: Iterable[Arrived], limits: Limits = LIMITS
) -> tuple[dict[tuple[Group, int], Snapshot], Counter[str]]:
    """The piece of each group and minute of arrival, and what was dropped, by reason.

    Which start of a job is meant is found out by who reads the snapshots: here all are one. An
    event that breaks what folds it is dropped alone.
    """
    events = [*arrived]
    try:
        return _pieces(events, limits)
    except Exception:
        whole = [one for one in events if _is_foldable(one, limits)]
        found, dropped = _pieces(whole, limits)
        dropped["it broke what takes it"] += len(events) - len(whole)
        return found, dropped


def _is_foldable(one: Arrived, limits: Limits) -> bool:
    try:
        _pieces([one], limits)
    except Exception:
        return False
    return True


def _pieces(
    arrived: Iterable[Arrived], limits: Limits
) -> tuple[dict[tuple[Group, int], Snapshot], Counter[str]]:
    told: dict[tuple[int, int], list[tuple[int, Event]]] = {}
    for one in arrived:
        event = replace(one.event, start_ms=0) if one.event.start_ms else one.event
        told.setdefault((one.minute, one.group.slice), []).append((one.told_ms, event))
    found: dict[tuple[Group, int], list[Rollup]] = {}
    dropped: Counter[str] = Counter()
    for (minute, slice_), events in told.items():
        folded = fold(events, limits)
        dropped.update(folded.dropped)
        for rollup in folded.rollups:
            found.setdefault((group_about(rollup.subject, slice_), minute), []).append(rollup)
    return {
        (group, minute): _piece(minute * MINUTE_MS // WINDOW_MS * WINDOW_MS, rollups, limits)
        for (group, minute), rollups in found.items()
    }, dropped


def joined(parts: Iterable[Snapshot], limits: Limits = LIMITS) -> Snapshot:
    """What pieces of one subject and window say together; there must be at least one."""
    found = [*parts]
    if len(found) == 1:
        return found[0]
    return _piece(found[0].window_ms, [r for part in found for r in part.rollups], limits)


def fitting(parts: Iterable[Snapshot], most_bytes: int, limits: Limits = LIMITS) -> bytes:
    """What pieces say together, encoded, as `joined`; of what is too large without its metrics, as
    many as need be, or with nothing but who reported, of the newest minutes. That says what is
    missing."""
    whole = joined(parts, limits)
    tracks = max((len(rollup.tracks) for rollup in whole.rollups), default=0)
    encoded = encoder.encode(whole)
    while len(encoded) > most_bytes and tracks:
        tracks //= 2
        encoded = encoder.encode(
            joined([whole, whole], replace_limits(limits, tracks_per_minute=tracks))
        )
    kept = len(whole.rollups)
    while len(encoded) > most_bytes:
        lean = tuple(
            Rollup(subject=r.subject, minute=r.minute, seen=r.seen, overflowed=HELD)
            for r in whole.rollups[len(whole.rollups) - kept :]
        )
        encoded = encoder.encode(replace(whole, rollups=lean))
        kept //= 2
    return encoded


def _piece(window_ms: int, rollups: list[Rollup], limits: Limits) -> Snapshot:
    minutes: Minutes = {}
    for rollup in rollups:
        add(minutes, rollup, limits)
    return snapshot_of(rollups[0].subject, window_ms, minutes)
