"""Where a reader whose state is lost begins anew: where the window began in which it stopped.

What is read twice changes nothing, so no state needs to be kept over a stop.
"""

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka import Message as Raw

from drsquirrel.collect.kafka.connection import Access, Heard, answer, options

ANSWER_S = 10.0
AGAIN_S = 0.2
NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)


def resume_ms(access: Access, group: str, topics: Iterable[str], window_ms: int) -> int | None:
    """The arrival time from which on a group has to read again, on the grid of its windows; None if
    it has read nothing yet. Raises BrokerError."""
    heard = Heard()
    consumer = Consumer({**options(access, heard), "group.id": group, "enable.auto.commit": False})
    try:
        return answer(
            access,
            consumer,
            heard,
            lambda: _resume_ms(consumer, topics, window_ms),
            f"what the group {group} has read",
        )
    finally:
        consumer.close()


def _resume_ms(consumer: Consumer, topics: Iterable[str], window_ms: int) -> int | None:
    there = consumer.list_topics(timeout=ANSWER_S).topics
    every = [
        TopicPartition(topic, number)
        for topic in topics
        if topic in there
        for number in there[topic].partitions
    ]
    read: list[int] = []
    unread: list[int] = []
    for at in _committed(consumer, every):
        if at.offset < 0:
            continue
        low, end = consumer.get_watermark_offsets(at, timeout=ANSWER_S)
        if low < at.offset:
            read += _arrival_ms(consumer, at, at.offset - 1)
        if at.offset < end:
            unread += _arrival_ms(consumer, at, max(low, at.offset))
    if not read and not unread:
        return None
    # What it had read last lies in an open window; so does what it had not read yet.
    newest = max(read, default=0)
    return min([*unread, newest or unread[0]]) // window_ms * window_ms


def _committed(consumer: Consumer, every: list[TopicPartition]) -> list[TopicPartition]:
    """Up to where the group has read; a broker that has just begun is asked again."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            return consumer.committed(every, timeout=ANSWER_S)
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _arrival_ms(consumer: Consumer, at: TopicPartition, offset: int) -> list[int]:
    """When the message at an offset arrived; nothing if it cannot be read."""
    consumer.assign([TopicPartition(at.topic, at.partition, offset)])
    raw: Raw | None = consumer.poll(ANSWER_S)
    if raw is None or raw.error() is not None:
        return []
    return [raw.timestamp()[1]]
