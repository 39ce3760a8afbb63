"""Where messages go that could not be read: to a topic of their own, with the reason, bounded."""

from collections import Counter

from confluent_kafka import Message as Raw
from confluent_kafka import Producer

from drsquirrel.collect.kafka.connection import Access, Heard, options
from drsquirrel.model.clock import Clock

TOPIC = "drsquirrel-dead-letters"
KEPT_BYTES = 64 << 10
"""Of each message: the first bytes."""
PER_MINUTE = 100
"""What is more is only counted."""
QUEUED = 1_000


class DeadLetters:
    """Sends without waiting; what cannot be sent is counted and lost."""

    def __init__(self, access: Access, clock: Clock, prefix: str = "") -> None:
        self.counts: Counter[str] = Counter()
        """sent, too many, not sent."""
        self._topic = prefix + TOPIC
        self._clock = clock
        self._minute = (0, 0)
        self._producer = Producer(
            {
                **options(access, Heard()),
                "queue.buffering.max.messages": QUEUED,
                "message.timeout.ms": 30_000,
                "compression.type": "zstd",
            }
        )

    def put(self, raw: Raw, reason: str, error: str = "") -> None:
        """Send one, with where it stood and why it was refused."""
        self._producer.poll(0)
        if not self._has_room():
            self.counts["too many"] += 1
            return
        value = raw.value() or b""
        if raw.error() is not None:  # then the value is the error's text, not the message
            value = b""
        headers = {
            "reason": reason,
            "error": error,
            "topic": raw.topic() or "",
            "partition": str(raw.partition()),
            "offset": str(raw.offset()),
            "bytes": str(len(value)),
        }
        try:
            self._producer.produce(
                self._topic,
                value[:KEPT_BYTES],
                key=raw.key(),
                headers=[(name, text.encode()) for name, text in headers.items()],
                on_delivery=self._count,
            )
        except BufferError:
            self.counts["not sent"] += 1

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what is left, as far as that can be done in time."""
        self.counts["not sent"] += self._producer.flush(timeout_s)

    def _has_room(self) -> bool:
        now, (minute, sent) = self._clock.now_ms() // 60_000, self._minute
        self._minute = (now, sent + 1 if now == minute else 1)
        return self._minute[1] <= PER_MINUTE

    def _count(self, error: object, _: object) -> None:
        self.counts["not sent" if error else "sent"] += 1
