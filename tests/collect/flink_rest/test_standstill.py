"""Metrics that stand still, over a simulated Flink that behaves as measured: never told as new."""

import pytest

from tests.collect.flink_rest.simulated import Simulated
from tests.collect.flink_rest.watched import BUSY, Watched, values_of


async def test_values_that_stand_still_while_a_taskmanager_hangs_are_not_told(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.taskmanagers[1].silent_since_ms = flink.now_ms
        hanging = await watched.rounds(5)
        flink.resume()
        back = await watched.round()
    # The update that begins in the hang still reaches the others; none after it does.
    for metric in (BUSY, "Status.JVM.CPU.Time"):
        assert values_of(hanging[0], metric, container="tm-0") != []
        assert all(values_of(found, metric, container="tm-1") == [] for found in hanging)
        assert all(values_of(found, metric) == [] for found in hanging[1:])
    assert all(len(values_of(found, "task_status")) == 6 for found in hanging)
    ages = [values_of(found, "heartbeat_age_ms", container="tm-1")[0] for found in hanging]
    assert ages == pytest.approx([10_300, 21_000, 33_000, 45_000, 56_000], abs=2_500)
    assert [found.says != "" for found in hanging] == [False, False, False, True, True]
    assert "TaskManager tm-1 was last heard of 5" in hanging[-1].says
    assert all(found.answered for found in hanging)
    assert back.says == "" and len(values_of(back, BUSY)) == 6


async def test_a_cluster_that_updates_its_metrics_seldom_does_not_stand_still(
    flink: Simulated,
) -> None:
    flink.job()
    flink.options["metrics.fetcher.update-interval"] = "1 min"
    flink.update_ms = 60_000
    async with Watched(flink) as watched:
        found = await watched.rounds(14)
    assert all(one.says == "" for one in found)
    assert 2 <= sum(values_of(one, BUSY) != [] for one in found) <= 3


async def test_metrics_that_stand_still_for_no_visible_reason_are_said_to(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        flink.update_takes_ms = 10**9
        found = (await watched.rounds(3))[-1]
    assert "stood still for 3" in found.says and "overloaded" in found.says


async def test_a_taskmanager_that_is_gone_but_hangs_is_named(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        flink.taskmanagers[1].silent_since_ms = flink.now_ms
        await watched.rounds(4)
        flink.taskmanagers.pop()
        found = await watched.round()
    assert "TaskManager tm-1 is gone and may still hang" in found.says


async def test_metrics_that_stand_still_over_a_restart_are_never_taken_for_new_ones(
    flink: Simulated,
) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.taskmanagers[1].silent_since_ms = flink.now_ms
        await watched.rounds(4)
        flink.taskmanagers.pop()
        job.restart(flink.now_ms)
        # The uptime of the attempt before, added to when this one began, comes to be a minute ago.
        found = await watched.rounds(14)
    assert all(values_of(one, BUSY) == [] for one in found)
    assert all("TaskManager tm-1 is gone and may still hang" in one.says for one in found)


@pytest.mark.parametrize("state", ["RUNNING", "RESTARTING"])
async def test_metrics_that_are_never_updated_do_not_stand_still(
    flink: Simulated, state: str
) -> None:
    flink.job(state=state)
    flink.update_takes_ms = 10**9
    async with Watched(flink) as watched:
        found = await watched.rounds(8)
    assert all(one.says == "" and values_of(one, BUSY) == [] for one in found)
