"""FlinkJobWatcher while what it stands on is killed: nothing is lost, nothing is wrong."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from tests.conftest import need_maven, need_pyflink
from tests.kills import KILLS, note
from tests.watched_job import CHECKPOINTED_S, ENOUGH_S, OPEN_MS, Watched, Watcher, arrivals

pytestmark = [pytest.mark.flink, pytest.mark.alone, pytest.mark.timeout(3_600)]
APART_MS = 3_600_000
"""Between the events of one kill and the next."""
PROCESSES = 100
"""That send 18,000 reports for each kill, as fast as they can."""
RECOVERED_S = 3 * ENOUGH_S


@pytest.fixture(scope="module")
def own_broker() -> Iterator[Broker]:
    """One that may be killed."""
    need_maven()
    with Broker() as broker:
        yield broker


@pytest.fixture(scope="module")
def flink() -> Iterator[Cluster]:
    need_pyflink()
    config = {
        **watcher.MANAGED_MEMORY,
        "heartbeat.interval": "500",
        "heartbeat.timeout": "4000",
    }
    with Cluster(taskmanagers=1, slots=1, heap_mb=384, metaspace_mb=512, config=config) as cluster:
        yield cluster


def kill_worker(flink: Cluster, job: Watcher, broker: Broker) -> None:
    workers = job.workers()
    assert workers
    for worker in workers:
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def kill_taskmanager(flink: Cluster, job: Watcher, broker: Broker) -> None:
    [name] = [name for name in flink.pids if name.startswith("taskmanager")]
    os.kill(flink.pids[name], signal.SIGKILL)
    flink.start_taskmanager()


def kill_broker(flink: Cluster, job: Watcher, broker: Broker) -> None:
    broker.kill()
    broker.start()


@pytest.mark.parametrize("kill", [kill_worker, kill_taskmanager, kill_broker])
def test_after_each_kill_it_has_told_all_of_what_came(
    kill: Callable[[Cluster, Watcher, Broker], None],
    flink: Cluster,
    own_broker: Broker,
    tmp_path: Path,
) -> None:
    name = f"{kill.__name__.replace('_', '-')}-"
    watched = Watched(own_broker, name)
    job = Watcher(flink, own_broker, name, tmp_path)
    job.submit()
    watched.until(lambda: bool(job.workers()))
    random = Random(4)
    recovered_s = []
    for number in range(KILLS):
        later_ms = number * APART_MS
        told = [
            (ms + later_ms, replace(event, time_ms=event.time_ms + later_ms))
            for ms, event in arrivals(10, random, PROCESSES)
        ]
        at = random.randrange(100, len(told) - 100)
        watched.send(told[:at])
        watched.until(lambda: False, random.uniform(0, CHECKPOINTED_S))
        killed_s = time.monotonic()
        kill(flink, job, own_broker)
        watched.send(told[at:])
        watched.close_windows(OPEN_MS + later_ms + APART_MS // 2)
        watched.until(lambda: not watched.differing(), RECOVERED_S)
        assert watched.differing() == [], f"after kill {number + 1}"
        recovered_s.append(time.monotonic() - killed_s)
    note(
        f"watcher: {kill.__name__.removeprefix('kill_')}",
        recovered_s,
        events=len(watched.sent),
        windows=len(watched.wanted()),
        lost_or_doubled=len(watched.differing()),
    )
    assert job.does("cancel")[0] == 0
