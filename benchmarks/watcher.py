"""How many reports the watcher takes on one slot and on two, at 10, 1,000 and 10,000 runs of four
containers; beside COUNT in the same windows, without Python.

All reports are in Kafka before the job is submitted, and arrive as fast as RATE in its time. Rates
and CPU are of the middle of the way, when every process is warm. Then the largest number of runs as
it is day by day: reports arrive at RATE while one slot reads them.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
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
LIVE_S = float(os.environ.get("LIVE_S", "480"))
"""Longer than a window."""
SILENT_S = float(os.environ.get("SILENT_S", "1"))
"""So long nothing comes in the partitions of other topics. All windows that end meanwhile wait for
it and close together."""
TEMPLATES = 199
"""Reports with numbers of their own."""
CHECKPOINT_S = 10
MIDDLE = 0.2, 0.9
"""Of all reports: where the rate is measured."""


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
    size = len(next(reports(RUNS[-1], FIRST_MS))[-1])
    result: dict[str, Any] = {
        "machine": before,
        "reports": REPORTS,
        "samples_per_report": SAMPLES,
        "bytes_per_report": size,
        "by_runs": {},
    }
    for runs in RUNS:
        result["by_runs"][runs] = {"one_slot": measured(runs, slots=1)}
        print(json.dumps({runs: result["by_runs"][runs]}), file=sys.stderr)
    result["by_runs"][RUNS[-1]]["two_slots"] = measured(RUNS[-1], slots=2)
    result["count"] = measured(RUNS[-1], slots=1, counts=True)
    with Broker() as broker:
        result["live"] = live(broker.address, RUNS[-1], size)
    last = result["by_runs"][RUNS[-1]]["one_slot"]
    result["reports_per_s_one_slot"] = last["reports_per_s"]
    result["times_count"] = round(last["reports_per_s"] / result["count"]["reports_per_s"], 3)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def topics(brokers: str, kind: str) -> None:
    """The topics of the job, with this kind of time."""
    config = {"message.timestamp.type": kind, "retention.ms": "-1"}
    admin = AdminClient({"bootstrap.servers": brokers})
    names = [*PLUGIN_TOPICS, SNAPSHOTS, "drsquirrel-dead-letters"]
    made = admin.create_topics([NewTopic(t, PARTITIONS, 1, config=config) for t in names])
    for future in made.values():
        future.result(30)


def producer_to(brokers: str) -> Producer:
    return Producer({"bootstrap.servers": brokers, "compression.type": "zstd", "linger.ms": 20})


def reports(runs: int, first_ms: int) -> Iterator[tuple[bytes, int, int, bytes]]:
    """The process, the partition, the time and the bytes of each report, RATE of them a second."""
    templates = [encoder.encode(report(0, 12_345_678, START_MS)) for _ in range(TEMPLATES)]
    container = report(0, 0, 0).origin.container.encode()
    for number in count(0):
        sequence, at = divmod(number, runs * PER_RUN)
        at_ms = first_ms + number * 1_000 // RATE
        process = b"tm-%d" % at
        value = (
            templates[number % TEMPLATES]
            .replace(container, process)
            .replace(b"12345678", b"%d" % (sequence + 1))
            .replace(JOB.encode(), b"%032x" % (at // PER_RUN))
            .replace(b'"time_ms":%d' % START_MS, b'"time_ms":%d' % at_ms)
        )
        yield process, at % PARTITIONS, at_ms, value


def send(brokers: str, runs: int) -> None:
    """Fill the topic."""
    topics(brokers, "CreateTime")
    producer = producer_to(brokers)
    for process, partition, at_ms, value in islice(reports(runs, FIRST_MS), REPORTS):
        put(producer, PLUGIN_TOPICS[0], process, value, partition, at_ms)
    for topic in PLUGIN_TOPICS:
        for partition in range(PARTITIONS):
            put(producer, topic, process, value, partition, FIRST_MS + LAST_MS)
    assert producer.flush(120) == 0


def arrived(error: object, _: object) -> None:
    assert error is None, error


def put(
    producer: Producer, topic: str, key: bytes, value: bytes, partition: int, at_ms: int
) -> None:
    while True:
        try:
            producer.produce(
                topic, value, key=key, partition=partition, timestamp=at_ms, on_delivery=arrived
            )
            return
        except BufferError:
            producer.poll(0.1)


def measured(runs: int, *, slots: int, counts: bool = False) -> dict[str, Any]:
    """The figures of one run of the job."""
    with Broker() as broker:
        send(broker.address, runs)
        with started(broker.address, slots=slots, counts=counts) as (cluster, job):
            return figures(watch(cluster, job))


@contextmanager
def started(brokers: str, *, slots: int, counts: bool = False) -> Iterator[tuple[Cluster, str]]:
    """A Flink of so many slots and the job in it."""
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
            job = counting(cluster.url, brokers)
        else:
            words: tuple[str, ...] = ("--parallelism", str(slots), "--config", str(settings))
            words += ("-D", f"execution.checkpointing.interval={CHECKPOINT_S} s")
            words += ("-D", f"execution.checkpointing.dir={Path(folder).as_uri()}/checkpoints")
            job = watcher.submit(cluster.url, *words)
        yield cluster, job


def live(brokers: str, runs: int, size: int) -> dict[str, Any]:
    """The figures of one slot while reports arrive at RATE."""
    topics(brokers, "LogAppendTime")
    sent, ended = [0], Event()

    def sending() -> None:
        producer = producer_to(brokers)
        told = reports(runs, time.time_ns() // 1_000_000)
        began = spoke = time.monotonic()
        while not ended.wait(0.02):
            due = int((time.monotonic() - began) * RATE)
            for process, partition, at_ms, value in islice(told, due - sent[0]):
                put(producer, PLUGIN_TOPICS[0], process, value, partition, at_ms)
            sent[0] = due
            if time.monotonic() - spoke > SILENT_S:
                spoke = time.monotonic()
                for topic in PLUGIN_TOPICS[1:]:
                    for partition in range(PARTITIONS):
                        put(producer, topic, process, value, partition, at_ms)
            producer.poll(0)
        assert producer.flush(120) == 0

    with started(brokers, slots=1) as (cluster, job):
        thread = Thread(target=sending)
        thread.start()
        try:
            found = Watched()
            behind: list[int] = []
            taken: dict[int, dict[str, Any]] = {}
            numbers = numbers_of(cluster, job)
            deadline = time.monotonic() + LIVE_S
            while time.monotonic() < deadline:
                time.sleep(SAMPLE_S)
                look(found, cluster, numbers)
                behind.append(sent[0] - found.moments[-1].read)
                history = cluster.rest.get(f"/jobs/{job}/checkpoints")["history"]
                taken |= {c["id"]: c for c in history if c["status"] != "IN_PROGRESS"}
        finally:
            ended.set()
            thread.join()
    at = int(MIDDLE[0] * len(behind))
    first, last = found.moments[at], found.moments[-1]
    took_s = last.time_s - first.time_s
    warm = [c for n, c in sorted(taken.items()) if n > MIDDLE[0] * max(taken)]
    completed = [c for c in warm if c["status"] == "COMPLETED"]
    durations_ms = [c["end_to_end_duration"] for c in completed]
    state_bytes = max(c["state_size"] for c in completed)
    of_minute = RATE * 60 * size
    return {
        "seconds": LIVE_S,
        "silent_s": SILENT_S,
        "reports_per_s": round((last.read - first.read) / took_s),
        "reports_behind_median": statistics.median(behind[at:]),
        "reports_behind_max": max(behind[at:]),
        "java_cores": round((last.java_s - first.java_s) / took_s, 2),
        "python_cores": round((last.python_s - first.python_s) / took_s, 2),
        "rss_mib": found.rss_mib,
        "checkpoints": len(completed),
        "checkpoints_not_completed": len(warm) - len(completed),
        "checkpoint_ms_median": statistics.median(durations_ms),
        "checkpoint_ms_max": max(durations_ms),
        "checkpoint_bytes_max": state_bytes,
        "bytes_of_a_minute": of_minute,
        "checkpoint_to_minute": round(state_bytes / of_minute, 3),
    }


def counting(url: str, brokers: str) -> str:
    jars = ";".join(jar.as_uri() for jar in watcher.jars().glob("*.jar"))
    command = [str(watcher.PYTHON), "-m", "benchmarks.counting", url, brokers, jars]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def watch(cluster: Cluster, job: str) -> Watched:
    """Look at the job until it has read all, and its windows are told."""
    found = Watched()
    began = time.monotonic()
    numbers = numbers_of(cluster, job)
    while time.monotonic() - began < DONE_S and look(found, cluster, numbers) < REPORTS:
        time.sleep(SAMPLE_S)
    time.sleep(CHECKPOINT_S + 5)
    history = cluster.rest.get(f"/jobs/{job}/checkpoints")["history"]
    found.checkpoints = [c for c in history if c["status"] == "COMPLETED"]
    found.passed_on = number(cluster, numbers + "numRecordsOut")
    return found


def numbers_of(cluster: Cluster, job: str) -> str:
    """The path of the metrics of what reads, but for their names."""
    source = cluster.job(job)["vertices"][0]["id"]
    return f"/jobs/{job}/vertices/{source}/subtasks/metrics?agg=sum&get="


def look(found: Watched, cluster: Cluster, numbers: str) -> int:
    """One look at the job; returns how many reports it has read."""
    read = number(cluster, numbers + "numRecordsIn")
    pid = cluster.pids["taskmanager-0"]
    workers = workers_of(pid)
    now = Moment(time.monotonic(), read, cpu_s(pid), of_all(cpu_s, workers))
    found.moments.append(now)
    for name, rss in (("java", rss_mib(pid)), ("python", of_all(rss_mib, workers))):
        found.rss_mib[name] = max(found.rss_mib.get(name, 0), rss)
    return read


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
