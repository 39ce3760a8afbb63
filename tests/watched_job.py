"""FlinkJobWatcher under test: its topics, what was sent and told, and the job itself."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from drsquirrel.collect.kafka.shares import partition_of
from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS, SNAPSHOTS
from drsquirrel.model.event import Event
from drsquirrel.model.event import encoder as event_encoder
from drsquirrel.model.snapshot import WINDOW_MS, Snapshot, Subject, decoder, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.piece import joined
from drsquirrel.watch.window import Windows
from tests.watch.made import NOON_MS, report, subtask

ENOUGH_S = 120.0
CHECKPOINTED_S = 12.0
LETTERS = "drsquirrel-dead-letters"
OPEN_MS = NOON_MS // WINDOW_MS * WINDOW_MS
Key = tuple[Subject, int]


@dataclass
class Watched:
    """Topics of a prefix, what was sent to them when, and what the watcher told of it.

    The topics keep the time of arrival that a sender gives, so that a test need not wait for it."""

    broker: Broker
    prefix: str
    sent: list[tuple[int, Event]] = field(default_factory=list)
    told: dict[Key, list[Snapshot]] = field(default_factory=lambda: defaultdict(list))
    kinds: Counter[str] = field(default_factory=Counter)
    letters: list[dict[str, bytes]] = field(default_factory=list)
    _windows: Windows = field(default_factory=Windows)
    _folded: int = 0
    _wanted: dict[Key, bytes] = field(default_factory=dict)
    _same: dict[Key, tuple[int, bytes | None]] = field(default_factory=dict)
    """What was found to be as it should, of how many pieces."""

    def __post_init__(self) -> None:
        # Kafka would delete within a minute what came a year ago.
        config = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
        names = [self.prefix + name for name in (*PLUGIN_TOPICS, SNAPSHOTS, LETTERS)]
        admin = AdminClient({"bootstrap.servers": self.broker.address})
        made = admin.create_topics([NewTopic(name, 2, 1, config=config) for name in names])
        for future in made.values():
            future.result(30)
        options = {"bootstrap.servers": self.broker.address, "group.id": f"{self.prefix}test"}
        self._consumer = Consumer({**options, "auto.offset.reset": "earliest"})
        self._consumer.subscribe([self.prefix + SNAPSHOTS, self.prefix + LETTERS])
        self._producer = Producer({"bootstrap.servers": self.broker.address, "linger.ms": 5})

    def send(self, arrived: Iterable[tuple[int, Event]], topic: str = "flink-metrics") -> None:
        for arrival_ms, event in arrived:
            self.sent.append((arrival_ms, event))
            partition = sum(event.origin.container.encode()) % 2
            self._put(topic, event_encoder.encode(event), partition, arrival_ms)
        assert self._producer.flush(60) == 0

    def send_raw(self, value: bytes, arrival_ms: int) -> None:
        self._put("flink-logs", value, 0, arrival_ms)
        assert self._producer.flush(60) == 0

    def close_windows(self, arrival_ms: int) -> None:
        """Something arrives in every partition, at that time."""
        for topic in PLUGIN_TOPICS:
            for partition in (0, 1):
                last = report(0, arrival_ms, job="", container=f"last-{topic}-{partition}")
                self._put(topic, event_encoder.encode(last), partition, arrival_ms)
        assert self._producer.flush(60) == 0

    def _put(self, topic: str, value: bytes, partition: int, arrival_ms: int) -> None:
        self._producer.produce(
            self.prefix + topic, value, partition=partition, timestamp=arrival_ms
        )

    def until(self, holds: Callable[[], bool], enough_s: float = ENOUGH_S) -> bool:
        deadline = time.monotonic() + enough_s
        while not holds() and time.monotonic() < deadline:
            for raw in self._consumer.consume(500, 0.2):
                if raw.error() is not None:
                    continue
                headers = dict(raw.headers() or [])
                if raw.topic() != self.prefix + SNAPSHOTS:
                    self.letters.append(headers | {"value": raw.value() or b""})
                    continue
                snapshot = decoder.decode(raw.value() or b"")
                assert raw.partition() == partition_of(snapshot.subject.cluster, 2)
                self.kinds[headers["kind"].decode()] += 1
                self.told[snapshot.subject, snapshot.window_ms].append(snapshot)
        return holds()

    def wanted(self) -> dict[Key, bytes]:
        """What one process that has read the same says of each subject and window."""
        for arrival_ms, event in self.sent[self._folded :]:
            dropped = self._windows.add(arrival_ms, fold([(arrival_ms, event)]).rollups)
            assert not dropped
        self._folded = len(self.sent)
        for snapshot in self._windows.grown(NOON_MS):
            self._wanted[snapshot.subject, snapshot.window_ms] = encoder.encode(snapshot)
        return self._wanted

    def differing(self) -> list[Key]:
        """Where what was told is not what it should be, or nothing should be."""
        wanted = self.wanted()
        told = {key for key in self.told if not key[0].container.startswith("last-")}
        return [key for key in {*wanted, *told} if not self._is_same(key, wanted.get(key))]

    def _is_same(self, key: Key, wanted: bytes | None) -> bool:
        compared = len(self.told.get(key, ())), wanted
        if self._same.get(key) == compared:
            return True
        if key not in self.told or encoder.encode(joined(self.told[key])) != wanted:
            return False
        self._same[key] = compared
        return True


def arrivals(minutes: int, random: Random, processes: int = 4) -> list[tuple[int, Event]]:
    """Two runs and their processes that report every ten seconds, in the order of arrival."""
    found: list[tuple[int, Event]] = []
    for round_ in range(minutes * 6):
        at_ms = OPEN_MS + round_ * 10_000
        for number in range(processes):
            for job in ("one", "two", ""):
                told = report(
                    round_,
                    at_ms,
                    subtask(number, busy_ms=round_ * 3, numRecordsIn=round_),
                    job=job,
                    container=f"tm-{number}",
                )
                found.append((at_ms + random.randrange(3_000), told))
    return sorted(found, key=lambda arrived: arrived[0])


def settings(broker: Broker, prefix: str, folder: Path) -> Path:
    """The cluster `prod` with topics of a prefix."""
    file = folder / "settings.toml"
    file.write_text(
        f'data_dir = "{folder}"\n[[cluster]]\nname = "prod"\n'
        f'[kafka]\nbrokers = "{broker.address}"\ntopic_prefix = "{prefix}"\n'
    )
    return file


class Watcher:
    """The job, submitted with settings that bind the cluster `prod` to the topics of a prefix."""

    def __init__(self, flink: Cluster, broker: Broker, prefix: str, folder: Path) -> None:
        self.flink = flink
        self.config = settings(broker, prefix, folder)

    def submit(self, *more: str) -> str:
        kept = self.config.parent.as_uri()
        options = ("-D", "execution.checkpointing.interval=5 s")
        options += ("-D", f"execution.checkpointing.dir={kept}/checkpoints")
        return watcher.submit(self.flink.url, *options, *more, "--config", str(self.config))

    def does(self, command: str) -> tuple[int, str, str]:
        done = watcher.watcher(command, "--flink", self.flink.url, "--config", str(self.config))
        return done.returncode, done.stdout, done.stderr

    def workers(self) -> dict[int, int]:
        """The processes of Python's functions in this Flink, each with who began it."""
        found = {}
        below = [*self.flink.pids.values()]
        while below:
            parent = below.pop()
            with suppress(OSError):
                for listed in Path(f"/proc/{parent}/task").glob("*/children"):
                    for pid in map(int, listed.read_text().split()):
                        below.append(pid)
                        command = Path(f"/proc/{pid}/cmdline").read_text()
                        if "pyflink.fn_execution" in command or "pyflink-udf-runner" in command:
                            found[pid] = parent
        return found
