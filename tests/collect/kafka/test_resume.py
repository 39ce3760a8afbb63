"""A reader whose state is lost begins before the windows that were open as it stopped."""

from collections.abc import Mapping

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from demo.broker import Broker
from drsquirrel.collect.kafka.connection import Access, BrokerError
from drsquirrel.collect.kafka.resume import rewind

WINDOW_MS = 300_000
NOON_MS = 1_760_000_100_000
CONFIG = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}


LONG_AGO = -200_000


def rewound(
    broker: Broker, name: str, sent: Mapping[int, list[int]], read: Mapping[int, int]
) -> dict[int, int]:
    """The offsets of a group after it was rewound. `sent`: by partition when, in seconds; `read`:
    how many of each."""
    admin = AdminClient({"bootstrap.servers": broker.address})
    admin.create_topics([NewTopic(name, 2, 1, config=CONFIG)])[name].result(30)
    producer = Producer({"bootstrap.servers": broker.address})
    for partition, seconds in sent.items():
        for second in seconds:
            at_ms = NOON_MS + 1_000 * second
            producer.produce(name, b"x", partition=partition, timestamp=at_ms)
    assert producer.flush(30) == 0
    member = Consumer({"bootstrap.servers": broker.address, "group.id": name})
    if read:
        at = [TopicPartition(name, number, count) for number, count in read.items()]
        member.commit(offsets=at, asynchronous=False)
    rewind(Access(brokers=broker.address), name, [name], WINDOW_MS, 5_000)
    found = member.committed([TopicPartition(name, number) for number in (0, 1)], timeout=30)
    member.close()
    return {at.partition: at.offset for at in found if at.offset >= 0}


@pytest.mark.parametrize(
    ("name", "sent", "read", "begins"),
    [
        ("nothing-read", {0: [10]}, {}, {}),
        ("one-that-closes-late", {0: [-5, -4, 299, 301]}, {0: 4}, {0: 1}),
        ("all-read", {0: [-16, 290], 1: [-15, 310]}, {0: 2, 1: 2}, {0: 1, 1: 0}),
        ("all-read-but-now", {0: [4, 10, 320], 1: [4, 310]}, {0: 3, 1: 2}, {0: 1, 1: 1}),
        ("one-empty", {1: [4, 310]}, {1: 2}, {1: 1}),
        ("one-never-read", {0: [LONG_AGO], 1: [4, 310]}, {1: 2}, {1: 1}),
        ("one-behind", {0: [10, 290], 1: [-296, -295, 310]}, {0: 1, 1: 3}, {0: 0, 1: 1}),
        ("one-silent-for-long", {0: [-90_000], 1: [14, 310, 320]}, {0: 1, 1: 3}, {0: 1, 1: 1}),
        ("one-quiet", {0: [10], 1: [-296, 310, 620]}, {0: 1, 1: 3}, {0: 0, 1: 1}),
        ("nothing-of-one", {0: [310], 1: [9, 620]}, {0: 0, 1: 2}, {0: 0, 1: 1}),
    ],
)
def test_it_begins_before_the_windows_that_were_open(
    broker: Broker,
    name: str,
    sent: Mapping[int, list[int]],
    read: Mapping[int, int],
    begins: dict[int, int],
) -> None:
    assert rewound(broker, f"resume-{name}", sent, read) == begins


def test_where_no_broker_answers_it_says_so() -> None:
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"):
        rewind(Access(brokers="127.0.0.1:1"), "g", ["t"], WINDOW_MS, 5_000)
