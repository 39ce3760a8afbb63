"""How the partitions of a topic are shared out."""

from collections.abc import Callable

import pytest

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.shares import Member, murmur2, partition_of
from drsquirrel.collect.kafka.topics import SNAPSHOTS

PREFIX, PARTITIONS = "shares-", 5
POLLS = 300


@pytest.mark.parametrize(
    ("text", "hash_"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_the_hash_is_that_of_kafkas_own_test(text: str, hash_: int) -> None:
    assert murmur2(text.encode()) == hash_ & 0xFFFFFFFF
    assert partition_of(text, 7) == (hash_ & 0x7FFFFFFF) % 7


def polled(until: Callable[[], bool], *members: Member) -> bool:
    for _ in range(POLLS):
        for member in members:
            assert member.poll(0.1) == ""
        if until():
            return True
    return False


def test_members_share_all_partitions_and_whoever_is_left_has_them_all(broker: Broker) -> None:
    make_topics(broker.address, PREFIX, PARTITIONS)
    access = Access(brokers=broker.address)
    one, other = (Member(access, PREFIX + SNAPSHOTS, "shares") for _ in range(2))
    every = frozenset(range(PARTITIONS))
    try:
        assert not one.sharings
        assert polled(
            lambda: bool(one.owned and other.owned) and one.owned | other.owned == every, one, other
        )
        assert not one.owned & other.owned
        assert one.partitions == other.partitions == PARTITIONS
        other.close()
        assert polled(lambda: one.owned == every, one)
    finally:
        one.close()


def said(member: Member) -> str:
    """The first that it says."""
    return next(filter(None, (member.poll(0.1) for _ in range(POLLS))))


def test_what_is_wrong_is_said(broker: Broker) -> None:
    missing = Member(Access(brokers=broker.address), "no-such-topic", "shares-missing")
    nobody = Member(Access(brokers="127.0.0.1:1"), SNAPSHOTS, "shares-nobody")
    try:
        assert said(missing) == (
            f"Kafka at {broker.address} has no no-such-topic: `drsquirrel topics create` makes "
            "what is missing."
        )
        assert not missing.partitions
        assert said(nobody).startswith("No Kafka broker answers at 127.0.0.1:1: ")
    finally:
        missing.close()
        nobody.close()
