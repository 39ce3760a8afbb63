"""Reading from a real broker: everything that is readable comes, whatever stands between."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import PER_MINUTE, DeadLetters
from drsquirrel.collect.kafka.source import Partition, Read, Source
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import (
    ConfigEvent,
    FailureEvent,
    LogEvent,
    Message,
    MetricReport,
    Origin,
    encoder,
)

BOMB_BYTES = 100_000_000
ENOUGH_S = 20.0


class Noon:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return 1_760_000_040_000

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


def report(sequence: int, cluster: str = "prod", schema: int = 1) -> bytes:
    origin = Origin(cluster=cluster, producer="plugin", epoch="e", sequence=sequence, schema=schema)
    return encoder.encode(MetricReport(origin=origin, time_ms=1_760_000_040_000))


class Topic:
    """The topics under a prefix of their own, with one partition each."""

    def __init__(self, broker: Broker, prefix: str) -> None:
        self.access, self.prefix = Access(brokers=broker.address), prefix
        self.name = f"{prefix}flink-metrics"
        make_topics(broker.address, prefix, partitions=1)

    def send(self, *values: bytes, **options: object) -> None:
        told: list[object] = []
        producer = Producer({"bootstrap.servers": self.access.brokers, "linger.ms": 0, **options})
        for value in values:
            producer.produce(self.name, value, on_delivery=lambda error, _: told.append(error))
        producer.flush(60)
        assert told == [None] * len(values)

    @contextmanager
    def source(self, stored: Mapping[Partition, int] | None = None) -> Iterator[Source]:
        letters = DeadLetters(self.access, Noon(), self.prefix)
        bound = {self.name: {"prod"}}
        source = Source(
            self.access, bound, lambda: stored or {}, letters, Redaction(), f"{self.prefix}group"
        )
        try:
            yield source
        finally:
            source.close()
            letters.close(10)

    def dead_letters(
        self, count: int, within_s: float = ENOUGH_S
    ) -> list[tuple[dict[str, str], bytes]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.access.brokers,
                "group.id": f"{self.prefix}letters",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([f"{self.prefix}drsquirrel-dead-letters"])
        found = []
        deadline = time.monotonic() + within_s
        while len(found) < count and time.monotonic() < deadline:
            for raw in consumer.consume(count, 0.5):
                headers = {name: value.decode() for name, value in raw.headers() or ()}
                found.append((headers, raw.value() or b""))
        consumer.close()
        return found


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> Topic:
    return Topic(broker, f"{abs(hash(request.node.name))}-")


def reads(source: Source) -> Iterator[Read]:
    """One reading after the other, for as long as is enough."""
    deadline = time.monotonic() + ENOUGH_S
    while time.monotonic() < deadline:
        yield source.read(0.2)


def sequences(
    source: Source, until: Callable[[list[int]], bool], offsets: dict[Partition, int] | None = None
) -> list[int]:
    """The sequence numbers of what was read, until enough has come."""
    found: list[int] = []
    for read in reads(source):
        found += [m.origin.sequence for _, m in read.arrivals.get("prod", ())]
        if offsets is not None:
            offsets.update(read.offsets)
        if until(found):
            break
    return found


def test_messages_come_with_the_time_at_which_the_broker_took_them(topic: Topic) -> None:
    before_ms = time.time_ns() // 1_000_000
    topic.send(report(1), report(2))
    with topic.source() as source:
        [(arrival_ms, first), *_] = next(r for r in reads(source) if r.arrivals).arrivals["prod"]
    assert isinstance(first, MetricReport) and first.origin.sequence == 1
    assert before_ms - 1_000 <= arrival_ms <= time.time_ns() // 1_000_000 + 1_000


@pytest.mark.parametrize(
    ("waited_ms", "header"),
    [(90_000, b"1760000130000"), (0, b"1760000000000"), (0, b"x"), (0, b"9" * 20), (0, b"")],
)
def test_a_message_that_waited_for_kafka_counts_as_if_it_had_not(
    topic: Topic, waited_ms: int, header: bytes
) -> None:
    producer = Producer({"bootstrap.servers": topic.access.brokers, "linger.ms": 0})
    producer.produce(topic.name, report(1), headers=[("sent_ms", header)])
    producer.flush(60)
    with topic.source() as source:
        [(told_ms, _)] = next(r for r in reads(source) if r.arrivals).arrivals["prod"]
    now_ms = time.time_ns() // 1_000_000
    assert now_ms - waited_ms - 30_000 <= told_ms <= now_ms - waited_ms + 1_000


def test_reading_goes_on_where_the_results_end(topic: Topic) -> None:
    topic.send(*map(report, range(6)))
    offsets: dict[Partition, int] = {}
    with topic.source() as source:
        assert sequences(source, lambda f: len(f) >= 6, offsets) == [*range(6)]
        assert source.lag() == {(topic.name, 0): 0}
    topic.send(report(6))
    with topic.source({(topic.name, 0): 4}) as source:
        assert sequences(source, lambda f: 6 in f) == [4, 5, 6]
    with topic.source() as source:
        assert sequences(source, lambda f: 6 in f) == [*range(7)]


POISON = {
    "malformed": (b"\xff\x00\xfe", b"", b"{}", b"[" * 100_000, b'{"type":"metrics","or', b"null"),
    "newer schema": (report(0, schema=99),),
    "another cluster": (report(0, cluster="finance"),),
}


def test_what_is_no_message_of_ours_is_put_aside_with_the_reason_and_stops_nothing(
    topic: Topic,
) -> None:
    bad = [(reason, value) for reason, values in POISON.items() for value in values]
    for number, (_, value) in enumerate(bad):
        topic.send(report(number), value)
    topic.send(report(99))
    with topic.source() as source:
        assert sequences(source, lambda f: 99 in f) == [*range(len(bad)), 99]
        assert source.refused == Counter(reason for reason, _ in bad)
    letters = topic.dead_letters(len(bad))
    assert [(h["reason"], value) for h, value in letters] == [(r, v[: 64 << 10]) for r, v in bad]
    assert [(h["topic"], h["partition"], h["offset"]) for h, _ in letters] == [
        (topic.name, "0", str(2 * n + 1)) for n in range(len(bad))
    ]


def test_a_bomb_is_passed_over_and_recorded(topic: Topic) -> None:
    topic.send(report(1))
    large = {"compression.type": "zstd", "message.max.bytes": 2 * BOMB_BYTES}
    topic.send(b"\0" * BOMB_BYTES, **large)
    topic.send(report(2), report(3))
    with topic.source() as source:
        assert sequences(source, lambda f: 3 in f) == [1, 2, 3]
        assert source.refused == {"unreadable batch": 1}
    [(headers, value)] = topic.dead_letters(1)
    assert (headers["reason"], headers["offset"], value) == ("unreadable batch", "1", b"")
    assert "ecompression" in headers["error"]


def test_an_unreadable_batch_of_many_messages_takes_few_others_with_it(topic: Topic) -> None:
    many = {"compression.type": "zstd", "batch.num.messages": 50, "linger.ms": 500}
    topic.send(report(1))
    topic.send(
        *[b"\0" * 2_000_000] * 40,
        **many,
        **{"message.max.bytes": BOMB_BYTES, "batch.size": BOMB_BYTES},
    )
    topic.send(*map(report, range(2, 100)))
    with topic.source() as source:
        found = sequences(source, lambda f: 99 in f)
    assert found[0] == 1 and found[-1] == 99
    assert found[1:] == [*range(found[1], 100)] and found[1] <= 2 + 40


def test_a_message_that_is_too_long_is_refused_by_its_length(topic: Topic) -> None:
    topic.send(
        b" " * (5 << 20), report(1), **{"message.max.bytes": 8 << 20, "compression.type": "zstd"}
    )
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"too long": 1}


def test_what_is_too_large_to_be_examined_is_put_aside(topic: Topic) -> None:
    event = LogEvent(
        origin=Origin(cluster="prod", producer="plugin", epoch="e", sequence=9),
        time_ms=1_760_000_040_000,
        level="WARN",
        logger="a.B",
        message="password=x" + "," * 300_000,
    )
    topic.send(encoder.encode(event), report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"not examined for secrets": 1}


def test_dead_letters_are_bounded(topic: Topic) -> None:
    topic.send(*[b"?"] * (PER_MINUTE + 20), report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"malformed": PER_MINUTE + 20}
    assert len(topic.dead_letters(PER_MINUTE + 1, within_s=3)) == PER_MINUTE


def test_a_message_is_read_without_its_secrets(topic: Topic) -> None:
    origin = Origin(cluster="prod", producer="plugin", epoch="e", sequence=1)
    at: dict[str, Any] = {"origin": origin, "time_ms": 1_760_000_040_000}
    secrets = {"s3.secret-key": "hunter2", "url": "jdbc:mysql://ann:hunter2@db/x"}
    told: tuple[Message, ...] = (
        LogEvent(**at, level="WARN", logger="a.B", message="login with password=hunter2"),
        FailureEvent(
            **at, job="j", signature="", throwable="a.B: https://ann:hunter2@host refused"
        ),
        ConfigEvent(**at, is_taskmanager=True, options=secrets | {"parallelism": "4"}),
    )
    topic.send(*map(encoder.encode, told))
    with topic.source() as source:
        found = []
        for read in reads(source):
            found += [message for _, message in read.arrivals.get("prod", ())]
            if len(found) == len(told):
                break
    assert [type(message) for message in found] == [type(message) for message in told]
    assert "hunter2" not in str(found) and "redacted" in str(found)
    assert found[2].options["parallelism"] == "4"


def test_a_log_event_keeps_what_the_plugin_says_of_it(topic: Topic) -> None:
    told = LogEvent(
        origin=Origin(cluster="prod", producer="plugin", epoch="e", sequence=1),
        time_ms=1_760_000_040_000,
        level="WARN",
        logger="a.B",
        message="slow",
        task="map (1/2)#0",
        host="node-1",
        count=3,
        dropped=7,
    )
    topic.send(encoder.encode(told))
    with topic.source() as source:
        [(_, found)] = next(r for r in reads(source) if r.arrivals).arrivals["prod"]
    assert found == told
