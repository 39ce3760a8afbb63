"""One partition of snapshots, read whoever else is in the group."""

from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import APPLICATIONS, SNAPSHOT_BYTES, Refusal
from drsquirrel.collect.kafka.snapshots import SnapshotSource, examined
from drsquirrel.collect.kafka.source import Arrival
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import FailureEvent
from drsquirrel.model.snapshot import Seen, Snapshot, encoder
from drsquirrel.watch.piece import Arrived, pieces
from tests.collect.kafka.topic import Topic, reads
from tests.watch.made import NOON_MS, TRACE, origin, report, subtask


def snapshot(sequence: int = 1, text: str = TRACE) -> Snapshot:
    told = report(sequence, NOON_MS, subtask(numRecordsIn=sequence))
    failure = FailureEvent(origin=origin(9), time_ms=NOON_MS + 5, job="j", throwable=text)
    arrived = [Arrived(NOON_MS, e.time_ms, e) for e in (told, failure)]
    [piece] = pieces(arrived)[0].values()
    return piece


def of(name: str) -> Snapshot:
    made = snapshot()
    return replace(made, subject=replace(made.subject, cluster=name))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{}", "malformed"),
        (encoder.encode(snapshot())[:-1], "malformed"),
        (encoder.encode(replace(snapshot(), schema=99)), "newer schema"),
        (encoder.encode(of("stage")), "another cluster"),
        (b" " * (SNAPSHOT_BYTES + 1), "too long"),
    ],
)
def test_what_is_no_snapshot_of_ours_is_refused(value: bytes, reason: str) -> None:
    found = examined(value, {"prod"})
    assert isinstance(found, Refusal) and found.reason == reason


def test_a_snapshot_of_any_application_is_ours_where_applications_may_speak() -> None:
    told = report(1, NOON_MS, subtask(numRecordsIn=1))
    told = replace(told, origin=replace(told.origin, cluster="application_1_0001"))
    [piece] = pieces([Arrived(NOON_MS, NOON_MS, told)])[0].values()
    value = encoder.encode(piece)
    assert examined(value, {"prod", APPLICATIONS}) == piece
    assert examined(value, {"prod"}) == Refusal("another cluster", "application_1_0001")


def test_a_snapshot_that_holds_another_clusters_minutes_is_refused() -> None:
    [rollup] = snapshot().rollups
    foreign = replace(rollup, subject=replace(rollup.subject, cluster="stage"))
    value = encoder.encode(replace(snapshot(), rollups=(rollup, foreign)))
    assert examined(value, {"prod"}) == Refusal("malformed")


def test_a_snapshot_with_an_event_of_another_cluster_is_refused() -> None:
    [rollup] = snapshot().rollups
    [failure] = rollup.failures
    foreign = replace(failure, origin=replace(failure.origin, cluster="stage"))
    value = encoder.encode(replace(snapshot(), rollups=(replace(rollup, failures=(foreign,)),)))
    assert examined(value, {"prod"}) == Refusal("malformed")


@pytest.mark.parametrize("side", ["first", "last"])
def test_a_track_without_readings_is_refused(side: str) -> None:
    value = msgspec.to_builtins(snapshot())
    value["rollups"][0]["tracks"][0][1 if side == "first" else 2] = []
    assert examined(msgspec.json.encode(value), {"prod"}) == Refusal("malformed")


@pytest.mark.parametrize(("side", "by_ms"), [(1, -1), (1, -(10**18)), (2, 60_000), (2, 10**30)])
def test_a_reading_of_another_minute_is_refused(side: int, by_ms: int) -> None:
    value = msgspec.to_builtins(snapshot())
    assert examined(msgspec.json.encode(value), {"prod"}) == snapshot()
    value["rollups"][0]["tracks"][0][side][0][0] += by_ms
    assert examined(msgspec.json.encode(value), {"prod"}) == Refusal("malformed")


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("start_ms", 2**63),
        ("seen", (Seen("tm-0", "e", 0, 2**63),)),
        ("seen", (Seen("t", "e", 2, 1),)),
    ],
)
def test_what_no_database_can_count_is_refused(change: str, value: object) -> None:
    [rollup] = snapshot().rollups
    if change == "start_ms":
        rollup = replace(rollup, subject=replace(rollup.subject, start_ms=value))
    else:
        rollup = replace(rollup, seen=value)
    told = encoder.encode(replace(snapshot(), rollups=(rollup,)))
    assert examined(told, {"prod"}) == Refusal("impossible number")


@pytest.fixture
def source(topic: Topic) -> Iterator[SnapshotSource]:
    letters = DeadLetters(topic.access, SystemClock(), topic.prefix)
    partition = f"{topic.prefix}job-snapshots", 0
    made = SnapshotSource(
        topic.access, partition, {"prod"}, dict, letters, Redaction(), f"{topic.prefix}group"
    )
    yield made
    made.close()


def test_events_come_with_their_own_times_and_what_is_broken_is_put_aside(
    topic: Topic, source: SnapshotSource
) -> None:
    producer = Producer(
        {
            "bootstrap.servers": topic.access.brokers,
            "message.max.bytes": SNAPSHOT_BYTES,
            "linger.ms": 0,
        }
    )
    large = snapshot(2, "x" * 10_000_000)
    values = (encoder.encode(snapshot()), b"{}", encoder.encode(of("stage")), encoder.encode(large))
    for value in values:
        producer.produce(f"{topic.prefix}job-snapshots", value, key="prod")
    assert producer.flush(30) == 0
    arrivals: list[Arrival] = []
    offsets = {}
    for read in reads(source):
        arrivals += read.arrivals.get("prod", [])
        offsets.update(read.offsets)
        if len(arrivals) == 4:
            break
    assert [(ms, type(what)) for ms, what in arrivals if isinstance(what, FailureEvent)] == [
        (NOON_MS + 5, FailureEvent)
    ] * 2
    kept = [what for _, what in arrivals if isinstance(what, Snapshot)]
    assert [len(k.rollups[0].tracks) for k in kept] == [1, 1]
    assert all(not k.rollups[0].failures for k in kept)
    assert offsets == {(f"{topic.prefix}job-snapshots", 0): 4}
    assert source.refused == {"malformed": 1, "another cluster": 1}
    assert len(topic.dead_letters(2)) == 2


def reading(access: Access) -> SnapshotSource:
    letters = DeadLetters(access, SystemClock(), "")
    return SnapshotSource(access, ("snapshots", 0), {"prod"}, dict, letters, Redaction(), "group")


def test_it_says_that_no_broker_answers_though_it_keeps_its_partition() -> None:
    with closing(reading(Access(brokers="127.0.0.1:1"))) as source:
        told = [source.read(1.0).says for _ in range(2)]
    assert told[1].startswith("No Kafka broker answers at 127.0.0.1:1: ")


def test_what_was_wrong_with_a_connection_once_is_not_told_for_ever() -> None:
    broker = Producer({"test.mock.num.brokers": 1})
    [at] = broker.list_topics(timeout=10).brokers.values()
    with closing(reading(Access(brokers=f"{at.host}:{at.port}"))) as source:
        source._heard.why, source._is_away = "it was restarted", True
        reads = [source.read(1.0) for _ in range(2)]
    assert [read.says for read in reads] == ["", ""] and reads[0].is_assigned
    assert source._heard.last == ""
