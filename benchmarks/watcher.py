"""How many reports the watcher takes on one slot and on two, at 10, 1,000 and 10,000 runs of four
containers; beside COUNT in the same windows, without Python.

All reports are in Kafka before the job is submitted, and arrive as fast as RATE in its time: two
windows pass. Rates and CPU are of the middle of the way, when every process is warm.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.fold import JOB, SAMPLES, START_MS, report
from benchmarks.machine import machine
from benchmarks.process import cpu_s, rss_mib, stat
from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS, SNAPSHOTS
from drsquirrel.model.event import encoder

REPORTS = int(os.environ.get("REPORTS", "600000"))
RUNS = tuple(map(int, os.environ.get("RUNS", "10,1000,10000").split(",")))
RESULT = Path(os.environ.get("RESULT", Path(__file__).parent / "results" / "watcher.json"))
RATE = 4_000
"""Reports a second: a report of each of 40,000 containers every ten seconds."""
PER_RUN = 4
FIRST_MS = 1_760_000_100_000
"""The begin of a window that is past: what comes from the future Kafka refuses."""
PARTITIONS = 4
LAST_MS = 3_600_000
"""So much later the messages come that close all windows."""
DONE_S = 900.0
SAMPLE_S = 1.0
CHECKPOINT_S = 10
MIDDLE = 0.2, 0.9
"""Of all reports: where the rate is measured."""
MARK = "tm-marked"


@dataclass
class Moment:
    """What had been read by then, and the CPU used, in seconds."""

    time_s: float
    read: int
    java_s: float
    python_s: float


@dataclass
class Watched:
    """A job, looked at until all has been read."""

    moments: list[Moment] = field(default_factory=list)
    passed_on: int = 0
    rss_mib: dict[str, float] = field(default_factory=dict)
    checkpoints: list[dict[str, Any]] = field(default_factory=list)


def main() -> None:
    before = machine()
    result: dict[str, Any] = {
        "machine": before,
        "reports": REPORTS,
        "samples_per_report": SAMPLES,
        "by_runs": {},
    }
    for runs in RUNS:
        with Broker() as broker:
            size = send(broker.address, runs)
            result["bytes_per_report"] = size
            one = measured(broker.address, slots=1)
            result["by_runs"][runs] = {"one_slot": one}
            print(json.dumps({runs: one}), file=sys.stderr)
            if runs == RUNS[-1]:
                result["by_runs"][runs]["two_slots"] = measured(broker.address, slots=2)
                result["count"] = measured(broker.address, slots=1, counts=True)
    last = result["by_runs"][RUNS[-1]]["one_slot"]
    result["reports_per_s_one_slot"] = last["reports_per_s"]
    result["times_count"] = round(last["reports_per_s"] / result["count"]["reports_per_s"], 3)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def send(brokers: str, runs: int) -> int:
    """Fill the topic; returns the bytes of one report."""
    config = {"message.timestamp.type": "CreateTime", "retention.ms": "-1"}
    admin = AdminClient({"bootstrap.servers": brokers})
    topics = [*PLUGIN_TOPICS, SNAPSHOTS, "drsquirrel-dead-letters"]
    made = admin.create_topics([NewTopic(t, PARTITIONS, 1, config=config) for t in topics])
    for future in made.values():
        future.result(30)
    producer = Producer({"bootstrap.servers": brokers, "compression.type": "zstd", "linger.ms": 20})
    template = encoder.encode(report(0, 12_345_678, START_MS))
    container = report(0, 0, 0).origin.container
    containers = runs * PER_RUN
    for number in range(REPORTS):
        at, sequence = number % containers, number // containers
        at_ms = FIRST_MS + number * 1_000 // RATE
        value = (
            template.replace(container.encode(), b"tm-%d" % at)
            .replace(b"12345678", b"%d" % sequence)
            .replace(JOB.encode(), b"%032x" % (at // PER_RUN))
            .replace(b'"time_ms":%d' % START_MS, b'"time_ms":%d' % at_ms)
        )
        put(producer, PLUGIN_TOPICS[0], value, at % PARTITIONS, at_ms)
    for topic in PLUGIN_TOPICS:
        for partition in range(PARTITIONS):
            put(producer, topic, value, partition, FIRST_MS + LAST_MS)
    assert producer.flush(120) == 0
    return len(value)


def arrived(error: object, _: object) -> None:
    assert error is None, error


def put(producer: Producer, topic: str, value: bytes, partition: int, at_ms: int) -> None:
    while True:
        try:
            producer.produce(
                topic, value, key=MARK, partition=partition, timestamp=at_ms, on_delivery=arrived
            )
            return
        except BufferError:
            producer.poll(0.1)


def measured(brokers: str, *, slots: int, counts: bool = False) -> dict[str, Any]:
    """The figures of one run of the job."""
    config = {
        "taskmanager.memory.managed.size": "256m",
        "metrics.fetcher.update-interval": "500",
    }
    with (
        TemporaryDirectory(prefix="watcher-") as folder,
        Cluster(
            taskmanagers=1, slots=slots, heap_mb=1024, metaspace_mb=256, config=config
        ) as cluster,
    ):
        settings = Path(folder, "settings.toml")
        settings.write_text(f'data_dir = "{folder}"\n[kafka]\nbrokers = "{brokers}"\n')
        if counts:
            job = count(cluster.url, brokers)
        else:
            words: tuple[str, ...] = ("--parallelism", str(slots), "--config", str(settings))
            words += ("-D", f"execution.checkpointing.interval={CHECKPOINT_S} s")
            words += ("-D", f"execution.checkpointing.dir={Path(folder).as_uri()}/checkpoints")
            job = watcher.submit(cluster.url, *words)
        found = watch(cluster, job)
    return figures(found)


def count(url: str, brokers: str) -> str:
    jars = ";".join(jar.as_uri() for jar in watcher.jars().glob("*.jar"))
    command = [str(watcher.PYTHON), "-m", "benchmarks.counting", url, brokers, jars]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def watch(cluster: Cluster, job: str) -> Watched:
    """Look at the job until it has read all, and its windows are told."""
    found = Watched()
    began = time.monotonic()
    source = cluster.job(job)["vertices"][0]["id"]
    numbers = f"/jobs/{job}/vertices/{source}/subtasks/metrics?agg=sum&get="
    pid = cluster.pids["taskmanager-0"]
    while time.monotonic() - began < DONE_S:
        read = number(cluster, numbers + "numRecordsIn")
        workers = workers_of(pid)
        now = Moment(time.monotonic(), read, cpu_s(pid), of_all(cpu_s, workers))
        found.moments.append(now)
        for name, rss in (("java", rss_mib(pid)), ("python", of_all(rss_mib, workers))):
            found.rss_mib[name] = max(found.rss_mib.get(name, 0), rss)
        if read >= REPORTS:
            break
        time.sleep(SAMPLE_S)
    time.sleep(CHECKPOINT_S + 5)
    history = cluster.rest.get(f"/jobs/{job}/checkpoints")["history"]
    found.checkpoints = [c for c in history if c["status"] == "COMPLETED"]
    found.passed_on = number(cluster, numbers + "numRecordsOut")
    return found


def number(cluster: Cluster, path: str) -> int:
    """A metric; 0 while there is none."""
    answer = cluster.rest.get(path)
    return int(float(answer[0]["sum"])) if answer else 0


def workers_of(pid: int) -> list[int]:
    """The processes of Python's functions below this one."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(process.name)] = int(stat(int(process.name))[1])
        except OSError:
            continue
    found = [pid]
    for parent in found:
        found += [child for child, its in parents.items() if its == parent]
    return found[1:]


def of_all(measure: Callable[[int], float], pids: Iterable[int]) -> float:
    """The sum over those that are still there."""
    total = 0.0
    for pid in pids:
        with suppress(OSError):
            total += measure(pid)
    return total


def figures(found: Watched) -> dict[str, Any]:
    """Of the middle of the way."""
    low, high = (share * REPORTS for share in MIDDLE)
    first = next(m for m in found.moments if m.read >= low)
    last = next(m for m in found.moments if m.read >= high)
    count = last.read - first.read
    return {
        "reports_per_s": round(count / (last.time_s - first.time_s)),
        "java_us_per_report": round((last.java_s - first.java_s) / count * 1e6, 1),
        "python_us_per_report": round((last.python_s - first.python_s) / count * 1e6, 1),
        "reports_to_one_piece": round(REPORTS / max(1, found.passed_on), 1),
        "checkpoint_bytes": max((c["state_size"] for c in found.checkpoints), default=None),
        "checkpoint_ms": max((c["end_to_end_duration"] for c in found.checkpoints), default=None),
        "rss_mib": found.rss_mib,
    }


if __name__ == "__main__":
    main()
