"""Where messages go that could not be read: to a topic of their own, with the reason, bounded."""

from collections import Counter

from confluent_kafka import KafkaException, Producer, TopicPartition

from drsquirrel.collect.kafka.connection import Access, Heard, options
from drsquirrel.collect.kafka.message import PER_MINUTE, Allowance, letter_headers, shown
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.clock import Clock

TOPIC = "drsquirrel-dead-letters"
QUEUED = 1_000


class DeadLetters:
    """Sends without waiting; what cannot be sent is counted and lost."""

    def __init__(self, access: Access, clock: Clock, prefix: str = "") -> None:
        self.counts: Counter[str] = Counter()
        """sent, too many, not sent."""
        self.clock = clock
        self._topic = prefix + TOPIC
        self._room = Allowance(PER_MINUTE)
        self._producer = Producer(
            {
                **options(access, Heard()),
                "queue.buffering.max.messages": QUEUED,
                "message.timeout.ms": 30_000,
                "topic.metadata.propagation.max.ms": 2_000,
                "compression.type": "zstd",
            }
        )

    def put(
        self, at: TopicPartition, value: bytes, reason: str, error: str, redaction: Redaction
    ) -> None:
        """Send one without its secrets, with where it stood and why it was refused."""
        self._producer.poll(0)
        if not self._room.has_room(self.clock.now_ms()):
            self.counts["too many"] += 1
            return
        headers = letter_headers(value, reason, error, at.topic, at.partition, at.offset)
        try:
            self._producer.produce(
                self._topic,
                shown(value, redaction),
                headers=[*headers.items()],
                on_delivery=self._count,
            )
        except (BufferError, KafkaException):  # it is full, or there is no such topic
            self.counts["not sent"] += 1

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what is left, as far as that can be done in time."""
        left = self._producer.flush(timeout_s)  # which counts too
        self.counts["not sent"] += left

    def _count(self, error: object, _: object) -> None:
        self.counts["not sent" if error else "sent"] += 1
