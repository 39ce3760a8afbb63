"""Reads one partition of what the watcher tells: snapshots in, their events and metrics out."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from confluent_kafka import Message as Raw
from confluent_kafka import TopicPartition
from msgspec.structs import replace

from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import BROKEN, SNAPSHOT_BYTES, Refusal, may_speak
from drsquirrel.collect.kafka.source import Arrival, Partition, Source
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import LONG_LIMIT, Message
from drsquirrel.model.snapshot import MINUTE_MS, SCHEMA, Rollup, Snapshot, decoder

REPORTS_MAX = 2**32
"""Of one process in a minute; nobody sends as many in a lifetime."""


class SnapshotSource(Source):
    """One partition, whoever else is in the group. `clusters` are those that are read from it.

    Each event comes with its own time as its arrival: the watcher has set right what was wrong.
    """

    at_hand = 1
    answer_bytes = 2 * SNAPSHOT_BYTES

    def __init__(
        self,
        access: Access,
        partition: Partition,
        clusters: Collection[str],
        stored: Callable[[], Mapping[Partition, int]],
        dead_letters: DeadLetters,
        redaction: Redaction,
        group: str,
    ) -> None:
        self._partition = partition
        bound = {partition[0]: clusters}
        super().__init__(access, bound, stored, dead_letters, redaction, group, shared=True)

    def _begin(self) -> None:
        self._assigned(self._consumer, [TopicPartition(*self._partition)])

    def _understood(self, raw: Raw, value: bytes) -> tuple[str, Iterable[Arrival]] | Refusal:
        snapshot = examined(value, self.bound[self._partition[0]])
        if isinstance(snapshot, Refusal):
            return snapshot
        _, arrival_ms = raw.timestamp()
        return snapshot.subject.cluster, told(snapshot, arrival_ms)


def examined(value: bytes, clusters: Collection[str]) -> Snapshot | Refusal:
    """The snapshot, if it is about one of these clusters."""
    if len(value) > SNAPSHOT_BYTES:
        return Refusal("too long")
    try:
        snapshot = decoder.decode(value)
    except BROKEN:
        return Refusal("malformed")
    cluster = snapshot.subject.cluster
    if snapshot.schema > SCHEMA:
        return Refusal("newer schema")
    if not may_speak(cluster, clusters):
        return Refusal("another cluster", cluster)
    if not all(_is_whole(rollup, cluster) for rollup in snapshot.rollups):
        return Refusal("malformed")
    if not all(map(_is_countable, snapshot.rollups)):
        return Refusal("impossible number")
    return snapshot


def _is_whole(rollup: Rollup, cluster: str) -> bool:
    """Whether all of it is about this cluster, and every track is of this minute."""
    events: Iterable[Message] = (*rollup.failures, *rollup.checkpoints, *rollup.changes)
    told_of = {rollup.subject.cluster, *(event.origin.cluster for event in events)}
    begin_ms, end_ms = rollup.minute * MINUTE_MS, (rollup.minute + 1) * MINUTE_MS
    return told_of == {cluster} and all(
        track.first
        and track.last
        and begin_ms <= track.first[0].time_ms
        and track.last[-1].time_ms < end_ms
        for track in rollup.tracks
    )


def _is_countable(rollup: Rollup) -> bool:
    """Whether what the store counts in 64 bits fits into them."""
    return abs(rollup.subject.start_ms) < LONG_LIMIT and all(
        0 <= seen.last - seen.first < REPORTS_MAX for seen in rollup.seen
    )


def told(snapshot: Snapshot, arrival_ms: int) -> Iterator[Arrival]:
    """Its events, each with its own time, and what else it holds."""
    rest: list[Rollup] = []
    for rollup in snapshot.rollups:
        yield from ((event.time_ms, event) for event in rollup.failures)
        yield from ((event.time_ms, event) for event in rollup.checkpoints)
        yield from ((event.time_ms, event) for event in rollup.changes)
        rest.append(replace(rollup, failures=(), checkpoints=(), changes=()))
    if any(r.seen or r.logs or r.overflowed or r.skewed for r in rest):
        yield arrival_ms, replace(snapshot, rollups=tuple(rest))
