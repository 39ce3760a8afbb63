"""Jobs that restart and jobs that come and go: nothing of ours is left of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import VERSIONS
from demo.scenarios import submit
from tests.plugin.jcmd import instances, threads
from tests.plugin.story import HEALTHY, LOOP
from tests.plugin.waiting import wait_for

pytestmark = [pytest.mark.flink, pytest.mark.alone]
RESTARTS, CYCLES = 50, 20
QUICK = replace(
    LOOP,
    args="--rate 400 --enrich reject:10",
    config={"restart-strategy.fixed-delay.delay": "100 ms"},
)
USER_CLASSES = "org.apache.flink.util.ChildFirstClassLoader"
KEPT = ("metric.Reading", "metric.Layout", "metric.TaskThread", "wire.Place", "session.Stream")
OTHER_FILES = 5
"""What Flink itself may hold open at one time and not at another."""


class Left:
    """What there is of us in a process: threads, objects, open files."""

    def __init__(self, pid: int) -> None:
        self.threads = len(threads(pid))
        found = instances(pid)
        self.user_classes = found.get(USER_CLASSES, 0)
        self.kept = {name: found.get(f"{plugin.PACKAGE}.{name}", 0) for name in KEPT}
        self.files = len(list(Path(f"/proc/{pid}/fd").iterdir()))

    def __repr__(self) -> str:
        return str(vars(self))


@pytest.mark.parametrize("version", VERSIONS)
def test_fifty_restarts_and_twenty_jobs_leave_no_thread_class_or_file(
    version: str, jar: Path
) -> None:
    with Broker() as broker:
        plugin.make_topics(broker.address, partitions=1)
        options = plugin.options("shop", broker.address)
        options["metrics.reporter.squirrel.interval"] = "1 SECONDS"
        with Cluster(
            version,
            taskmanagers=1,
            fast_start=True,
            plugins={"drsquirrel": jar},
            config=options,
        ) as cluster:
            come_and_go(cluster, 2)
            before = {name: Left(pid) for name, pid in cluster.pids.items()}
            restart_often(cluster)
            come_and_go(cluster, CYCLES)

            def is_left() -> dict[str, Left]:
                return {name: Left(pid) for name, pid in cluster.pids.items()}

            wait_for(
                lambda: not any(left.user_classes for left in is_left().values()),
                "the classes of jobs to be collected",
            )
            for name, left in is_left().items():
                assert left.threads == before[name].threads == 2, name
                assert left.kept == before[name].kept, name
                assert left.files <= before[name].files + OTHER_FILES, name


def come_and_go(cluster: Cluster, times: int) -> None:
    for _ in range(times):
        job = submit(cluster, HEALTHY)
        cluster.wait_running(job)
        cluster.cancel(job)


def restart_often(cluster: Cluster) -> None:
    job = submit(cluster, QUICK)

    def restarts() -> int:
        told = cluster.rest.get(f"/jobs/{job}/metrics?get=numRestarts")
        return int(told[0]["value"]) if told else 0

    wait_for(lambda: restarts() >= RESTARTS, f"{RESTARTS} restarts")
    cluster.cancel(job)
