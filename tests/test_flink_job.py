"""FlinkJobWatcher on a real Flink, between real topics: what it tells is what one process tells."""

import os
import signal
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from msgspec.structs import replace

from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from drsquirrel.collect.kafka.shares import partition_of
from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS, SNAPSHOTS
from drsquirrel.model.event import Event, FailureEvent, LogEvent
from drsquirrel.model.event import encoder as event_encoder
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Snapshot, Subject, decoder, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.piece import joined
from drsquirrel.watch.window import Windows
from tests.commands import ROOT
from tests.conftest import need_maven, need_pyflink
from tests.watch.made import NOON_MS, TRACE, origin, report, subtask

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]
ENOUGH_S = 120.0
CHECKPOINTED_S = 12.0
LETTERS = "drsquirrel-dead-letters"
AHEAD_MS = 3_600_000
OPEN_MS = NOON_MS // WINDOW_MS * WINDOW_MS
POISON = [
    b"{}",
    event_encoder.encode(report(1, NOON_MS))[:-1] + b',"password":"hunter2\xff"}',
    event_encoder.encode(report(2, NOON_MS))[:-1] + b',"password":1e9999}',
    event_encoder.encode(report(3, NOON_MS))[:-1] + b',"token":' + b"9" * 5_000 + b"}",
    event_encoder.encode(report(4, NOON_MS)).replace(b'"schema":', b'"schema":9', 1),
]
"""What nobody reads may be broken too, and is only looked at where it might be a secret; the last
is of a version to come."""
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


def ahead(minutes: int) -> list[tuple[int, Event]]:
    """One process more, whose clock is an hour ahead."""
    found: list[tuple[int, Event]] = []
    for round_ in range(minutes * 6):
        at_ms = OPEN_MS + round_ * 10_000
        values = subtask(9, busy_ms=round_)
        told = report(round_, at_ms + AHEAD_MS, values, job="one", container="tm-ahead")
        found.append((at_ms, told))
    return found


@pytest.fixture(scope="module")
def flink() -> Iterator[Cluster]:
    need_maven()
    need_pyflink()
    with Cluster(
        taskmanagers=1, slots=2, heap_mb=384, metaspace_mb=256, config=watcher.MANAGED_MEMORY
    ) as cluster:
        yield cluster


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


