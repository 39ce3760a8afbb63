"""Snapshots in pieces: what a part of a stream says of a subject in a window of arrival.

A piece is a snapshot too. Pieces of one subject and window are joined in any order, as often as one
likes, and are the snapshot once all are joined. So a stream can be cut anywhere: by batches, by
tasks, and a large run by its containers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zlib import crc32

from msgspec import Struct
from msgspec.structs import replace

from drsquirrel.model.event import Event
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.remember import remembered
from drsquirrel.watch.window import Minutes, add, snapshot_of

DELAY_MS = 5_000
"""A window of arrival closes so late: partitions are read one after the other."""
SLICES = 4
"""A run is cut by its containers into so many, each of which is a group of its own: one of 1,000
TaskManagers need not fit into one."""

KNOWN_GROUPS = 100_000
"""Of containers in runs, which are remembered."""
GROUP_CHARACTERS = 300
"""Of those that are; Flink's own names are shorter."""
HELD = ("changes", "checkpoints", "failures", "logs", "named", "skewed", "tracks")
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


def _characters(*names: str) -> int:
    return sum(map(len, names))


@remembered(KNOWN_GROUPS, _characters, GROUP_CHARACTERS)
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


def fitting(parts: Iterable[Snapshot], most_bytes: int, limits: Limits = LIMITS) -> Iterator[bytes]:
    """What pieces say together, encoded: where that is too large, in several pieces."""
    whole = joined(parts, limits)
    encoded = encoder.encode(whole)
    if len(encoded) <= most_bytes:
        yield encoded
        return
    for half in _halves(whole):
        yield from fitting([half], most_bytes, limits)


def _halves(whole: Snapshot) -> Iterator[Snapshot]:
    """Two pieces that are this snapshot together. Of what cannot be divided all is left out but for
    its minute, which says so."""
    window_ms, rollups = whole.window_ms, whole.rollups
    if len(rollups) > 1:
        middle = len(rollups) // 2
        yield snapshot_of(whole.subject, window_ms, rollups[:middle])
        yield snapshot_of(whole.subject, window_ms, rollups[middle:])
        return
    [rollup] = rollups
    held = {name: getattr(rollup, name) for name in (*HELD, "seen")}
    if max(map(len, held.values())) <= 1:
        lean = Rollup(subject=rollup.subject, minute=rollup.minute, overflowed=HELD)
        yield snapshot_of(whole.subject, window_ms, [lean])
        return
    for half in (0, 1):
        own = {
            name: told[len(told) // 2 :] if half else told[: len(told) // 2]
            for name, told in held.items()
        }
        yield snapshot_of(whole.subject, window_ms, [replace(rollup, **own)])


def _piece(window_ms: int, rollups: list[Rollup], limits: Limits) -> Snapshot:
    minutes: Minutes = {}
    for rollup in rollups:
        add(minutes, rollup, limits)
    return snapshot_of(rollups[0].subject, window_ms, minutes.values())
