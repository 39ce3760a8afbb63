"""Reads what the plugin sends: messages in, events out; nothing that is unreadable stops it.

Offsets are kept by whoever stores the results, in the same transaction, and not in Kafka.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    TopicPartition,
)
from confluent_kafka import Message as Raw

from drsquirrel.collect.kafka.connection import Access, Heard, options
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.topics import MESSAGE_BYTES
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import SCHEMA, Message, MetricReport, message_decoder

Partition: TypeAlias = tuple[str, int]
"""Topic and number."""
MESSAGES = 500
"""Read at once, at most."""
ANSWER_BYTES = 4 * MESSAGE_BYTES
"""The most that one answer of a broker, or a batch in it once unpacked, takes in memory."""
QUEUED_KIB = 32 << 10
"""Read ahead of us."""
READING: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.max.bytes": ANSWER_BYTES // 2,
    "receive.message.max.bytes": ANSWER_BYTES,
    "queued.max.messages.kbytes": QUEUED_KIB,
}
"""What librdkafka is told of reading."""
SENT_MS = "sent_ms"
"""The header in which the plugin says when it handed a message to Kafka."""
SENT_MS_DIGITS = 15
WAITED_MAX_MS = 3_600_000
DAMAGE = (KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG, KafkaError.MSG_SIZE_TOO_LARGE)
"""Of a whole batch: librdkafka asks for it again and again and never gets past it by itself."""
FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)


@dataclass(slots=True)
class Read:
    """What was read at once. `offsets`: of each partition the next to be read, to be stored."""

    arrivals: dict[str, list[tuple[int, Message]]] = field(default_factory=dict)
    """By cluster: each message with the time in ms at which it would have arrived at once."""
    offsets: dict[Partition, int] = field(default_factory=dict)
    skipped: set[Partition] = field(default_factory=set)
    """Where an unreadable batch was passed over."""
    says: str = ""
    """What is wrong with the connection or a topic, as a sentence."""


class Source:
    """One member of a consumer group.

    `bound` says of each topic which clusters may speak in it. `stored` tells where to go on in the
    partitions of which something is stored.
    """

    def __init__(
        self,
        access: Access,
        bound: Mapping[str, Collection[str]],
        stored: Callable[[], Mapping[Partition, int]],
        dead_letters: DeadLetters,
        redaction: Redaction,
        group: str = "drsquirrel",
    ) -> None:
        self.refused: Counter[str] = Counter()
        """Messages that became no event, by reason."""
        self._access = access
        self.bound = bound
        self._stored = stored
        self.dead_letters = dead_letters
        self._redaction = redaction
        self._heard = Heard()
        self._damaged: dict[Partition, tuple[int, int]] = {}
        """Where a batch was unreadable the last time: its offset, and how far was skipped."""
        self._consumer = Consumer(
            {
                **options(access, self._heard),
                **READING,
                "group.id": group,
            }
        )
        self._consumer.subscribe(list(bound), on_assign=self._assigned)

    def read(self, timeout_s: float) -> Read:
        """Read what is there, or wait for something as long. Everything is in memory afterwards:
        what is not stored before the next read may be read by another member of the group."""
        found = Read()
        for raw in self._consumer.consume(MESSAGES, timeout_s):
            error = raw.error()
            if error is None:
                self._take(raw, found)
            elif error.code() in DAMAGE:
                self._skip(raw, error, found)
            else:
                found.says = self._sentence(error)
        if not found.arrivals and self._heard.last and not self._consumer.assignment():
            found.says = f"No Kafka broker answers at {self._access.brokers}: {self._heard.last}."
        return found

    def lag(self) -> dict[Partition, int]:
        """Of each assigned partition how many messages are there that were not read yet."""
        found = {}
        for at in self._consumer.position(self._consumer.assignment()):
            _, high = self._consumer.get_watermark_offsets(at, cached=True)
            if high >= 0 and at.offset >= 0:
                found[at.topic, at.partition] = max(0, high - at.offset)
        return found

    def close(self) -> None:
        """Leave the group, and send the dead letters that are left."""
        self._consumer.close()
        self.dead_letters.close()

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        stored = self._stored()
        for at in partitions:
            at.offset = stored.get((at.topic, at.partition), OFFSET_BEGINNING)
        consumer.assign(partitions)

    def _take(self, raw: Raw, found: Read) -> None:
        partition, offset = _place(raw)
        found.offsets[partition] = offset + 1
        self._damaged.pop(partition, None)
        reason, message = self._decoded(raw.value() or b"", self.bound[partition[0]])
        if message is None:
            self._refuse(raw, reason)
            return
        _, arrival_ms = raw.timestamp()
        told_ms = arrival_ms - _waited_ms(raw, message)
        found.arrivals.setdefault(message.origin.cluster, []).append((told_ms, message))

    def _decoded(self, value: bytes, clusters: Collection[str]) -> tuple[str, Message | None]:
        """Why it is no message of ours, or the message."""
        if len(value) > MESSAGE_BYTES:
            return "too long", None
        try:
            message = message_decoder.decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return "malformed", None
        if message.origin.schema > SCHEMA:
            return "newer schema", None
        if message.origin.cluster not in clusters:
            return "another cluster", None
        names_metrics = isinstance(message, MetricReport)
        clean = self._redaction.redact_message(value, names_metrics=names_metrics)
        if clean is None:
            return "", message
        try:
            return "", msgspec.convert(clean, Message)
        except msgspec.ValidationError:  # so large that it was hidden as a whole
            return "not examined for secrets", None

    def _refuse(self, raw: Raw, reason: str, error: str = "") -> None:
        self.refused[reason] += 1
        self.dead_letters.put(raw, reason, error)

    def _skip(self, raw: Raw, error: KafkaError, found: Read) -> None:
        """Get past a batch of which not even the length can be read: each time twice as far."""
        partition, offset = _place(raw)
        if partition in found.skipped:  # it was read ahead, before we went on
            return
        before, step = self._damaged.get(partition, (-1, 0))
        step = step * 2 if before == offset else 1
        self._damaged[partition] = offset, step
        if step == 1:
            self._refuse(raw, "unreadable batch", error.str())
        # Beyond the end Kafka would have us begin anew.
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        next_ = max(offset + 1, min(offset + step, end))
        found.skipped.add(partition)
        found.offsets[partition] = next_
        self._consumer.seek(TopicPartition(*partition, next_))

    def _sentence(self, error: KafkaError) -> str:
        if error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return f"{error.str()}: make the topics by `drsquirrel topics create`."
        told = f"Kafka at {self._access.brokers}: {error.str().rstrip('.')}"
        if error.code() in FORBIDDEN:
            return f"{told}: give the user {self._access.user or '(none)'} the right READ."
        return f"{told}."


def _waited_ms(raw: Raw, message: Message) -> int:
    """How long it waited for Kafka in its process, by the clock of that process: so a message that
    is late after an outage is told from one of a wrong clock."""
    value = dict(raw.headers() or []).get(SENT_MS)
    if not isinstance(value, bytes) or not value.isdigit() or len(value) > SENT_MS_DIGITS:
        return 0
    return min(max(0, int(value) - message.time_ms), WAITED_MAX_MS)


def _place(raw: Raw) -> tuple[Partition, int]:
    topic, partition, offset = raw.topic(), raw.partition(), raw.offset()
    assert topic is not None and partition is not None and offset is not None
    return (topic, partition), offset
