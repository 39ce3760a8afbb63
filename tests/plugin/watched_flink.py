"""A real Flink with the plugin before a broker that falls sick: what its jobs and its log say."""

import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from demo import plugin
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS
from tests.plugin.harness import FLINK, Sick
from tests.plugin.waiting import wait_for, wait_for_records

JOB = SCENARIOS["healthy"]
LOST = "Dr. Squirrel cannot reach Kafka"
BACK = "Dr. Squirrel reaches Kafka again"
BY_US = re.compile(r"^(\S+ \S+) +(\w+) +io\.drsquirrel\.\S+ .*?- (.*)$", re.M)
"""A line of the plugin in Flink's log: its time, level and text."""
REPORTER = "metrics.reporter.squirrel"
WITHOUT = {"metrics.reporters": "none"}
"""Over the options of a cluster: a process without any reporter."""
OFTEN = {
    f"{REPORTER}.interval": "1 SECONDS",
    # REST answers from what it has fetched; a test has no 10 s to wait for fresh answers.
    "metrics.fetcher.update-interval": "500",
    "web.refresh-interval": "200",
}
IMPATIENT = {
    f"{REPORTER}.kafka.request.timeout.ms": "1500",
    f"{REPORTER}.kafka.delivery.timeout.ms": "3000",
    f"{REPORTER}.kafka.reconnect.backoff.max.ms": "1000",
}
"""An outage is noticed after seconds instead of half a minute."""
MORE_RECORDS = 1_000
READ_S = 20.0
REGISTERED = "Successful registration at resource manager"
TIME = "%Y-%m-%d %H:%M:%S,%f"


@dataclass(frozen=True)
class WatchedFlink:
    """A cluster and its broker."""

    cluster: Cluster
    sick: Sick

    def says(self, process: str, text: str = "") -> list[str]:
        """The plugin's lines in the log of a process that hold this text."""
        log = (self.cluster.folder / "log" / f"{process}.log").read_text(errors="replace")
        return [line for _, _, line in BY_US.findall(log) if text in line]

    def start(self) -> str:
        """Start the job and wait until it runs; returns its id."""
        job = submit(self.cluster, JOB)
        self.cluster.wait_running(job)
        return job

    def runs_on(self, job: str, timeout_s: float) -> None:
        """Wait until the job has read more than now, by so much that it reads on."""
        wait_for_records(self.cluster, job, MORE_RECORDS, timeout_s)
        assert self.cluster.job(job)["state"] == "RUNNING"

    def messages(self) -> int:
        """How many are in Kafka; only while it can be reached."""
        consumer = Consumer({"bootstrap.servers": self.sick.address, "group.id": "counts"})
        topics = consumer.list_topics(timeout=READ_S).topics
        found = 0
        for topic in PLUGIN_TOPICS:
            for number in topics[topic].partitions:
                at = TopicPartition(topic, number)
                found += consumer.get_watermark_offsets(at, timeout=READ_S)[1]
        consumer.close()
        return found

    def seconds_to_register(self, index: int) -> float:
        """From the first line in a TaskManager's log to its registration; waits for that."""
        path = self.cluster.folder / "log" / f"taskmanager-{index}.log"

        def log() -> str:
            return path.read_text(errors="replace") if path.exists() else ""

        wait_for(lambda: REGISTERED in log(), f"registration of TaskManager {index}", 120)
        first = log()
        [registered] = [line for line in first.splitlines() if REGISTERED in line][:1]
        return (_time_of(registered) - _time_of(first)).total_seconds()

    def seconds_to_end(self, *indices: int) -> list[float]:
        """Ask TaskManagers to end, all at once; how long each took."""
        processes = [self.cluster.taskmanagers[index] for index in indices]
        began = time.monotonic()
        ended: dict[int, float] = {}
        for process in processes:
            process.send_signal(signal.SIGTERM)
        while len(ended) < len(processes):
            for index, process in zip(indices, processes, strict=True):
                if index not in ended and process.poll() is not None:
                    ended[index] = time.monotonic() - began
            assert time.monotonic() < began + 60
            time.sleep(0.02)
        return [ended[index] for index in indices]


def _time_of(line: str) -> datetime:
    return datetime.strptime(line[:23], TIME)  # noqa: DTZ007 (only differences count)


@contextmanager
def watched_flink(
    sick: Sick, jar: Path, config: Mapping[str, str], taskmanagers: int = 1
) -> Iterator[WatchedFlink]:
    """A cluster with the plugin, that reports to the broker behind the proxy."""
    with Cluster(
        FLINK,
        taskmanagers=taskmanagers,
        fast_start=True,
        plugins={"drsquirrel": jar},
        config={**plugin.options("shop", sick.address), **OFTEN, **config},
    ) as cluster:
        yield WatchedFlink(cluster, sick)
