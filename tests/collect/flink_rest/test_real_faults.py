"""What is told while processes of a real Flink 2.3 hang, are killed, and start again."""

import asyncio
from collections.abc import Iterator

import pytest

from demo.cluster import Cluster
from demo.scenarios import CONFIG, JOB_CLASS
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.model.event import ChangeEvent
from tests.collect.flink_rest.real import PAYMENTS, rounds_of
from tests.collect.flink_rest.watched import BUSY, of, values_of

pytestmark = [pytest.mark.flink, pytest.mark.xdist_group("flink")]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster("2.3.0", fast_start=True) as cluster:
        yield cluster


def told(found: Round, what: str) -> bool:
    return any(event.what == what for event in of(ChangeEvent, found))


def test_a_hanging_taskmanager_is_seen_before_flink_misses_it(cluster: Cluster) -> None:
    job = cluster.run(JOB_CLASS, name="payments", args=PAYMENTS, parallelism=2, config=CONFIG)
    cluster.wait_running(job)
    before = {2: lambda: cluster.pause_taskmanager(0), 6: lambda: cluster.resume_taskmanager(0)}
    try:
        rounds = asyncio.run(rounds_of(cluster.url, 8, before=before))
    finally:
        cluster.resume_taskmanager(0)
    well, hanging, back = rounds[1], rounds[3:6], rounds[7]
    assert len(values_of(well, BUSY)) == 6
    # Frozen values are no measurements; what is live is told all the time.
    assert all(values_of(found, BUSY) == [] for found in hanging)
    assert all(len(values_of(found, "task_status")) >= 6 for found in hanging)
    ages = [max(values_of(found, "heartbeat_age_ms")) for found in hanging]
    assert ages == sorted(ages) and 12_000 < ages[-1] < 60_000
    assert "stood still" in hanging[-1].says and "last heard of" in hanging[-1].says
    assert "stood still" not in back.says
    assert len(values_of(back, "Status.JVM.CPU.Time")) == 3


def test_a_killed_taskmanager_is_told_as_gone_and_its_substitute_as_seen(cluster: Cluster) -> None:
    def replace() -> None:
        cluster.kill_taskmanager(1)
        cluster.start_taskmanager()

    rounds = asyncio.run(
        rounds_of(
            cluster.url, 8, before={1: replace}, enough=lambda found: told(found, "container-gone")
        )
    )
    changes = [e for found in rounds for e in of(ChangeEvent, found) if not e.job]
    [gone] = [e for e in changes if e.what == "container-gone"]
    seen = [e.subject for e in changes if e.what == "container-seen"]
    assert len(seen) == 3 and gone.subject in seen[:2]
    assert gone.origin.container == gone.subject


def test_a_restarted_jobmanager_is_told_and_watched_on(cluster: Cluster) -> None:
    cluster.wait_registered()
    rounds = asyncio.run(
        rounds_of(
            cluster.url,
            6,
            before={1: cluster.restart_jobmanager},
            enough=lambda found: told(found, "jobmanager-start"),
        )
    )
    assert told(rounds[-1], "jobmanager-start")
    assert rounds[-1].answered and rounds[-1].runs == ()
    assert not any(told(found, "container-gone") for found in rounds)
