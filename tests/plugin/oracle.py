"""An account of every message that a real publisher was given, from its journal and from Kafka."""

import json
import random
import struct
import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Self
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, TopicPartition

from demo.proxy import Mode
from tests.plugin.harness import Java, Sick

MAIN = "io.drsquirrel.flink.send.Oracle"
TOPICS = ("flink-logs", "flink-metrics", "flink-events")
KINDS = ("INFO", "WARN", "ERROR", "METRICS", "EVENT")
TOO_LARGE_EVERY = 5_000
REFUSED_AT_THE_DOOR = 2
RECORD = struct.Struct(">q6bxx")
READ_S = 60.0
BEGIN_S = 60.0
SETTLE_S = 70.0
BYTES_PER_S = (2_000, 50_000, 500_000)


class Entry(NamedTuple):
    """Of one message, by the journal."""

    offered_ms: int
    lines: int
    kind: int
    fate: int
    handed: int
    failed: int
    acknowledged: int

    @property
    def is_known(self) -> bool:
        return self.offered_ms > 0


@dataclass(frozen=True)
class Counts:
    """Lines, as the publisher has counted them."""

    offered: int
    sent: int
    queued: int
    dropped: dict[str, int]

    @property
    def lost(self) -> int:
        return sum(self.dropped.values())


class Oracle:
    """A process that offers messages, a number of them per second."""

    def __init__(
        self,
        jar: Path,
        folder: Path,
        sick: Sick,
        prefix: str,
        messages: int,
        per_second: int,
        *options: str,
        jvm_args: Sequence[str] = (),
    ) -> None:
        self._journal = folder / "journal"
        self._sick = sick
        self._prefix = prefix
        told = ("cluster=oracle", f"kafka.bootstrap.servers={sick.address}")
        self.java = Java(
            jar,
            folder,
            MAIN,
            *(self._journal, messages, per_second, *told, f"topic.prefix={prefix}", *options),
            jvm_args=jvm_args,
        )

    def __enter__(self) -> Self:
        assert self.java.line(BEGIN_S) == "began"
        return self

    def __exit__(self, *_: object) -> None:
        self.java.__exit__()

    def ask(self, command: str) -> Counts:
        self.java.say(command)
        return Counts(**json.loads(self.java.line(SETTLE_S)))

    def journal(self) -> dict[int, Entry]:
        """Of every message that was offered."""
        entries = map(Entry._make, RECORD.iter_unpack(self._journal.read_bytes()))
        return {id_: entry for id_, entry in enumerate(entries) if entry.is_known}

    def stored(self) -> dict[int, list[int]]:
        """When each message was stored, in ms: once for every copy."""
        return stored(self._sick.address, [self._prefix + topic for topic in TOPICS])


def stored(brokers: str, topics: Iterable[str]) -> dict[int, list[int]]:
    """Everything in these topics up to their ends, by the number in a message."""
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": str(uuid4()),
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
        }
    )
    there = consumer.list_topics(timeout=READ_S).topics
    partitions = {(topic, number) for topic in topics for number in there[topic].partitions}
    consumer.assign([TopicPartition(topic, number, 0) for topic, number in partitions])
    found: defaultdict[int, list[int]] = defaultdict(list)
    deadline = time.monotonic() + READ_S
    while partitions:
        assert time.monotonic() < deadline, "the topics could not be read to their ends"
        for raw in consumer.consume(10_000, 0.1):
            error = raw.error()
            if error is None:
                found[int.from_bytes((raw.value() or b"")[:4], "big")].append(raw.timestamp()[1])
            elif error.code() == KafkaError._PARTITION_EOF:
                partitions.discard((raw.topic() or "", raw.partition() or 0))
    consumer.close()
    return dict(found)


