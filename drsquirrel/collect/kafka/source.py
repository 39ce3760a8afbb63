"""Reads what the plugin sends: messages in, events out; nothing that is unreadable stops it.

Offsets are kept by whoever stores the results, in the same transaction, and not in Kafka.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    TopicPartition,
)
from confluent_kafka import Message as Raw

from drsquirrel.collect.kafka.connection import Access, Heard, options
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import (
    MESSAGE_BYTES,
    SENT_MS,
    Refusal,
    believed_ms,
    examined,
    waited_ms,
)
from drsquirrel.collect.kafka.too_large import Probe
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import Message
from drsquirrel.model.facts import bounded
from drsquirrel.model.report import quoted
from drsquirrel.model.snapshot import Snapshot

Partition: TypeAlias = tuple[str, int]
"""Topic and number."""
MESSAGES = 500
"""Read at once, at most."""
READ_BYTES = 8 << 20
"""Likewise: in memory they take some times as much."""
AT_HAND = 8
"""Messages taken from the client at once, of which each may be as large as an answer."""
ANSWER_BYTES = 4 * MESSAGE_BYTES
"""The most that one answer of a broker takes in memory, or a batch packed by zstd once unpacked."""
FETCH_BYTES = 8 << 10
"""Asked of a broker at once. It sends a whole batch at least; but of such as grow by a thousand
when they are unpacked no answer shall hold many."""
QUEUED_KIB = 32 << 10
"""Read ahead of us."""
READING: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "fetch.max.bytes": FETCH_BYTES,
    "fetch.message.max.bytes": FETCH_BYTES,
    "message.max.bytes": FETCH_BYTES,  # which the first may not be below
    "receive.message.max.bytes": ANSWER_BYTES,
    "queued.max.messages.kbytes": QUEUED_KIB,
    "isolation.level": "read_uncommitted",  # nobody's open transaction holds up the others
    "fetch.error.backoff.ms": 50,
    "topic.metadata.refresh.interval.ms": 30_000,  # so soon a topic is read that was made later
}
"""What librdkafka is told of reading."""
SESSION_MS = 10_000
"""Whoever shares a group and is silent for so long loses its partitions to the others."""
AGAIN_S = 0.2
"""Where a batch was unreadable, what follows is looked for so soon."""
STRANGER_S = 60.0
"""For so long after its last message a cluster that nobody set is told of."""
PROBE_S = 1.0
"""For an answer of any broker at all."""
METADATA_S = 5.0
"""For an answer on topics and partitions."""
DAMAGE = (KafkaError._BAD_COMPRESSION, KafkaError._BAD_MSG, KafkaError.MSG_SIZE_TOO_LARGE)
"""Of a whole batch: librdkafka asks for it again and again and never gets past it by itself."""
UNREADABLE, TOO_LARGE = "unreadable batch", "too large a batch"
FORBIDDEN = (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
MISSING = KafkaError.UNKNOWN_TOPIC_OR_PART
CLOSED = (MISSING, KafkaError.TOPIC_AUTHORIZATION_FAILED)
"""Of a topic; told once in a while, until it can be read."""


Arrival: TypeAlias = tuple[int, Message | Snapshot]
"""What was told, and the time in ms at which it would have arrived at once."""


@dataclass(slots=True)
class Read:
    """What was read at once. `offsets`: of each partition the next to be read, to be stored."""

    arrivals: dict[str, list[Arrival]] = field(default_factory=dict)
    """By cluster."""
    offsets: dict[Partition, int] = field(default_factory=dict)
    skipped: set[Partition] = field(default_factory=set)
    """Where an unreadable batch was passed over."""
    is_assigned: bool = False
    """Partitions were assigned since the last, or brokers answer again."""
    says: str = ""
    """What is wrong with the connection or a topic, as a sentence."""


class Source:
    """One member of a consumer group.

    `bound` says of each topic which clusters may speak in it. `stored` tells where to go on in the
    partitions of which something is stored. `shared`: others of the group read the rest.
    """

    at_hand = AT_HAND
    answer_bytes = ANSWER_BYTES

    def __init__(
        self,
        access: Access,
        bound: Mapping[str, Collection[str]],
        stored: Callable[[], Mapping[Partition, int]],
        dead_letters: DeadLetters,
        redaction: Redaction,
        group: str,
        *,
        shared: bool = False,
    ) -> None:
        self.refused: Counter[str] = Counter()
        """Messages that became no event, by reason; those in a batch as its offsets tell."""
        self._access = access
        self.bound = bound
        self._stored = stored
        self._group = group
        self._shared = shared
        self._elsewhere = 0
        """So many partitions are read by another member of the group."""
        self._is_newly_assigned = False
        """Then Kafka is asked how many there are: not while it assigns them, for a call from within
        a callback of its client ends the process."""
        self.dead_letters = dead_letters
        self._redaction = redaction
        self._heard = Heard()
        self._damaged: dict[Partition, tuple[int, int]] = {}
        """Where a batch was unreadable the last time: its offset, and how many were passed."""
        self._closed: dict[str, KafkaError] = {}
        """Topics that cannot be read, and why."""
        self._stranger = "", 0.0
        """The cluster that nobody set of which a message came last, and when."""
        self._unplaced: list[TopicPartition] = []
        """Ours, but nobody could tell where to go on in them."""
        self._is_away = False
        """Whether no broker answered when we looked last."""
        self._went_on: dict[Partition, int] = {}
        """Where to, past what was too large."""
        self._consumer = Consumer(self._options(self._heard))
        self._begin()

    def _options(self, heard: Heard) -> dict[str, Any]:
        return {
            **options(self._access, heard),
            **READING,
            "receive.message.max.bytes": self.answer_bytes,
            "group.id": self._group,
            **({"session.timeout.ms": SESSION_MS} if self._shared else {}),
        }

    def _begin(self) -> None:
        self._consumer.subscribe(list(self.bound), on_assign=self._assigned)

    def read(self, timeout_s: float) -> Read:
        """Read what is there, or wait for something as long. Everything is in memory afterwards:
        what is not stored before the next read may be read by another member of the group."""
        if self._unplaced:
            self._assigned(self._consumer, self._unplaced)
        found = Read()
        if self._damaged:
            timeout_s = min(timeout_s, AGAIN_S)
        deadline = time.monotonic() + timeout_s
        left, left_bytes = MESSAGES, READ_BYTES
        while left > 0 and left_bytes > 0:
            count = min(left, self.at_hand)
            raws = self._consumer.consume(count, max(0.0, deadline - time.monotonic()))
            for raw in raws:
                left_bytes -= len(raw.value() or b"")
                self._hear_safely(raw, found)
            left -= count
            if len(raws) < count:
                break
        if self._heard.too_large:
            self._heard.too_large = False
            with suppress(KafkaException):  # it is told again
                self._pass_what_is_too_large(found)
        if self._is_newly_assigned:
            self._is_newly_assigned, found.is_assigned = False, True
            if not self._shared:
                self._elsewhere = max(0, self._partitions() - len(self._consumer.assignment()))
        if self._elsewhere and not found.says:
            found.says = (
                f"Another reads with the consumer group `{self._group}` too: what is in "
                f"{self._elsewhere} partitions is missing here. Give each Dr. Squirrel a `group` "
                "of its own in the [kafka] table of its settings."
            )
        stranger, came_s = self._stranger
        if stranger and time.monotonic() - came_s < STRANGER_S and not found.says:
            found.says = (
                f"Kafka brings messages of a cluster {quoted(stranger)} that is not in the "
                "settings: they are not read. Give it that name in a [[cluster]] table, or its "
                "processes another by `metrics.reporter.squirrel.cluster`."
            )
        if self._closed and not found.says:
            found.says = self._closed_says()
        is_alone = self._shared or not self._consumer.assignment()
        if not found.arrivals and self._heard.last and is_alone:
            self._look_for_brokers(found)
        return found

    def _look_for_brokers(self, found: Read) -> None:
        """Say that no broker answers, where that is still so. Who has partitions for good, or none
        at all, hears of it by no other way, nor that it is over."""
        try:
            self._consumer.list_topics(next(iter(self.bound)), timeout=PROBE_S)
        except KafkaException:
            found.says = f"No Kafka broker answers at {self._access.brokers}: {self._heard.last}."
            self._is_away = True
        else:
            self._heard.why = self._heard.do = ""
            self._is_away, found.is_assigned = False, found.is_assigned or self._is_away

    def _hear_safely(self, raw: Raw, found: Read) -> None:
        """One message that breaks what reads it takes no other with it."""
        try:
            self._hear(raw, found)
        except Exception as error:
            partition, offset = _place(raw)
            found.offsets[partition] = offset + 1
            at = TopicPartition(*partition, offset)
            self._refuse(at, raw.value() or b"", "not understood", type(error).__name__)

    def _hear(self, raw: Raw, found: Read) -> None:
        error = raw.error()
        if error is None:
            self._take(raw, found)
        elif error.code() in DAMAGE and raw.topic() is not None:  # not of the connection alone
            self._skip(raw, error, found)
        elif error.code() in CLOSED and (topic := raw.topic()) is not None:
            self._closed[topic] = error
        else:
            found.says = self._sentence(error)

    def lag(self) -> dict[Partition, int]:
        """Of each assigned partition how many messages are there that were not read yet; none once
        it is closed."""
        found = {}
        with suppress(RuntimeError, KafkaException):
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
        self._went_on.clear()
        try:
            stored = self._stored()
        except Exception:
            # Else Kafka would have us begin anew, and what comes with this call would be lost.
            consumer.assign([])
            self._unplaced = partitions
            raise
        self._unplaced = []
        for at in partitions:
            at.offset = stored.get((at.topic, at.partition), OFFSET_BEGINNING)
            self._closed.pop(at.topic, None)
        consumer.assign(partitions)
        self._is_newly_assigned = True

    def _partitions(self) -> int:
        """How many the topics have; 0 where Kafka does not say."""
        try:
            there = self._consumer.list_topics(timeout=METADATA_S).topics
        except KafkaException:
            return 0
        return sum(len(there[name].partitions) for name in self.bound if name in there)

    def _take(self, raw: Raw, found: Read) -> None:
        partition, offset = _place(raw)
        found.offsets[partition] = offset + 1
        self._damaged.pop(partition, None)
        self._closed.pop(partition[0], None)
        value = raw.value() or b""
        understood = self._understood(raw, value)
        if isinstance(understood, Refusal):
            if understood.stranger:
                self._stranger = bounded(understood.stranger), time.monotonic()
            self._refuse(TopicPartition(*partition, offset), value, understood.reason)
            return
        cluster, arrivals = understood
        found.arrivals.setdefault(cluster, []).extend(arrivals)

    def _understood(self, raw: Raw, value: bytes) -> tuple[str, Iterable[Arrival]] | Refusal:
        """The cluster that speaks, and what it tells."""
        message = examined(value, self.bound[str(raw.topic())], self._redaction)
        if isinstance(message, Refusal):
            return message
        sent_ms = dict(raw.headers() or []).get(SENT_MS)
        _, stamp_ms = raw.timestamp()
        came_ms = believed_ms(stamp_ms, message, self.dead_letters.clock.now_ms())
        told_ms = came_ms - waited_ms(sent_ms, message)
        return message.origin.cluster, [(told_ms, message)]

    def _refuse(self, at: TopicPartition, value: bytes, reason: str, error: str = "") -> None:
        self.refused[reason] += 1
        self.dead_letters.put(at, value, reason, error, self._redaction)

    def _skip(self, raw: Raw, error: KafkaError, found: Read) -> None:
        """Get past a batch of which not even the length can be read: each time twice as far."""
        partition, offset = _place(raw)
        if partition in found.skipped:  # it was read ahead, before we went on
            return
        before, passed = self._damaged.get(partition, (-1, 0))
        if before != offset:
            passed = 0
            # Its value is the error's text.
            self._refuse(TopicPartition(*partition, offset), b"", UNREADABLE, error.str())
        # Beyond the end Kafka would have us begin anew.
        _, end = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        next_ = max(offset + passed + 1, min(offset + 2 * passed, end))
        self._damaged[partition] = offset, next_ - offset
        self.refused[UNREADABLE] += next_ - offset - max(1, passed)
        self._go_on(partition, next_, found)

    def _go_on(self, partition: Partition, next_: int, found: Read) -> None:
        found.skipped.add(partition)
        found.offsets[partition] = next_
        try:
            self._consumer.seek(TopicPartition(*partition, next_))
        except KafkaException:  # another member of the group has it now, and will find the same
            del found.offsets[partition]

    def _pass_what_is_too_large(self, found: Read) -> None:
        """Get past batches that are larger than what is received."""
        probe = Probe(self._options)
        for at in self._consumer.position(self._consumer.assignment()):
            with suppress(KafkaException):  # then it is tried again
                low, end = self._consumer.get_watermark_offsets(at, METADATA_S)
                partition = at.topic, at.partition
                if at.offset < 0:  # nothing was ever read of it
                    at.offset = self._stored().get(partition, low)
                at.offset = max(at.offset, self._went_on.get(partition, low))
                if at.offset < end and probe.is_too_large(at):
                    next_ = probe.beyond(at, end)
                    told = f"more than {self.answer_bytes} bytes, up to offset {next_ - 1}"
                    self._refuse(at, b"", TOO_LARGE, told)
                    self.refused[TOO_LARGE] += next_ - at.offset - 1
                    self._went_on[partition] = next_
                    self._go_on(partition, next_, found)

    def _closed_says(self) -> str:
        """Of the topics that cannot be read, those that are missing first."""
        missing = [t for t, e in self._closed.items() if e.code() == MISSING]
        if missing:
            names = ", ".join(f"`{topic}`" for topic in sorted(missing))
            return (
                f"Kafka at {self._access.brokers} has no {names}: what is sent there is lost. Make "
                "what is missing by `drsquirrel topics create`."
            )
        return self._sentence(next(iter(self._closed.values())))

    def _sentence(self, error: KafkaError) -> str:
        told = f"Kafka at {self._access.brokers}: {error.str().rstrip('.')}"
        if error.code() in FORBIDDEN:
            return f"{told}: give the user {self._access.user or '(none)'} the right READ."
        return f"{told}."


def _place(raw: Raw) -> tuple[Partition, int]:
    topic, partition, offset = raw.topic(), raw.partition(), raw.offset()
    assert topic is not None and partition is not None and offset is not None
    return (topic, partition), offset