@pytest.fixture(scope="module")
def job(flink: Cluster, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Watcher:
    return Watcher(flink, broker, "told-", tmp_path_factory.mktemp("watcher"))


@pytest.fixture(scope="module")
def watched(broker: Broker, job: Watcher) -> Iterator[Watched]:
    """What was told of three windows in which all that can be odd was odd, and a worker died."""
    found = Watched(broker, "told-")
    random = Random(1)
    told = arrivals(15, random)
    odd = [
        *ahead(10),
        told[50],
        *random.sample(told[:100], 30),  # once more, later
        (OPEN_MS + 70_000, replace(told[3][1], time_ms=OPEN_MS - 3_000_000)),  # a clock that is off
        (OPEN_MS + 80_000, report(900, OPEN_MS + 4_000_000, subtask(7, busy_ms=1), job="one")),
        (OPEN_MS + 90_000, report(901, OPEN_MS + 90_000, subtask(7, nonsense=1), job="one")),
    ]
    found.send(sorted((*told[:600], *odd), key=lambda arrived: arrived[0]))
    job.submit()
    found.until(lambda: bool(job.workers()))
    failure = FailureEvent(
        origin=origin(5_000, "tm-1"), time_ms=OPEN_MS + 400_000, job="one", throwable=TRACE
    )
    found.send([(OPEN_MS + 400_000, failure)], "flink-events")
    found.until(lambda: found.kinds["news"] > 0)
    found.kinds["windows before the news"] = found.kinds["window"]
    for worker in job.workers():
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    line = LogEvent(
        origin=origin(6_000, "tm-2"),
        time_ms=OPEN_MS + 500_000,
        job="two",
        level="WARN",
        logger="a.B",
        message="slow 3",
    )
    found.send([(OPEN_MS + 500_000, line)], "flink-logs")
    found.send_raw(b"rubbish", OPEN_MS + 500_000)
    for poison in POISON:
        found.send_raw(poison, OPEN_MS + 500_000)
    found.send(told[600:])
    found.close_windows(OPEN_MS + 3_600_000)
    found.until(lambda: not found.differing() and len(found.letters) > len(POISON))
    late = report(902, OPEN_MS + 5_000, subtask(8, busy_ms=5), job="one", container="tm-0")
    found.send([(OPEN_MS + 5_000, late)])
    found.until(lambda: found.kinds["late"] > 0)
    return found


def test_it_tells_byte_for_byte_what_one_process_tells(watched: Watched) -> None:
    assert watched.wanted().keys() <= watched.told.keys() and len(watched.wanted()) == 18
    assert watched.differing() == []


def test_a_clock_an_hour_ahead_is_not_believed_and_makes_nobody_late(watched: Watched) -> None:
    rollups = [
        rollup
        for (subject, _), parts in watched.told.items()
        if subject.job == "one"
        for rollup in joined(parts).rollups
    ]
    assert max(rollup.minute for rollup in rollups) * MINUTE_MS < OPEN_MS + 15 * MINUTE_MS
    off = {(c, ms) for rollup in rollups for c, _, ms in rollup.skewed if c == "tm-ahead"}
    assert off == {("tm-ahead", AHEAD_MS)}
    minutes = [r.minute for r in rollups if "tm-ahead" in {t.key.container for t in r.tracks}]
    assert len(set(minutes)) == 10
    assert watched.kinds["late"] == 1, "of what came after its window, alone"


def test_news_leave_before_their_window_closes(watched: Watched) -> None:
    # The worker died after it, and what was not checkpointed is told again.
    assert watched.kinds["news"] >= 1 and watched.kinds["windows before the news"] == 0


def test_what_comes_after_its_window_is_told_by_itself(watched: Watched) -> None:
    assert watched.kinds["late"] == 1


def test_what_is_unreadable_is_put_aside(watched: Watched) -> None:
    offsets = {letter["offset"] for letter in watched.letters}
    assert len(offsets) == 1 + len(POISON)
    reasons = Counter(letter["reason"] for letter in watched.letters)
    assert reasons == {b"malformed": len(POISON), b"newer schema": 1}
    assert {letter["topic"] for letter in watched.letters} == {b"told-flink-logs"}
    assert not [letter for letter in watched.letters if b"hunter2" in letter["value"]]


def test_what_was_told_is_kept_no_longer(watched: Watched, job: Watcher) -> None:
    watched.until(lambda: False, CHECKPOINTED_S)
    [running] = (j for j in job.flink.rest.get("/jobs")["jobs"] if j["status"] == "RUNNING")
    kept = job.flink.rest.get(f"/jobs/{running['id']}/checkpoints")["latest"]["completed"]
    assert kept["state_size"] < 16_000, "what holds windows open, of 1,100 messages"


def test_its_functions_run_where_flink_runs_its_tasks(watched: Watched, job: Watcher) -> None:
    workers = job.workers()
    [taskmanager] = {parent for parent in workers.values() if parent not in workers}
    assert taskmanager == job.flink.pids["taskmanager-0"]


def test_its_status_says_that_it_runs_and_it_runs_once(watched: Watched, job: Watcher) -> None:
    code, told, _ = job.does("status")
    assert (
        code == 0
        and " RUNNING, begun " in told
        and " 1 restarts" in told
        and "parallelism 1" in told
    )
    with pytest.raises(RuntimeError, match="already, as job"):
        job.submit()


def test_when_it_is_ended_and_begun_again_nothing_is_lost(
    watched: Watched, job: Watcher, broker: Broker
) -> None:
    random = Random(2)
    shift_ms = 7_200_000
    told = [
        (ms + shift_ms, replace(event, time_ms=event.time_ms + shift_ms))
        for ms, event in arrivals(10, random)
    ]
    watched.send(told[:300])
    watched.until(lambda: False, CHECKPOINTED_S)  # within a window
    assert not [window_ms for _, window_ms in watched.told if window_ms == OPEN_MS + shift_ms]
    code, ended, _ = job.does("cancel")
    assert code == 0 and len(ended.strip()) == 32
    assert job.does("status")[0] == 1
    watched.send(told[300:])
    job.submit("--parallelism", "2")
    watched.close_windows(OPEN_MS + 2 * shift_ms)
    watched.until(lambda: not watched.differing())
    assert watched.differing() == []
    code, said, _ = job.does("status")
    assert code == 0 and "parallelism 2" in said
    assert job.does("cancel")[0] == 0 and job.does("cancel")[0] == 1


@pytest.mark.alone
def test_its_packages_may_be_sent_along(
    flink: Cluster, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    packed = Watcher(flink, broker, "packed-", tmp_path_factory.mktemp("packed"))
    found = Watched(broker, "packed-")
    found.send(arrivals(5, Random(3)))
    found.close_windows(OPEN_MS + 3_600_000)
    job = packed.submit("--python", "")
    found.until(lambda: not found.differing(), 2 * ENOUGH_S)
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in packed.workers()]
    assert packed.does("cancel")[1].strip() == job
    assert found.differing() == []
    assert commands and not any(str(watcher.PYTHON).encode() in c for c in commands)


BY_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from drsquirrel.flink_functions import ZSTD
from drsquirrel.model.event import MetricReport, Origin, Place, Values, tables
from drsquirrel.watch.bundle import bundles, decode, encode
from drsquirrel.watch.piece import Arrived

def again(number):
    origin = Origin(cluster="c", producer="plugin", epoch="e", sequence=number)
    of_tasks = tables(Values({"busy_ms": n}, Place("v", n, attempt=0)) for n in range(200))
    report = MetricReport(origin=origin, time_ms=60_000, job="j", tables=of_tasks)
    [bundle] = bundles([Arrived(60_000, 60_000, report)], 1)[0].values()
    [encoded, _] = encode(bundle)
    return all(decode(ZSTD.unpack(ZSTD.pack(encoded))) == bundle for _ in range(100))

with ThreadPoolExecutor(8) as threads:
    print(all(threads.map(again, range(8))))
"""


def test_functions_that_run_in_several_threads_of_one_process_pack_what_they_were_given() -> None:
    need_pyflink()
    done = subprocess.run(
        [watcher.PYTHON, "-c", BY_THREADS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr
