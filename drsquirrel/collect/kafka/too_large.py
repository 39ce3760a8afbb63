"""Finds a batch that is larger than what is received.

It closes the connection to its broker, and librdkafka does not say which partition it is of: so
each is asked alone, by a consumer of its own.
"""

import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from drsquirrel.collect.kafka.connection import Heard

ENOUGH_S = 10.0
POLL_S = 0.1
ONE_BY_ONE = 16
"""Between so many that are too large nothing that can be read is missed."""


class Probe:
    """`told` makes the options of a consumer that says to `Heard` what goes wrong."""

    def __init__(self, told: Callable[[Heard], dict[str, Any]]) -> None:
        self._told = told

    def is_too_large(self, at: TopicPartition) -> bool:
        """Whether the batch there is; False too if nothing comes."""
        heard = Heard()
        consumer = Consumer(self._told(heard))
        try:
            consumer.assign([at])
            deadline = time.monotonic() + ENOUGH_S
            while not heard.too_large and time.monotonic() < deadline:
                raw = consumer.poll(POLL_S)
                if raw is not None and raw.topic() is not None:
                    return False  # but what is behind it may be
            return heard.too_large
        finally:
            consumer.close()

    def beyond(self, at: TopicPartition, end: int) -> int:
        """The first offset beyond what is too large there, `end` at most."""
        last, step = at.offset, 1
        while last + step < end and self._is_too_large(at, last + step):
            last += step
            if last - at.offset >= ONE_BY_ONE:
                step *= 2
        first = min(last + step, end)
        while first - last > 1:
            middle = (last + first) // 2
            if self._is_too_large(at, middle):
                last = middle
            else:
                first = middle
        return first

    def _is_too_large(self, at: TopicPartition, offset: int) -> bool:
        return self.is_too_large(TopicPartition(at.topic, at.partition, offset))
