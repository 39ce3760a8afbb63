"""What the plugin sends, from Kafka onto the desk: read, folded, and owed to the store.

Offsets go to the store in the same transaction as what they led to. What was not stored before
the end is read again, which changes nothing.
"""

import asyncio
import logging
import math
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple, Protocol

from drsquirrel.cluster import cluster_id
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import APPLICATIONS
from drsquirrel.collect.kafka.source import Arrival, Partition, Read, Source
from drsquirrel.collect.kafka.topics import LOGS, PLUGIN_TOPICS
from drsquirrel.collect.redaction import Redaction
from drsquirrel.deep import heard_alone, size_of
from drsquirrel.exposition import Family, counter, gauge
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    Event,
    FailureEvent,
    LogEvent,
    Message,
)
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.settings import Kafka, Settings, secret
from drsquirrel.store.interface import Offset

logger = logging.getLogger(__name__)
READ_S = 1.0
OWED_MAX = 20_000
OWED_BYTES = 64 << 20
"""Events that wait for the store; beyond, nothing more is read."""
RECURS_MS = 600_000
"""A missing right is heard of again with each look at the topics, every five minutes."""
NEWS_MS = 10_000
"""What is older was seen in a round since, or is read again after a stop."""
BROKE = "Something that came through Kafka could not be taken in: our log says where."
STORED = (LogEvent, FailureEvent, CheckpointEvent, ChangeEvent)
"""What is kept as it is; of reports only what is folded."""


def kafka_access(told: Kafka) -> Access:
    """How to reach the Kafka of the settings; raises SettingsError for a secret it cannot read."""
    return Access(
        brokers=told.brokers,
        tls=told.tls,
        ca_file=told.ca_file,
        user=told.user,
        password=secret(told.password_file),
        mechanism=told.mechanism,
    )


def bound_of(settings: Settings, prefix: str, topics: Iterable[str]) -> dict[str, set[str]]:
    """The topics of the clusters, and who may speak in each."""
    told = [(cluster.topic_prefix or prefix, cluster_id(cluster)) for cluster in settings.cluster]
    told += [(prefix, APPLICATIONS)] if settings.yarn else []
    bound: dict[str, set[str]] = {}
    for its_prefix, cluster in told:
        for topic in topics:
            bound.setdefault(its_prefix + topic, set()).add(cluster)
    return bound


def source_of(
    settings: Settings, access: Access, offsets: Callable[[], Iterable[Offset]], clock: Clock
) -> Source:
    """A source of all topics of the clusters, from the stored offsets on. A cluster may speak in
    its own topics only."""
    return _source(settings, access, offsets, clock, PLUGIN_TOPICS)


def lines_of(
    settings: Settings, access: Access, offsets: Callable[[], Iterable[Offset]], clock: Clock
) -> Source:
    """A source of their log lines alone, in a group of its own that may have other members."""
    return _source(settings, access, offsets, clock, (LOGS,), "-lines", shared=True)


def _source(
    settings: Settings,
    access: Access,
    offsets: Callable[[], Iterable[Offset]],
    clock: Clock,
    topics: Iterable[str],
    suffix: str = "",
    *,
    shared: bool = False,
) -> Source:
    """A source of these topics of the clusters; `suffix` ends the name of its group."""
    assert settings.kafka is not None
    prefix = settings.kafka.topic_prefix
    return Source(
        access,
        bound_of(settings, prefix, topics),
        partial(stored, offsets),
        DeadLetters(access, clock, prefix),
        Redaction(settings.redact_keys),
        settings.kafka.group + suffix,
        shared=shared,
    )


def stored(offsets: Callable[[], Iterable[Offset]]) -> dict[Partition, int]:
    """Where to go on in each partition."""
    return {(at.topic, at.partition): at.next for at in offsets()}


class Hearing(Protocol):
    """Where what was read goes to: a desk."""

    dropped: Counter[str]
    kafka_says: str

    def hear(self, cluster: str, arrivals: Iterable[Any], now_ms: int) -> list[Event]:
        """Take in what its source read of a cluster: (arrival in ms, what was told). Returns the
        events that are ready to be stored."""
        ...

    def waiting(self) -> Mapping[str, int]:
        """By cluster, since when the oldest waits of what was heard and cannot be used yet."""
        ...

    def is_full(self) -> bool:
        """Whether nothing more may be read until something of what waits can be used."""
        ...


class Readable(Protocol):
    """What a source of messages can do."""

    refused: Counter[str]
    dead_letters: DeadLetters

    def read(self, timeout_s: float) -> Read: ...
    def lag(self) -> dict[Partition, int]: ...
    def close(self) -> None: ...


class Owed(NamedTuple):
    """What was read and is not stored yet."""

    logs: tuple[LogEvent, ...]
    failures: tuple[FailureEvent, ...]
    checkpoints: tuple[CheckpointEvent, ...]
    changes: tuple[ChangeEvent, ...]
    offsets: tuple[Offset, ...]


NOTHING = Owed((), (), (), (), ())


