"""Two that read with one consumer group: each is told that a part is missing."""

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import Source
from drsquirrel.collect.redaction import Redaction
from tests.collect.kafka.topic import reads

PREFIX, PARTITIONS = "shared-group-", 3


def a_source(broker: Broker, group: str) -> Source:
    access = Access(brokers=broker.address)
    letters = DeadLetters(access, SystemClock(), PREFIX)
    bound = {f"{PREFIX}flink-metrics": {"prod"}}
    return Source(access, bound, dict, letters, Redaction(), PREFIX + group)


def agree(is_shared: bool, *sources: Source) -> bool:
    """Whether all of them come to say that a part is missing, or that none is."""
    for of_all in zip(*map(reads, sources), strict=False):
        if all(("Another reads with the consumer group" in r.says) is is_shared for r in of_all):
            return True
    return False


def test_who_shares_a_group_is_told_and_who_has_one_alone_is_not(broker: Broker) -> None:
    make_topics(broker.address, PREFIX, partitions=PARTITIONS)
    one, other = a_source(broker, "both"), a_source(broker, "both")
    try:
        assert agree(True, one, other)
        other.close()
        assert agree(False, one)
    finally:
        one.close()
