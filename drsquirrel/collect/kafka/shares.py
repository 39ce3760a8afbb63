"""How a topic is shared out: which partition a key is in, and which of them a group gives to us."""

from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from drsquirrel.collect.kafka.connection import Access, Heard, options
from drsquirrel.collect.kafka.source import SESSION_MS

METADATA_S = 5.0
MASK = 0xFFFFFFFF
SEED, MULTIPLIER = 0x9747B28C, 0x5BD1E995
"""Of Kafka's hash, which is MurmurHash2."""


def partition_of(key: str, partitions: int) -> int:
    """The partition that Kafka's Java client puts a key into."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 of 32 bits, as in org.apache.kafka.common.utils.Utils."""
    whole = len(data) - len(data) % 4
    found = SEED ^ len(data)
    for start in range(0, whole, 4):
        part = int.from_bytes(data[start : start + 4], "little") * MULTIPLIER & MASK
        part = (part ^ part >> 24) * MULTIPLIER & MASK
        found = found * MULTIPLIER & MASK ^ part
    if whole < len(data):
        found = (found ^ int.from_bytes(data[whole:], "little")) * MULTIPLIER & MASK
    found = (found ^ found >> 13) * MULTIPLIER & MASK
    return found ^ found >> 15


class Member:
    """One member of the group that shares out the partitions of a topic. It reads nothing: whoever
    owns a partition reads it by itself, from where the store says."""

    def __init__(self, access: Access, topic: str, group: str) -> None:
        self.partitions = 0
        """How many the topic has; 0 while that is not known."""
        self.owned: frozenset[int] = frozenset()
        """Until the group says otherwise; only the store knows whether others have them already."""
        self.sharings = 0
        """How often the group has said so."""
        self._access = access
        self._topic = topic
        self._heard = Heard()
        self._is_new = True
        self._consumer = Consumer(
            {
                **options(access, self._heard),
                "group.id": group,
                "enable.auto.commit": False,
                "session.timeout.ms": SESSION_MS,
                "heartbeat.interval.ms": SESSION_MS // 5,
                "topic.metadata.refresh.interval.ms": 30_000,
            }
        )
        self._consumer.subscribe([topic], on_assign=self._assigned)

    def poll(self, timeout_s: float) -> str:
        """Take part in the group; returns what is wrong, as a sentence, or ""."""
        raw = self._consumer.poll(timeout_s)
        if self._is_new or not self.partitions:
            with suppress(KafkaException):  # it is asked again
                there = self._consumer.list_topics(self._topic, METADATA_S).topics[self._topic]
                self.partitions = len(there.partitions)
                self._is_new = not self.partitions
        error = raw.error() if raw is not None else None
        if error is not None:
            return self._sentence(error)
        if not self.partitions and self._heard.last:
            return f"No Kafka broker answers at {self._access.brokers}: {self._heard.last}."
        return ""

    def close(self) -> None:
        """Leave the group: the others need not wait until it is missed."""
        self._consumer.close()

    def _assigned(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        consumer.assign(list(partitions))
        if partitions:
            consumer.pause(list(partitions))
        self.owned = frozenset(at.partition for at in partitions)
        self._is_new = True
        self.sharings += 1

    def _sentence(self, error: KafkaError) -> str:
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return (
                f"Kafka at {self._access.brokers} has no {self._topic}: "
                "`drsquirrel topics create` makes what is missing."
            )
        return f"Kafka at {self._access.brokers}: {error.str().rstrip('.')}."
