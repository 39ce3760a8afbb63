"""What is told while processes of a real Flink 2.3 hang, are killed, and start again."""

import asyncio
from collections.abc import Iterator
from functools import partial

import pytest

from demo.cluster import Cluster
from demo.scenarios import CONFIG, JOB_CLASS
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.model.event import ChangeEvent
from tests.collect.flink_rest.real import PAYMENTS, rounds_of
from tests.collect.flink_rest.watched import of, values_of

pytestmark = [pytest.mark.flink, pytest.mark.timeout(900)]

WELL_ROUNDS = 4
CPU = "Status.JVM.CPU.Time"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    # On a busy machine what is told after 30 s may come after Flink's own 50 s.
    with Cluster("2.3.0", fast_start=True, config={"heartbeat.timeout": "100 s"}) as cluster:
        yield cluster


def counted(found: Round) -> bool:
    return values_of(found, CPU) != []


def age_ms(found: Round, container: str) -> float:
    return max(values_of(found, "heartbeat_age_ms", container=container), default=0)


def hang_told(rounds: list[Round]) -> bool:
    return bool(rounds) and "last heard of" in rounds[-1].says


def told(rounds: list[Round], what: str) -> bool:
    return any(event.what == what for found in rounds for event in of(ChangeEvent, found))


def test_a_hanging_taskmanager_is_seen_before_flink_misses_it(cluster: Cluster) -> None:
    job = cluster.run(JOB_CLASS, name="payments", args=PAYMENTS, parallelism=2, config=CONFIG)
    cluster.wait_running(job, timeout_s=300)
    pause = {WELL_ROUNDS: lambda: cluster.pause_taskmanager(0)}
    try:
        rounds = asyncio.run(rounds_of(cluster.url, 15, before=pause, enough=hang_told))
    finally:
        cluster.resume_taskmanager(0)
    back = asyncio.run(rounds_of(cluster.url, 10, enough=lambda r: bool(r and counted(r[-1]))))
    hanging = rounds[WELL_ROUNDS:]
    assert any(counted(found) for found in rounds[:WELL_ROUNDS])
    # Frozen values are no measurements; what is live is told all the time. The update that begins
    # in the hang still reaches the other processes.
    silent = max(rounds[-1].containers, key=lambda c: age_ms(rounds[-1], c.id)).id
    assert not any(values_of(found, CPU, container=silent) for found in hanging)
    assert not any(counted(found) for found in hanging[2:])
    assert all(values_of(found, "task_status") != [] for found in hanging)
    assert "stood still" in hanging[-1].says and hang_told(rounds)
    ages = [age_ms(found, silent) for found in hanging]
    assert ages == sorted(ages) and 12_000 < ages[-1] < 110_000
    assert counted(back[-1]) and "stood still" not in back[-1].says


def test_a_killed_taskmanager_is_told_as_gone_and_its_substitute_as_seen(cluster: Cluster) -> None:
    def replace() -> None:
        cluster.kill_taskmanager(1)
        cluster.start_taskmanager()

    rounds = asyncio.run(
        rounds_of(
            cluster.url,
            8,
            before={1: replace},
            enough=lambda rounds: told(rounds, "container-gone"),
        )
    )
    changes = [e for found in rounds for e in of(ChangeEvent, found) if not e.job]
    [gone] = [e for e in changes if e.what == "container-gone"]
    seen = [e.subject for e in changes if e.what == "container-seen"]
    assert len(seen) == 3 and gone.subject in seen[:2]
    assert gone.origin.container == gone.subject


def test_a_restarted_jobmanager_is_told_and_watched_on(cluster: Cluster) -> None:
    cluster.wait_registered()
    start_told = partial(told, what="jobmanager-start")
    restart = {1: cluster.restart_jobmanager}
    rounds = asyncio.run(rounds_of(cluster.url, 6, before=restart, enough=start_told))
    assert told(rounds[-1:], "jobmanager-start")
    assert rounds[-1].answered and rounds[-1].runs == ()
    assert not told(rounds, "container-gone")
