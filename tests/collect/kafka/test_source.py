"""Reading from a real broker: what comes, and when it came."""

import time
from contextlib import closing, suppress
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import READING, Partition, Source
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
from tests.collect.kafka.topic import Topic, reads, report, sequences


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


def test_a_missing_topic_is_told_among_others_until_it_is_made_and_read(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READING, "topic.metadata.refresh.interval.ms", 500)
    late = f"{topic.prefix}late"
    with topic.source(also=[late]) as source:
        assert next(r for r in reads(source) if r.says).says == (
            f"Kafka at {topic.access.brokers} has no `{late}`: what is sent there is lost. Make "
            "what is missing by `drsquirrel topics create`."
        )
        for number in range(2):
            topic.send(report(number))
            read = next(r for r in reads(source) if r.arrivals)
            assert late in read.says
        client = AdminClient({"bootstrap.servers": topic.access.brokers})
        client.create_topics([NewTopic(late, 1, 1)])[late].result()
        producer = Producer({"bootstrap.servers": topic.access.brokers})
        producer.produce(late, report(2))
        producer.flush(60)
        read = next(r for r in reads(source) if (late, 0) in r.offsets)
        assert read.says == ""


def test_that_a_cluster_is_called_otherwise_is_told_while_its_messages_come(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.send(report(1), report(2, cluster="prdo`\n"))
    with topic.source() as source:
        read = next(r for r in reads(source) if r.says)
        assert read.says.startswith(
            "Kafka brings messages of a cluster `prdo'\\u000a` that is not in the settings: "
        )
        assert source.read(0.1).says
        monkeypatch.setattr("drsquirrel.collect.kafka.source.STRANGER_S", 0)
        assert source.read(0.1).says == ""


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


def test_while_nobody_tells_where_to_go_on_nothing_is_read() -> None:
    broker = Producer({"test.mock.num.brokers": 1})
    [at] = broker.list_topics(timeout=10).brokers.values()
    access = Access(brokers=f"{at.host}:{at.port}")
    producer = Producer({"bootstrap.servers": access.brokers})
    for _ in range(100):
        producer.produce("flink-logs", b"{}", partition=0)
    assert producer.flush(10) == 0
    answers = iter([{("flink-logs", 0): 95}])
    away = 2

    def stored() -> dict[Partition, int]:
        nonlocal away
        if away:
            away -= 1
            raise OSError("the database is away")
        return next(answers)

    letters = DeadLetters(access, SystemClock(), "")
    source = Source(access, {"flink-logs": {"prod"}}, stored, letters, Redaction(), "group")
    with closing(source):
        for _ in range(20):
            with suppress(OSError):
                if source.read(1.0).offsets:
                    break
    assert source.refused == {"malformed": 5}
