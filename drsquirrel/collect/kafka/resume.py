"""Where a reader whose state is lost begins anew: before the windows that were open as it stopped.

What is read twice changes nothing, so no state needs to be kept over a stop.
"""

import time
from collections.abc import Collection

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from drsquirrel.collect.kafka.connection import (
    TIMEOUT_S,
    Access,
    BrokerError,
    Heard,
    answer,
    options,
)

MESSAGE_S = 5.0
AGAIN_S = 0.2
MARKERS = 3
"""That may follow each other; each is waited for in vain."""
QUIET_MS = 3_600_000
"""What was read last of a partition so long before the newest held no window open."""
NOT_YET = (KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS)
READING = {"enable.auto.commit": False, "auto.offset.reset": "earliest"}


def rewind(
    access: Access, group: str, topics: Collection[str], window_ms: int, delay_ms: int
) -> None:
    """Set the offsets of a group back to where it has to read again, whose windows are of
    `window_ms` at most and close `delay_ms` late; partitions of which it has read nothing have
    none. Raises BrokerError, where a topic is missing too."""
    heard = Heard()
    consumer = Consumer({**options(access, heard), **READING, "group.id": group})
    try:
        answer(
            access,
            consumer,
            heard,
            lambda: _rewind(consumer, topics, window_ms, delay_ms),
            f"what the group {group} has read",
        )
    finally:
        consumer.close()


def _rewind(consumer: Consumer, topics: Collection[str], window_ms: int, delay_ms: int) -> None:
    there = consumer.list_topics(timeout=TIMEOUT_S).topics
    if missing := sorted(set(topics) - there.keys()):
        raise BrokerError(
            f"Kafka has no topic {missing[0]}: `drsquirrel topics create` makes what is missing."
        )
    every = [
        TopicPartition(topic, number) for topic in topics for number in there[topic].partitions
    ]
    committed = [at for at in _committed(consumer, every) if at.offset >= 0]
    first_ms = _first_ms(consumer, committed, delay_ms)
    if first_ms is None:
        return
    begin_ms = max(0, first_ms - window_ms)
    wanted = [TopicPartition(at.topic, at.partition, begin_ms) for at in committed]
    found = consumer.offsets_for_times(wanted, timeout=TIMEOUT_S)
    for at, begin in zip(committed, found, strict=True):
        at.offset = min(at.offset, begin.offset) if begin.offset >= 0 else at.offset
    consumer.commit(offsets=committed, asynchronous=False)


def _first_ms(consumer: Consumer, committed: list[TopicPartition], delay_ms: int) -> int | None:
    """The arrival time of what held open the oldest window; None if there is nothing to read."""
    read: list[int | None] = []
    unread: list[int | None] = []
    for at in committed:
        low, end = consumer.get_watermark_offsets(at, timeout=TIMEOUT_S)
        if low < at.offset:
            read.append(_last_arrival_ms(consumer, at, low))
        if (next_ := max(low, at.offset)) < end:
            unread.append(_arrival_ms(consumer, at, next_))
    # A partition that was read to its end holds windows open until it counts as idle.
    known = [ms for ms in read if ms is not None]
    recent = [ms - delay_ms for ms in known if ms >= max(known) - QUIET_MS]
    return min([*recent, *(ms for ms in unread if ms is not None)], default=None)


def _committed(consumer: Consumer, every: list[TopicPartition]) -> list[TopicPartition]:
    """Up to where the group has read; a broker that has just begun is asked again."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return consumer.committed(every, timeout=TIMEOUT_S)
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _last_arrival_ms(consumer: Consumer, at: TopicPartition, low: int) -> int | None:
    """When the last message before an offset arrived. There may be none right before it: the end of
    a transaction has an offset too."""
    for offset in range(at.offset - 1, max(low, at.offset - 1 - MARKERS) - 1, -1):
        found = _arrival_ms(consumer, at, offset)
        if found is not None:
            return found
    return None


def _arrival_ms(consumer: Consumer, at: TopicPartition, offset: int) -> int | None:
    """When the next message from an offset on arrived; None if there is none."""
    consumer.assign([TopicPartition(at.topic, at.partition, offset)])
    raw = consumer.poll(MESSAGE_S)
    if raw is None:
        return None
    if (error := raw.error()) is not None:
        raise KafkaException(error)
    return int(raw.timestamp()[1])