class KafkaWatch:
    """One source, read by a thread of its own until it is cancelled. `wake` is called with a
    cluster in which something has just happened."""

    def __init__(
        self, source: Readable, desk: Hearing, clock: Clock, wake: Callable[[str], None]
    ) -> None:
        self.read_total = 0
        self.source = source
        self._desk = desk
        self._clock = clock
        self._wake = wake
        self._is_told = False
        self._told_ms: dict[str, int] = {}
        """When each sentence on what is wrong was heard last."""
        self._broke_ms = 0
        """When it was last logged that something broke."""
        self._owed: list[Event] = []
        self._owed_bytes = 0
        self._read: deque[tuple[int, Mapping[Partition, int]]] = deque()
        """When something was read, and the offsets after it."""

    async def run(
        self,
        in_desk: Callable[[Callable[[], None]], Awaitable[None]],
        after: Callable[[], Awaitable[None]],
    ) -> None:
        """Read until cancelled. `in_desk` calls in the desk's thread; `after` is called once
        something was read, or nothing for a moment."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="kafka") as thread:
            try:
                while True:
                    try:
                        if self._owes(OWED_MAX, OWED_BYTES) or self._desk.is_full():
                            await asyncio.sleep(READ_S)
                            read = Read()
                        else:
                            read = await loop.run_in_executor(thread, self.source.read, READ_S)
                        await in_desk(partial(self._take, read))
                        await after()
                    except Exception:
                        # What nobody thought of must not end the reading.
                        self._desk.kafka_says = BROKE
                        self._log_broken()
                        await asyncio.sleep(READ_S)
            finally:
                await asyncio.shield(loop.run_in_executor(thread, self.source.close))

    def _take(self, read: Read) -> None:
        now_ms = self._clock.now_ms()
        self._note(read, now_ms)
        for cluster in {*read.arrivals, *self._desk.waiting()}:
            arrivals = read.arrivals.get(cluster, [])
            self.read_total += len(arrivals)
            if any(_has_just_happened(message, now_ms - ms) for ms, message in arrivals):
                self._wake(cluster)
            owed = [e for e in self._heard(cluster, arrivals, now_ms) if isinstance(e, STORED)]
            self._owed += owed
            self._owed_bytes += sum(map(size_of, owed))
        self._read.append((now_ms, read.offsets))

    def _heard(self, cluster: str, arrivals: list[Arrival], now_ms: int) -> list[Event]:
        """What is ready of them; where one breaks what takes it, all but that."""
        hear = partial(self._desk.hear, cluster, now_ms=now_ms)
        try:
            return hear(arrivals)
        except Exception:
            self._log_broken()
        return heard_alone(hear, arrivals, self._desk.dropped)

    def _log_broken(self) -> None:
        """The same may break again with each message."""
        now_ms = self._clock.now_ms()
        if now_ms - self._broke_ms >= RECURS_MS:
            self._broke_ms = now_ms
            logger.exception("something that came through Kafka was not taken in")

    def _note(self, read: Read, now_ms: int) -> None:
        """Log that something is wrong, or that messages come again: once each. What recurs between
        messages that do come, such as a missing right, is told once."""
        if read.says:
            recent = {s: ms for s, ms in self._told_ms.items() if now_ms - ms < RECURS_MS}
            if read.says not in recent:
                logger.warning("%s", read.says)
                self._is_told = True
            self._told_ms = recent | {read.says: now_ms}
            self._desk.kafka_says = read.says
        elif self._desk.kafka_says and (read.offsets or read.is_assigned):
            if self._is_told:
                logger.warning("messages come from Kafka again")
            self._is_told = False
            self._desk.kafka_says = ""

    @property
    def owes_much(self) -> bool:
        """Whether the store should take what is owed now."""
        return self._owes(OWED_MAX // 4, OWED_BYTES // 4)

    def _owes(self, events: int, size: int) -> bool:
        return len(self._owed) > events or self._owed_bytes > size

    def metrics(self) -> list[Family]:
        """Families of our own metrics."""
        lag = self.source.lag().items()
        refused = sorted(self.source.refused.items())
        dead = sorted(self.source.dead_letters.counts.items())
        return [
            counter("drsquirrel_kafka_messages_total", "Messages read.", [({}, self.read_total)]),
            counter(
                "drsquirrel_kafka_refused_total",
                "Messages that could not be read, by reason.",
                [({"reason": reason}, n) for reason, n in refused],
            ),
            counter(
                "drsquirrel_dead_letters_total",
                "Messages that could not be read, by what became of them.",
                [({"fate": fate}, n) for fate, n in dead],
            ),
            gauge(
                "drsquirrel_kafka_lag",
                "Messages that were not read yet.",
                [({"topic": topic, "partition": str(number)}, n) for (topic, number), n in lag],
            ),
        ]

    def take_owed(self) -> Owed:
        """What was read since the last call, to be stored together. What waits for its run is not
        stored, and is read again after a kill: the offsets stay before it."""
        events, self._owed, self._owed_bytes = self._owed, [], 0
        before_ms = min(self._desk.waiting().values(), default=math.inf)
        offsets: dict[Partition, int] = {}
        while self._read and self._read[0][0] < before_ms:
            offsets.update(self._read.popleft()[1])
        return Owed(
            logs=tuple(e for e in events if isinstance(e, LogEvent)),
            failures=tuple(e for e in events if isinstance(e, FailureEvent)),
            checkpoints=tuple(e for e in events if isinstance(e, CheckpointEvent)),
            changes=tuple(e for e in events if isinstance(e, ChangeEvent)),
            offsets=tuple(Offset(*partition, next_) for partition, next_ in offsets.items()),
        )


def _has_just_happened(message: Message | Snapshot, ago_ms: int) -> bool:
    """Whether Flink should be asked about it: a failure, or another state of a job."""
    return isinstance(message, FailureEvent | ChangeEvent) and ago_ms < NEWS_MS
