"""A long backlog, names without end, large reports and bombs are read in bounded memory (R9)."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.model.event import LogEvent, Message, MetricReport, Origin, Place, Table, encoder
from tests.plugin.cgroup import cgroup

pytestmark = [pytest.mark.alone, pytest.mark.timeout(3_000)]
NAMES = 1_000_000
LARGE_REPORTS, PLACES = 6_000, 500
LONG_LINES, LINE_CHARS = 20_000, 16_000
ENDLESS_LINES, ENDLESS_CHARS = 300, 3_000_000
"""Longer than the plugin sends any."""
CONTAINERS, SIGNATURES = 50, 20
"""Whatever is sent, so much is to be kept of it."""
BOMBS, BOMB_BYTES = 300, 8_000_000
MEMORY_BYTES = 512 << 20
ADDRESSES_BYTES = 2 << 30
"""Of virtual memory, much of which is never used: where there is no cgroup it is the only limit."""
GROWS_MIB = 64
"""Between a quarter of the backlog, when all that is bounded is full, and its end."""
COUNTS = tuple(f"numRecords{way}" for way in ("In", "Out"))
READER = """
import json, os, sys, time
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.kafka_watch import KafkaWatch, kafka_access, source_of
from drsquirrel.cluster import SystemClock
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Kafka, Settings

brokers, prefix, enough_s = sys.argv[1], sys.argv[2], float(sys.argv[3])
settings = Settings(
    cluster=(Cluster(url="http://a:1", name="prod"),),
    kafka=Kafka(brokers=brokers, topic_prefix=prefix),
)
source = source_of(settings, kafka_access(settings.kafka), list, SystemClock())
desk = Desk(load())
desk.add_cluster("prod", 10_000, False)
watch = KafkaWatch(source, desk, SystemClock(), lambda _: None)

def rss_mib():
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

seen, deadline, rounds_ms = [], time.monotonic() + enough_s, 0
done = lambda: watch.read_total + source.refused.total()
while time.monotonic() < deadline and (not done() or any(source.lag().values())):
    now_ms = SystemClock().now_ms()
    if now_ms - rounds_ms > 10_000:
        rounds_ms = now_ms
        desk.take("prod", Round(arrival_ms=now_ms, answered=True))
    watch._take(source.read(1.0))
    watch.take_owed()
    desk.snapshots(now_ms)
    seen.append((done(), round(rss_mib(), 1)))
    print(*seen[-1], file=sys.stderr)
print(json.dumps({"seen": seen, "dropped": desk.dropped, "refused": source.refused}))
"""


@dataclass(frozen=True)
class Found:
    """What a reader within the limits has come to."""

    mib: dict[int, float]
    """By how many messages were read."""
    dropped: dict[str, int]
    refused: dict[str, int]

    @property
    def grown_mib(self) -> float:
        """After the first quarter of its messages."""
        quarter = max(mib for count, mib in self.mib.items() if count <= max(self.mib) // 4)
        return max(self.mib.values()) - quarter


def limit_addresses() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES, ADDRESSES_BYTES))


def read(broker: Broker, prefix: str, enough_s: float = 2_000) -> Found:
    """Read all of it as the service does, in 512 MiB."""
    with ExitStack() as stack:
        group = stack.enter_context(cgroup(MEMORY_BYTES))

        def limit() -> None:
            group.enter()
            limit_addresses()

        done = subprocess.run(
            [sys.executable, "-c", READER, broker.address, prefix, str(enough_s)],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=limit,
        )
        told = f"{done.stderr[-2000:]}\nkilled for want of memory: {group.kills}"
        assert done.returncode == 0, told
        peak_mib = group.peak_bytes >> 20
    found = json.loads(done.stdout)
    read = Found(dict(found["seen"]), found["dropped"], found["refused"])
    few = [*read.mib.items()][:: max(1, len(read.mib) // 10)]
    print(f"{peak_mib} MiB at most", few, found["dropped"], found["refused"])
    return read


def send(broker: Broker, topic: str, messages: Iterator[Message], **options: Any) -> None:
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "compression.type": "zstd",
            "message.max.bytes": 8 << 20,
            "linger.ms": 50,
            **options,
        }
    )
    for message in messages:
        while True:
            try:
                producer.produce(topic, encoder.encode(message))
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(120) == 0


def origin(container: str, sequence: int) -> Origin:
    return Origin(
        cluster="prod", producer="plugin", epoch="e", sequence=sequence, container=container
    )


def report(container: str, sequence: int, places: tuple[Place, ...], job: str) -> MetricReport:
    numbers = tuple(range(len(places) * len(COUNTS)))
    table = Table(names=COUNTS, places=places, numbers=numbers)
    return MetricReport(
        origin=origin(container, sequence), time_ms=now_ms(), tables=(table,), job=job
    )


def line(number: int, length: int) -> LogEvent:
    return LogEvent(
        origin=origin(f"tm-{number % CONTAINERS}", number),
        time_ms=now_ms(),
        level="ERROR",
        logger=f"a.B{number % SIGNATURES}",
        message=f"{number} {'x' * length}",
    )


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_a_million_names_are_read_in_bounded_memory(broker: Broker) -> None:
    prefix = "names-"
    make_topics(broker.address, prefix)

    def messages() -> Iterator[Message]:
        """Each of a process that was never heard of before, and half of jobs."""
        for n in range(NAMES):
            job = "" if n % 2 else f"{n:032x}"
            yield report(f"tm-{n}", n, tuple(Place("v", i) for i in range(3 * (1 - n % 2))), job)

    send(broker, f"{prefix}flink-metrics", messages())
    found = read(broker, prefix)
    assert max(found.mib) == NAMES
    assert found.grown_mib < GROWS_MIB
    assert found.dropped["too many subjects"] and found.dropped["unknown run"]


def test_large_reports_and_long_lines_are_read_in_bounded_memory(broker: Broker) -> None:
    """One and a half gigabytes."""
    prefix = "large-"
    make_topics(broker.address, prefix)
    places = tuple(Place(f"{n % 50:032x}", n // 50, attempt=0) for n in range(PLACES))
    reports = (report(f"tm-{n % CONTAINERS}", n, places, "") for n in range(LARGE_REPORTS))
    send(broker, f"{prefix}flink-metrics", reports)
    lengths = [LINE_CHARS] * LONG_LINES + [ENDLESS_CHARS] * ENDLESS_LINES
    send(broker, f"{prefix}flink-logs", (line(n, length) for n, length in enumerate(lengths)))
    found = read(broker, prefix)
    assert max(found.mib) == LARGE_REPORTS + len(lengths)
    assert found.grown_mib < GROWS_MIB
    assert not found.refused


def test_many_bombs_are_read_in_bounded_memory(broker: Broker) -> None:
    prefix = "bombs-"
    make_topics(broker.address, prefix, partitions=1)
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "compression.type": "zstd",
            "message.max.bytes": 2 * BOMB_BYTES,
        }
    )
    for _ in range(BOMBS):
        producer.produce(f"{prefix}flink-metrics", b"\0" * BOMB_BYTES)
        assert producer.flush(60) == 0
    found = read(broker, prefix, 600)
    assert max(found.mib) == BOMBS
    assert found.refused == {"too long": BOMBS}
