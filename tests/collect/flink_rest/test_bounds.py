"""Whatever a cluster lists and counts: what is kept of it stays within bounds."""

import tracemalloc
from typing import Any

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest.answer import Jobs, TaskManagers, parsed
from drsquirrel.collect.flink_rest.error import NotFlinkError
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from tests.collect.flink_rest.simulated import Simulated, SimulatedTaskManager
from tests.collect.flink_rest.watched import Watched, of

JOB = {
    "jid": "a" * 32,
    "name": "shop",
    "state": "RUNNING",
    "start-time": 1_700_000_000_000,
    "end-time": -1,
    "duration": 1,
    "tasks": {"total": 1},
}


def test_a_job_as_flink_lists_it_is_taken_though_its_clock_was_set_back() -> None:
    assert parsed({"jobs": [JOB | {"duration": -86_400_000}]}, Jobs).jobs[0].end_time == -1


@pytest.mark.parametrize(
    "wrong",
    [
        {"start-time": 2**63},
        {"start-time": 10**40},
        {"start-time": -(2**63)},
        {"start-time": 10**15},
        {"end-time": 2**62},
        {"duration": 2**62},
        {"tasks": {"total": 2**31}},
        {"jid": "../../config"},
        {"jid": "a" * 32 + "\n"},
        {"jid": "A" * 32},
        {"jid": "a" * 4_000},
    ],
    ids=str,
)
def test_numbers_and_ids_that_flink_cannot_have_are_not_taken(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotFlinkError, match="not what Flink"):
        parsed({"jobs": [JOB | wrong]}, Jobs)


def test_slots_beyond_32_bits_are_not_taken() -> None:
    listed = {"id": "tm", "path": "", "dataPort": 1, "slotsNumber": 2**40, "freeSlots": 1}
    with pytest.raises(NotFlinkError):
        parsed({"taskmanagers": [listed | {"timeSinceLastHeartbeat": 1}]}, TaskManagers)


async def test_no_more_vertices_are_kept_than_are_watched_however_they_change(
    flink: Simulated,
) -> None:
    job = flink.job()
    async with Watched(flink, PollSettings(vertices_max=5)) as watched:
        for number in range(4):
            job.vertices = tuple(f"step {number}-{i}" for i in range(20))
            found = await watched.round()
            assert found.vertices_covered + found.vertices_skipped == 5


async def test_no_more_taskmanagers_are_kept_than_are_watched_those_known_stay(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink, PollSettings(taskmanagers_max=2)) as watched:
        await watched.round()
        flink.taskmanagers[:0] = [SimulatedTaskManager(f"new-{i}") for i in range(50)]
        found = await watched.round()
    assert {c.id for c in found.containers if c.is_taskmanager} == {"tm-0", "tm-1"}


async def test_metrics_without_end_are_not_all_asked_for(flink: Simulated) -> None:
    collectors = [{"id": f"Status.JVM.GarbageCollector.G{i}.Count"} for i in range(20_000)]
    flink.answers["/jobmanager/metrics"] = lambda: web.json_response(collectors)
    flink.answers["/taskmanagers/tm-0/metrics"] = lambda: web.json_response(collectors)
    flink.job()
    async with Watched(flink) as watched:
        for _ in range(4):
            found = await watched.round()
            assert found.requests == len(flink.asked) <= 25


async def test_operators_without_end_at_any_parallelism_are_not_put_together(
    flink: Simulated,
) -> None:
    job = flink.job(vertices=("Source: orders",), parallelism=1_000)
    names = [{"id": f"Source__o{i}.pendingRecords"} for i in range(50_000)]
    path = f"/jobs/{job.jid}/vertices/{job.vertex_ids[0]}/subtasks/metrics"
    flink.answers[path] = lambda: web.json_response(names)
    async with Watched(flink) as watched:
        tracemalloc.start()
        for _ in range(4):
            found = await watched.round()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert found.vertices_covered == 1
    assert peak_bytes < 200 << 20


async def test_of_a_history_without_end_the_newest_are_told(flink: Simulated) -> None:
    job = flink.job(counts={"completed": 1})
    done = {"status": "COMPLETED", "is_savepoint": False, "failure_message": "x" * 100_000}
    job.history = [{**done, "id": i, "trigger_timestamp": flink.now_ms} for i in range(50)]
    job.exceptions = [{"stacktrace": f"a.B: {i}", "timestamp": i} for i in range(50)]
    job.timestamps |= {f"STATE-{i}": i for i in range(1, 1_000)}
    async with Watched(flink, PollSettings(checkpoints_max=5, failures_max=5)) as watched:
        found = await watched.round()
    told = of(CheckpointEvent, found)
    assert {c.id for c in told} == set(range(45, 50))
    assert max(len(c.failure) for c in told) <= 2_000
    assert {f.time_ms for f in of(FailureEvent, found)} == set(range(45, 50))
    states = [c.subject for c in of(ChangeEvent, found) if c.what == "job-state"]
    assert "RUNNING" in states and len(states) <= 50
