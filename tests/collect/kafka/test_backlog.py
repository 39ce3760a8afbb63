"""A long backlog, and names without end, are read in bounded memory."""

import json
import subprocess
import sys
import time

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.model.event import MetricReport, Origin, Place, Table, encoder

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]
MESSAGES = 200_000
GROWS_MIB = 64
"""Between a quarter of the backlog, when all that is bounded is full, and its end."""
NAMES = tuple(f"numRecords{way}" for way in ("In", "Out"))
READER = """
import json, resource, sys, time
from drsquirrel.desk import Desk
from drsquirrel.kafka_watch import KafkaWatch, kafka_access, source_of
from drsquirrel.cluster import SystemClock
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Kafka, Settings

brokers, prefix, messages = sys.argv[1], sys.argv[2], int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
settings = Settings(
    cluster=(Cluster(url="http://a:1", name="prod"),),
    kafka=Kafka(brokers=brokers, topic_prefix=prefix),
)
source = source_of(settings, kafka_access(settings.kafka), list, SystemClock())
desk = Desk(load())
desk.add_cluster("prod", 10_000, False)
watch = KafkaWatch(source, desk, SystemClock(), lambda _: None)

def rss_mib():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

seen, deadline = [], time.monotonic() + 500
while watch.read_total < messages and time.monotonic() < deadline:
    watch._take(source.read(1.0))
    watch.take_owed()
    desk.snapshots(SystemClock().now_ms())
    seen.append((watch.read_total, round(rss_mib(), 1)))
source.close()
print(json.dumps({"seen": seen, "dropped": desk.dropped}))
"""


def test_a_backlog_with_names_without_end_is_read_in_bounded_memory(broker: Broker) -> None:
    prefix = "backlog-"
    make_topics(broker.address, prefix)
    producer = Producer(
        {
            "bootstrap.servers": broker.address,
            "compression.type": "zstd",
            "queue.buffering.max.messages": 500_000,
            "linger.ms": 50,
        }
    )
    now_ms = time.time_ns() // 1_000_000
    for n in range(MESSAGES):
        # Half of them are of processes that were never heard of before, and half of these of jobs.
        container = f"tm-{n % 50}" if n % 2 else f"new-{n}"
        job = "" if n % 4 else f"{n:032x}"
        places = tuple(Place("v" if job else "", i if job else -1) for i in range(12 if job else 1))
        table = Table(names=NAMES, places=places, numbers=(n,) * len(places) * len(NAMES))
        origin = Origin(
            cluster="prod", producer="plugin", epoch="e", sequence=n, container=container
        )
        report = MetricReport(origin=origin, time_ms=now_ms, tables=(table,), job=job)
        producer.produce(f"{prefix}flink-metrics", encoder.encode(report))
        if n % 10_000 == 0:
            producer.poll(0)
    assert producer.flush(120) == 0
    told = subprocess.run(
        [sys.executable, "-c", READER, broker.address, prefix, str(MESSAGES)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    read = dict(found["seen"])
    print(found["dropped"], list(read.items())[:: len(read) // 10], max(read.values()))
    assert max(read) == MESSAGES
    quarter = max(mib for count, mib in read.items() if count <= MESSAGES // 4)
    assert max(read.values()) - quarter < GROWS_MIB
    assert found["dropped"]["too many subjects"] and found["dropped"]["unknown run"]