class Faults:
    """Puts random faults into the way to a broker, one after the other, until it is left."""

    def __init__(self, sick: Sick, seed: int, longest_s: float, *, kills: bool = False) -> None:
        self.windows: list[tuple[str, int, int]] = []
        """Of each fault its name, and from when to when it was, in ms."""
        self._sick = sick
        self._dice = random.Random(seed)
        self._longest_s = longest_s
        self._names = ["cut", *(mode.value for mode in Mode if mode is not Mode.PASS)]
        self._names += ["kill"] * kills
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="faults")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            name = self._dice.choice(self._names)
            began_ms = now_ms()
            self._begin(name)
            self._over.wait(self._dice.uniform(0.2, self._longest_s))
            if name == "kill":
                self._sick.broker.start()
            self._sick.proxy.set(Mode.PASS)
            self.windows.append((name, began_ms, now_ms()))
            self._over.wait(self._dice.uniform(0.2, 1.5))

    def _begin(self, name: str) -> None:
        if name == "kill":
            self._sick.broker.kill()
        elif name == "cut":
            self._sick.proxy.cut()
        else:
            self._sick.proxy.bytes_per_s = self._dice.choice(BYTES_PER_S)
            self._sick.proxy.set(Mode(name))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True)
class Account:
    """All that is known of every message, and what has to be true of it."""

    journal: dict[int, Entry]
    stored: dict[int, list[int]]
    counts: Counts

    def lines(self, ids: Iterable[int]) -> int:
        return sum(self.journal[id_].lines for id_ in ids)

    @property
    def acknowledged(self) -> set[int]:
        return {id_ for id_, entry in self.journal.items() if entry.acknowledged}

    @property
    def lost(self) -> set[int]:
        return self.journal.keys() - self.stored.keys()

    @property
    def unconfirmed(self) -> set[int]:
        """Stored, but no answer came through, and then given up: counted as lost."""
        return self.stored.keys() - self.acknowledged

    @property
    def repeated(self) -> set[int]:
        return {id_ for id_, times in self.stored.items() if len(times) > 1}

    def lost_share(self, kind: str) -> float:
        """Of the messages of this kind that are not too large for any broker."""
        of_it = {
            id_
            for id_, entry in self.journal.items()
            if KINDS[entry.kind] == kind and (id_ + 1) % TOO_LARGE_EVERY
        }
        return len(of_it & self.lost) / len(of_it)

    def check(self) -> None:
        """Emitted = stored + dropped for whatever reason, to the line."""
        counts = self.counts
        assert self.stored.keys() <= self.journal.keys(), "Kafka holds what nobody has sent"
        assert counts.offered == self.lines(self.journal)
        assert counts.queued == 0
        assert counts.offered == counts.sent + counts.lost
        assert self.acknowledged <= self.stored.keys(), "what Kafka has confirmed is not there"
        assert counts.sent == self.lines(self.acknowledged)
        refused = {i for i, entry in self.journal.items() if entry.fate == REFUSED_AT_THE_DOOR}
        assert not refused & self.stored.keys()
        for id_ in self.unconfirmed:
            entry = self.journal[id_]
            assert entry.handed > 0 and entry.failed == entry.handed, (id_, entry)
        assert counts.lost == self.lines(self.lost) + self.lines(self.unconfirmed)

    def check_repeats(self, windows: Sequence[tuple[str, int, int]], slack_ms: int) -> None:
        """A message is stored twice only where an answer may have been lost."""
        for id_ in self.repeated:
            first_ms = min(self.stored[id_])
            assert any(began - slack_ms <= first_ms <= end + slack_ms for _, began, end in windows)

    def summary(self, windows: Collection[Any] = ()) -> dict[str, object]:
        return {
            "faults": len(windows),
            "messages": len(self.journal),
            "lines": self.counts.offered,
            "stored_lines": self.lines(self.stored),
            "dropped": {reason: n for reason, n in self.counts.dropped.items() if n},
            "lost_share": {kind: round(self.lost_share(kind), 3) for kind in KINDS},
            "unconfirmed_lines": self.lines(self.unconfirmed),
            "repeated": len(self.repeated),
        }
