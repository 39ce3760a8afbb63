"""Where a reader whose state is lost begins anew: where the window began in which it stopped.

What is read twice changes nothing, so no state needs to be kept over a stop.
"""

import time
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from drsquirrel.collect.kafka.connection import Access, Heard, answer, options

ANSWER_S = 10.0
AGAIN_S = 0.2
QUIET_MS = 3_600_000
"""What was read last of a partition so long before the newest held no window open."""
NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
READING = {"enable.auto.commit": False, "auto.offset.reset": "earliest"}


def resume_ms(access: Access, group: str, topics: Iterable[str], window_ms: int) -> int | None:
    """The arrival time from which on a group has to read again, on the grid of its windows; None if
    it has read nothing yet. Raises BrokerError."""
    heard = Heard()
    consumer = Consumer({**options(access, heard), **READING, "group.id": group})
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
    committed = _committed(consumer, every)
    if all(at.offset < 0 for at in committed):
        return None
    for at in committed:
        low, end = consumer.get_watermark_offsets(at, timeout=ANSWER_S)
        if low < at.offset:
            read.append(_arrival_ms(consumer, at, at.offset - 1))
        if (next_ := max(low, at.offset)) < end:
            unread.append(_arrival_ms(consumer, at, next_))
    # A partition that was read to its end holds windows open until it counts as idle.
    recent = [ms for ms in read if ms >= max(read) - QUIET_MS]
    return min([*unread, *recent], default=0) // window_ms * window_ms


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


def _arrival_ms(consumer: Consumer, at: TopicPartition, offset: int) -> int:
    """When the message at an offset arrived; raises KafkaException if it is not handed out."""
    consumer.assign([TopicPartition(at.topic, at.partition, offset)])
    raw = consumer.poll(ANSWER_S)
    if raw is None:
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{at.topic} was not read"))
    if (error := raw.error()) is not None:
        raise KafkaException(error)
    return int(raw.timestamp()[1])
