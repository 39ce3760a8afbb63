"""However often and by whomever the same messages are read, the snapshots are the same bytes."""

import random
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import Partition, Read, Source
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    FailureEvent,
    LogEvent,
    Message,
    MetricReport,
    Origin,
    Place,
    Table,
    encoder,
)
from drsquirrel.model.snapshot import Rollup, Subject
from drsquirrel.model.snapshot import encoder as snapshot_encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.merge import merge

MESSAGES = 3_000
ENOUGH_S = 30.0


def messages() -> Iterator[Message]:
    """What four processes tell of two runs, themselves and what happens."""
    chance, now_ms = random.Random(4), time.time_ns() // 1_000_000
    for sequence in range(MESSAGES):
        container, job = f"tm-{sequence % 4}", ("", "a" * 32, "b" * 32)[sequence % 3]
        origin = Origin(
            cluster="prod", producer="plugin", epoch="e", sequence=sequence, container=container
        )
        about = {"origin": origin, "time_ms": now_ms - chance.randrange(50_000)}
        of_run = about | {"job": job, "start_ms": 1}
        if sequence % 10:
            place = Place("v", sequence % 7, attempt=0) if job else Place()
            name = "numRecordsIn" if job else "Status.JVM.Memory.Heap.Used"
            table = Table(names=(name,), places=(place,), numbers=(chance.randrange(10**6),))
            yield MetricReport(**of_run, tables=(table,))  # type: ignore[arg-type]
        elif sequence % 3 == 0:
            yield LogEvent(**about, level="WARN", logger="l", message=f"slow {sequence % 5}")  # type: ignore[arg-type]
        elif sequence % 20:
            yield FailureEvent(**of_run, throwable=f"java.lang.Error: {sequence % 3}")  # type: ignore[arg-type]
        elif sequence % 40:
            yield CheckpointEvent(**of_run, id=sequence, status="COMPLETED")  # type: ignore[arg-type]
        else:
            yield ChangeEvent(**of_run, what="job-state", subject="RESTARTING")  # type: ignore[arg-type]


class Results:
    """What a reader has come to: rollups and the offsets after them, stored together."""

    def __init__(self) -> None:
        self.rollups: dict[tuple[Subject, int], Rollup] = {}
        self.offsets: dict[Partition, int] = {}

    def store(self, read: Read) -> None:
        for rollup in fold(read.arrivals.get("prod", ())).rollups:
            key = rollup.subject, rollup.minute
            known = self.rollups.get(key)
            self.rollups[key] = merge(known, rollup) if known else rollup
        for partition, next_ in read.offsets.items():
            self.offsets[partition] = max(next_, self.offsets.get(partition, 0))

    @property
    def is_complete(self) -> bool:
        return sum(self.offsets.values()) == MESSAGES

    def bytes(self) -> list[bytes]:
        return [snapshot_encoder.encode(self.rollups[key]) for key in sorted(self.rollups)]


class Topic:
    """One topic with the messages in it."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self._access, self._prefix = Access(brokers=broker.address), prefix
        self._name = f"{prefix}flink-metrics"
        make_topics(broker.address, prefix)
        producer = Producer({"bootstrap.servers": broker.address})
        for message in messages():
            producer.produce(self._name, encoder.encode(message), key=message.origin.container)
        assert producer.flush(30) == 0

    def member(self, stored: dict[Partition, int], group: str) -> Source:
        letters = DeadLetters(self._access, SystemClock(), self._prefix)
        bound = {self._name: {"prod"}}
        return Source(
            self._access, bound, lambda: stored, letters, Redaction(), self._prefix + group
        )

    def read_all(self, into: Results, group: str) -> None:
        source = self.member(into.offsets, group)
        deadline = time.monotonic() + ENOUGH_S
        while not into.is_complete and time.monotonic() < deadline:
            into.store(source.read(0.5))
        source.close()
        assert into.is_complete


@pytest.fixture(scope="module")
def topic(broker: Broker) -> Topic:
    return Topic(broker, "replay-")


@pytest.fixture(scope="module")
def expected(topic: Topic) -> list[bytes]:
    results = Results()
    topic.read_all(results, "once")
    assert len(results.rollups) >= 6
    return results.bytes()


def test_a_second_reading_from_the_beginning_changes_nothing(
    topic: Topic, expected: list[bytes]
) -> None:
    results = Results()
    topic.read_all(results, "twice")
    assert results.bytes() == expected
    results.offsets.clear()
    topic.read_all(results, "twice again")
    assert results.bytes() == expected


def test_after_a_kill_reading_goes_on_where_the_results_end(
    topic: Topic, expected: list[bytes]
) -> None:
    results, lives = Results(), 0
    while not results.is_complete:
        lives += 1
        assert lives < 50
        source = topic.member(results.offsets, "killed")
        deadline = time.monotonic() + ENOUGH_S
        read = Read()
        while not read.arrivals and time.monotonic() < deadline:
            results.store(read)
            read = source.read(0.5)
        results.store(read)
        source.read(0.5)  # which is not stored before the kill
        source.close()
    assert lives > 2
    assert results.bytes() == expected


def test_members_that_join_and_leave_come_to_the_same_together(
    topic: Topic, expected: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Joining takes a while, in which the first shall not have read all.
    monkeypatch.setattr("drsquirrel.collect.kafka.source.MESSAGES", 1)
    results = Results()
    first = topic.member(results.offsets, "shared")
    deadline = time.monotonic() + ENOUGH_S
    while not results.offsets and time.monotonic() < deadline:
        results.store(first.read(0.5))
    second = topic.member(results.offsets, "shared")
    read = Read()
    while not read.arrivals and time.monotonic() < deadline:
        results.store(first.read(0.02))
        read = second.read(0.02)
        results.store(read)
    assert read.arrivals and not results.is_complete
    monkeypatch.undo()
    first.close()
    while not results.is_complete and time.monotonic() < deadline:
        results.store(second.read(0.5))
    second.close()
    assert results.bytes() == expected
