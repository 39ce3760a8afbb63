"""kill -9 of the process, again and again, while it hears a cluster that has no REST address."""

import random
import signal
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.model.event import (
    LogEvent,
    Message,
    MetricReport,
    Origin,
    Place,
    Values,
    encoder,
    tables,
)
from drsquirrel.model.verdict import Verdict
from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from tests.commands import ROOT, started

JOB = "a" * 32
EVERY_S = 0.1
ROUNDS = 10
"""Of lines to one of reports."""
KILLS = 8
ENOUGH_S = 100.0
IMPATIENT = """\
import drsquirrel.app, drsquirrel.collect.kafka.source as source
drsquirrel.app.SNAPSHOT_EVERY_MS = 700
source.READING |= {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 1_000}
"""
"""What was killed is not waited for so long, and much is stored."""


class Cluster:
    """A JobManager and three TaskManagers that send, all tasks running, until it is ended."""

    def __init__(self, broker: Broker) -> None:
        self.lines = 0
        self._ends = threading.Event()
        self._producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def end(self) -> None:
        self._ends.set()
        self._thread.join()
        assert self._producer.flush(ENOUGH_S) == 0

    def _send(self) -> None:
        while not self._ends.wait(EVERY_S):
            if self.lines % ROUNDS == 0:
                self._report("metrics", "", JOB)
                for subtask in range(3):
                    container = f"tm-{subtask}"
                    told = Values({"numRecordsIn": self.lines}, Place("v", subtask, attempt=0))
                    self._report("metrics", container, JOB, told)
                    self._report("containers", container, "")
            origin = self._origin("tm-0", "lines")
            self._put(
                "logs",
                LogEvent(
                    origin=origin,
                    time_ms=now_ms(),
                    level="WARN",
                    logger="l",
                    message=f"line {self.lines}",
                    job=JOB,
                ),
            )
            self.lines += 1

    def _report(self, topic: str, container: str, job: str, *told: Values) -> None:
        origin = self._origin(container, f"{container}{job}")
        report = MetricReport(
            origin=origin, time_ms=now_ms(), job=job, job_name="orders", tables=tables(told)
        )
        self._put(topic, report)

    def _origin(self, container: str, epoch: str) -> Origin:
        return Origin(
            cluster="lab",
            producer="plugin",
            epoch=epoch,
            sequence=self.lines,
            container=container,
        )

    def _put(self, topic: str, message: Message) -> None:
        key = message.origin.container or "jobmanager"
        self._producer.produce(f"flink-{topic}", encoder.encode(message), key=key)
        self._producer.poll(0)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def lines_stored(directory: Path) -> int:
    try:
        with sqlite3.connect(directory / "drsquirrel.sqlite") as connection:
            ((found,),) = connection.execute("SELECT total(events) FROM log_chunks")
            return int(found)
    except sqlite3.OperationalError:
        return 0


@pytest.mark.alone
@pytest.mark.timeout(600)
def test_however_often_it_is_killed_a_job_is_one_run_without_alarm_and_no_line_is_lost(
    broker: Broker, tmp_path: Path
) -> None:
    chance = random.Random(5)
    make_topics(broker.address, partitions=3)
    (tmp_path / "sitecustomize.py").write_text(IMPATIENT)
    data = tmp_path / "data"
    arguments = ("up", "--cluster", "lab", "--kafka", broker.address, "--port", 0)
    variables = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DRS_POLL_INTERVAL_S": "2"}
    stored = [0]
    cluster = Cluster(broker)
    try:
        for number in range(KILLS):
            log = tmp_path / f"log-{number}"
            with started(log, *arguments, "--data-dir", data, variables=variables) as begun:
                begun.wait_for(r"The page: (\S+)")
                time.sleep(chance.uniform(0, 14))
                assert begun.end(signal.SIGKILL) == -signal.SIGKILL
            stored.append(lines_stored(data))
            assert stored[-1] >= stored[-2]
    finally:
        cluster.end()
    assert len(set(stored)) > KILLS // 2, "each life should read something"
    with started(tmp_path / "log", *arguments, "--data-dir", data, variables=variables) as begun:
        deadline = time.monotonic() + ENOUGH_S
        while lines_stored(data) < cluster.lines and time.monotonic() < deadline:
            time.sleep(0.2)
        assert begun.end(signal.SIGTERM) == 0
    store = SqliteStore(data, Retention())
    [run] = store.runs("lab")
    told = [event.message for event in store.logs(run.id, 2 * cluster.lines).events]
    assert sorted(told) == sorted(f"line {n}" for n in range(cluster.lines))
    assert {hour.verdict for hour in store.hours(run.id)} == {Verdict.UNKNOWN}
    ends = {at.topic: at.next for at in store.offsets() if at.topic == "flink-logs"}
    assert ends == {"flink-logs": cluster.lines}
    store.close()
