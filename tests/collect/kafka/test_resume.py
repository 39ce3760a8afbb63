"""A reader whose state is lost begins before the windows that were open as it stopped."""

from collections.abc import Mapping

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from demo.broker import Broker
from drsquirrel.collect.kafka.connection import Access, BrokerError
from drsquirrel.collect.kafka.resume import resume_ms

WINDOW_MS = 300_000
NOON_MS = 1_760_000_100_000
CONFIG = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}


def resumed(
    broker: Broker, name: str, sent: Mapping[int, list[int]], read: Mapping[int, int]
) -> int | None:
    """`sent`: by partition when, in seconds; `read`: how many of each. Returns seconds too."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(name, 2, 1, config=CONFIG)])[name].result(30)
    producer = Producer({"bootstrap.servers": broker.address})
    for partition, seconds in sent.items():
        for second in seconds:
            at_ms = NOON_MS + 1_000 * second
            producer.produce(name, b"x", partition=partition, timestamp=at_ms)
    assert producer.flush(30) == 0
    if read:
        member = Consumer({"bootstrap.servers": broker.address, "group.id": name})
        at = [TopicPartition(name, number, count) for number, count in read.items()]
        member.commit(offsets=at, asynchronous=False)
        member.close()
    found = resume_ms(Access(brokers=broker.address), name, [name], WINDOW_MS, 5_000)
    return None if found is None else (found - NOON_MS) // 1_000


@pytest.mark.parametrize(
    ("name", "sent", "read", "begins"),
    [
        ("nothing-read", {0: [10]}, {}, None),
        ("one-that-closes-late", {0: [299, 301]}, {0: 2}, -4),
        ("all-read", {0: [10, 290], 1: [310]}, {0: 2, 1: 1}, -15),
        ("all-read-but-now", {0: [10, 320], 1: [310]}, {0: 2, 1: 1}, 5),
        ("one-empty", {1: [310]}, {1: 1}, 5),
        ("one-never-read", {0: [10], 1: [310]}, {1: 1}, -290),
        ("one-behind", {0: [10, 290], 1: [310]}, {0: 1, 1: 1}, -295),
        ("one-silent-for-long", {0: [-90_000], 1: [310, 320]}, {0: 1, 1: 2}, 15),
        ("one-quiet", {0: [10], 1: [310, 620]}, {0: 1, 1: 2}, -295),
        ("nothing-of-one", {0: [310], 1: [620]}, {0: 0, 1: 1}, 10),
    ],
)
def test_it_begins_before_the_windows_that_were_open(
    broker: Broker,
    name: str,
    sent: Mapping[int, list[int]],
    read: Mapping[int, int],
    begins: int | None,
) -> None:
    assert resumed(broker, f"resume-{name}", sent, read) == begins


def test_where_no_broker_answers_it_says_so() -> None:
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"):
        resume_ms(Access(brokers="127.0.0.1:1"), "g", ["t"], WINDOW_MS, 5_000)
