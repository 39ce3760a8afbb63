"""What rounds over a simulated Flink bring: each trap of its REST API, and each change of a job."""

from collections.abc import AsyncIterator
from typing import TypeVar

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    Event,
    FailureEvent,
    MetricReport,
    Values,
)
from drsquirrel.model.state import JOB_STATES, TASK_STATES
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.simulated import Simulated, id_of, simulated

E = TypeVar("E", bound=Event)
BUSY = "accumulateBusyTimeMs"
MOMENT_MS = 600


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(HandClock()) as flink:
        yield flink


class Watched:
    """A ClusterWatch with its client, one round every 10.3 s unless said otherwise."""

    def __init__(self, flink: Simulated, settings: PollSettings | None = None) -> None:
        self.flink = flink
        self.client = FlinkClient(flink.url)
        self.watch = ClusterWatch(
            "lab",
            self.client,
            flink.clock,
            settings or PollSettings(),
            lambda throwable: throwable.partition("\n")[0],
            lambda: self.client.received_bytes,
        )

    async def __aenter__(self) -> "Watched":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def round(self, after_ms: int = 10_300) -> Round:
        self.flink.clock.pass_ms(after_ms)
        self.flink.take_asked()
        return await self.watch.round()

    async def rounds(self, count: int) -> list[Round]:
        return [await self.round() for _ in range(count)]


def of(kind: type[E], found: Round) -> list[E]:
    return [event for event in found.events if isinstance(event, kind)]


def values_of(
    found: Round, metric: str, vertex: str | None = None, container: str | None = None
) -> list[int | float]:
    """All values of a metric in a round, by subtask."""
    return [
        scope.values[metric]
        for report in of(MetricReport, found)
        for scope in sorted(report.scopes, key=lambda s: s.subtask)
        if metric in scope.values
        and (vertex is None or scope.vertex == id_of(vertex))
        and (container is None or report.origin.container == container)
    ]


def scope(found: Round, container: str, vertex: str, operator: str = "") -> Values:
    [one] = [
        s
        for report in of(MetricReport, found)
        for s in report.scopes
        if (report.origin.container, s.vertex, s.operator) == (container, id_of(vertex), operator)
    ]
    return one


async def test_a_round_reports_each_subtask_by_flinks_names(flink: Simulated) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        found = (await watched.rounds(3))[-1]
    assert found.answered and found.says == "" and found.flink_version == "2.3.0"
    subtask = scope(found, "tm-1", "enrich")
    assert (subtask.subtask, subtask.attempt) == (1, 0)
    [report] = [
        r for r in of(MetricReport, found) if r.origin.container == "tm-1" and r.job == job.jid
    ]
    ran_ms = report.time_ms - job.attempt_ms
    assert subtask.values == {
        "numBytesIn": ran_ms // 100,
        "numBytesOut": ran_ms // 100,
        "numRecordsIn": ran_ms // 100,
        "numRecordsOut": ran_ms // 100,
        "accumulateBackPressuredTimeMs": 0,
        "accumulateIdleTimeMs": ran_ms - ran_ms // 10,
        BUSY: ran_ms // 10,
        "task_status": TASK_STATES.index("RUNNING"),
    }
    assert report.start_ms == job.started_ms
    source = scope(found, "tm-0", "Source: orders", "Source__orders")
    assert source.values == {"numRecordsIn": 5, "pendingRecords": 5}
    assert scope(found, "tm-0", "ledger: Writer", "ledger__Writer").values == {"numRecordsSend": 5}


async def test_a_round_reports_the_run_as_a_whole(flink: Simulated) -> None:
    job = flink.job(counts={"completed": 3, "failed": 1, "in_progress": 0, "restored": 9})
    async with Watched(flink) as watched:
        found = (await watched.rounds(2))[-1]
    [report] = [r for r in of(MetricReport, found) if r.job and not r.origin.container]
    [run] = report.scopes
    assert run.values == {
        "job_state": JOB_STATES.index("RUNNING"),
        "tasks_total": 6,
        "tasks_running": 6,
        "tasks_scheduled": 0,
        "numRestarts": 0,
        "numberOfCompletedCheckpoints": 3,
        "numberOfFailedCheckpoints": 1,
        "numberOfInProgressCheckpoints": 0,
    }
    [seen] = found.runs
    assert (seen.job, seen.start_ms, seen.name, seen.state, seen.end_ms) == (
        job.jid,
        job.started_ms,
        "shop",
        "RUNNING",
        None,
    )


async def test_a_round_reports_each_process(flink: Simulated) -> None:
    async with Watched(flink) as watched:
        first, second = await watched.rounds(2)
    assert [c.id for c in second.containers] == ["", "tm-0", "tm-1"]
    taskmanager = second.containers[1]
    assert (taskmanager.host, taskmanager.slots, taskmanager.cpu_cores) == ("tm-0", 4, 2.0)
    assert taskmanager.collectors == ("G1_Young_Generation",)
    assert taskmanager.process_bytes == 704_643_072
    [report] = [r for r in of(MetricReport, second) if r.origin.container == "tm-0"]
    by_group = {s.group: s.values for s in report.scopes}
    assert by_group["G1_Young_Generation"] == {"Count": 7, "Time": 70}
    assert by_group[""]["Status.JVM.Memory.Heap.Used"] == 100_000_000
    assert (by_group[""]["heartbeat_age_ms"], by_group[""]["slots_free"]) == (3_000, 1)
    assert "Status.JVM.CPU.Load" not in by_group[""] and set(by_group) == {
        "",
        "G1_Young_Generation",
    }
    assert values_of(first, "heartbeat_age_ms") == [3_000, 3_000]


@pytest.mark.parametrize("parallelism", [1, 8, 1000])
async def test_ten_vertices_cost_at_most_25_requests_at_any_parallelism(
    flink: Simulated, parallelism: int
) -> None:
    middle = tuple(f"step {i}" for i in range(8))
    job = flink.job(
        vertices=("Source: orders", *middle, "ledger: Writer"),
        parallelism=parallelism,
        counts={"failed": 9},
    )
    failed = {"status": "FAILED", "is_savepoint": False, "num_subtasks": 9}
    job.history = [{**failed, "id": i, "trigger_timestamp": flink.now_ms} for i in range(9)]
    job.details = {i: {"id": i, "tasks": {id_of("step 3"): {"num_subtasks": 4}}} for i in range(9)}
    async with Watched(flink) as watched:
        for number in range(8):
            if number == 5:
                job.restart(flink.now_ms)
            found = await watched.round()
            assert found.requests == len(flink.asked) <= 25
            assert found.vertices_covered == 10 and found.vertices_skipped == 0
    assert values_of(found, "pendingRecords") != []
    assert flink.longest_line <= 4096


async def test_the_operators_of_a_thousand_subtasks_are_summed_up_by_flink(
    flink: Simulated,
) -> None:
    flink.job(parallelism=1000, attempt=1)
    async with Watched(flink) as watched:
        found = (await watched.rounds(3))[-1]
    source = scope(found, "", "Source: orders", "Source__orders")
    assert (source.subtask, source.attempt) == (-1, 1000)
    assert source.values == {"numRecordsIn": 10.0, "pendingRecords": 10.0}


async def test_a_large_job_is_covered_in_turns_the_suspicious_first(flink: Simulated) -> None:
    middle = tuple(f"step {i}" for i in range(60))
    flink.job(vertices=("Source: orders", *middle, "ledger: Writer"), pressed=("step 17",))
    covered: set[str] = set()
    async with Watched(flink, PollSettings(requests_per_round=40)) as watched:
        await watched.rounds(2)
        for _ in range(5):
            found = await watched.round()
            assert found.requests <= 40
            asked = {p.rpartition("/")[2] for p in flink.asked if "/vertices/" in p}
            assert id_of("step 17") in asked
            assert found.vertices_covered + found.vertices_skipped == 62
            covered |= asked
    assert {id_of(name) for name in middle} <= covered


async def test_many_jobs_are_all_listed_each_round_and_asked_in_turns(flink: Simulated) -> None:
    jobs = [flink.job(f"job {i}", started_ms=flink.now_ms - 60_000 - i) for i in range(30)]
    asked: set[str] = set()
    async with Watched(flink, PollSettings(requests_per_round=60)) as watched:
        for _ in range(8):
            found = await watched.round()
            assert found.requests <= 60
            assert len(found.runs) == 30
            assert len(values_of(found, "job_state")) == 30
            asked |= {p.split("/")[2] for p in flink.asked if p.endswith("/exceptions")}
    assert asked == {job.jid for job in jobs}


async def test_counts_are_told_with_the_time_of_flinks_update_not_of_ours(
    flink: Simulated,
) -> None:
    flink.job()
    flink.skew_ms = 5_000
    async with Watched(flink) as watched:
        await watched.round()
        # Somebody else made Flink update 7 s before our round, so ours does not.
        flink.clock.pass_ms(10_500)
        await watched.client.get("/jobmanager/metrics")
        updated_ms = flink.now_ms
        found = await watched.round(7_000)
    reports = [r for r in of(MetricReport, found) if r.origin.container == "tm-0" and r.job]
    counted = next(r for r in reports if any(BUSY in s.values for s in r.scopes))
    live = next(r for r in reports if any("task_status" in s.values for s in r.scopes))
    assert counted.time_ms == updated_ms
    assert live.time_ms == pytest.approx(updated_ms + 7_000, abs=MOMENT_MS)


async def test_the_old_values_after_a_silence_are_not_taken_for_new_ones(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        found = await watched.round(35_000)
    [report] = [r for r in of(MetricReport, found) if r.origin.container == "tm-0" and r.job]
    assert report.time_ms == pytest.approx(flink.now_ms, abs=MOMENT_MS)
    assert values_of(found, BUSY, "enrich")[0] == (report.time_ms - flink.jobs[0].started_ms) // 10


async def test_what_flink_did_not_update_is_not_told_again(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        found = await watched.round(3_000)
    assert values_of(found, BUSY) == [] and values_of(found, "numRestarts") == []
    assert len(values_of(found, "task_status")) == 6
    assert len(values_of(found, "heartbeat_age_ms")) == 2


async def test_values_that_stand_still_while_a_taskmanager_hangs_are_not_told(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        flink.taskmanagers[1].silent_since_ms = flink.now_ms
        hanging = await watched.rounds(4)
        flink.resume()
        back = await watched.round()
    assert all(values_of(found, BUSY) == [] for found in hanging)
    ages = [values_of(found, "heartbeat_age_ms", container="tm-1")[0] for found in hanging]
    assert ages == pytest.approx([10_300, 20_800, 31_300, 41_800], abs=2_000)
    assert [found.says != "" for found in hanging] == [False, False, True, True]
    assert "TaskManager tm-1 was last heard of 4" in hanging[-1].says
    assert all(found.answered for found in hanging)
    assert back.says == "" and len(values_of(back, BUSY)) == 6


async def test_what_an_earlier_attempt_counted_is_not_told_as_the_new_ones(
    flink: Simulated,
) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        before = await watched.round()
        job.restart(flink.now_ms + 10_900)  # while the round waits for the update
        at_restart = await watched.round(10_700)
        after = await watched.round()
    assert values_of(before, BUSY, "enrich")[0] > 5_000
    assert values_of(at_restart, BUSY) == []
    assert max(values_of(after, BUSY)) < 2_000
    assert {s.attempt for r in of(MetricReport, after) if r.job for s in r.scopes} == {-1, 1}


async def test_numbers_that_are_not_complete_are_left_out(flink: Simulated) -> None:
    flink.job(complete=False)
    async with Watched(flink) as watched:
        found = (await watched.rounds(2))[-1]
    for name in (BUSY, "accumulateIdleTimeMs", "numRecordsIn", "numBytesOut"):
        assert values_of(found, name, "enrich") == []
    assert len(values_of(found, "task_status", "enrich")) == 2


async def test_a_busy_time_that_is_no_number_is_left_out(flink: Simulated) -> None:
    flink.job(busy="NaN")
    async with Watched(flink) as watched:
        found = (await watched.rounds(2))[-1]
    assert values_of(found, BUSY) == []
    assert len(values_of(found, "numRecordsIn", "enrich")) == 2


async def test_the_live_state_wins_over_a_cached_one(flink: Simulated) -> None:
    flink.job(state="RESTARTING", cached_state="RUNNING")
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.runs[0].state == "RESTARTING"
    assert values_of(found, "job_state") == [JOB_STATES.index("RESTARTING")]


async def test_a_job_that_vanishes_in_mid_round_is_no_error(flink: Simulated) -> None:
    job = flink.job()
    other = flink.job("other")

    def gone() -> web.Response:
        flink.jobs = [other]
        return web.json_response({"errors": ["Job not found"]}, status=404)

    flink.answers[f"/jobs/{job.jid}/exceptions"] = gone
    async with Watched(flink) as watched:
        found = await watched.round()
        after = await watched.round()
    assert found.answered and found.says == ""
    assert len(found.runs) == 2
    assert [run.name for run in after.runs] == ["other"]


async def test_one_answer_that_fails_does_not_end_the_round(flink: Simulated) -> None:
    job = flink.job()
    flink.answers[f"/jobs/{job.jid}/checkpoints"] = lambda: web.Response(status=500)
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.answered
    assert "HTTP 500" in found.says
    assert len(values_of(found, "task_status")) == 6


async def test_one_answer_of_another_shape_does_not_end_the_round(flink: Simulated) -> None:
    job = flink.job()
    flink.answers[f"/jobs/{job.jid}/vertices/{id_of('enrich')}"] = lambda: web.json_response([])
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.answered
    assert "not what Flink's REST API sends" in found.says
    assert len(values_of(found, "task_status")) == 4


async def test_another_json_service_is_said_not_to_be_flink(flink: Simulated) -> None:
    flink.answers["/config"] = lambda: web.json_response({"version": 3})
    async with Watched(flink) as watched:
        found = await watched.round()
    assert not found.answered
    assert "another service" in found.says
    assert flink.asked == ["/config"]


async def test_a_job_redeployed_under_its_name_is_another_run(flink: Simulated) -> None:
    old = flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        old.end("CANCELED", flink.now_ms)
        new = flink.job(started_ms=flink.now_ms + 1_000)
        found = await watched.round()
    assert {(r.job, r.start_ms, r.state) for r in found.runs} == {
        (old.jid, old.started_ms, "CANCELED"),
        (new.jid, new.started_ms, "RUNNING"),
    }
    assert found.runs[1].end_ms == old.ended_ms
    told = {(e.job, e.subject) for e in of(ChangeEvent, found)}
    assert {(old.jid, "CANCELED"), (new.jid, "RUNNING")} <= told


async def test_an_ended_run_is_asked_once_more_for_what_it_left_and_then_only_listed(
    flink: Simulated,
) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        job.end("FAILED", flink.now_ms + 10_000)
        await watched.round()
        job.exceptions = [{"stacktrace": "late", "timestamp": flink.now_ms}]
        told = of(FailureEvent, await watched.round())
        last = await watched.round()
    assert [e.throwable for e in told] == ["late"]
    assert not any(job.jid in path for path in flink.asked)
    assert values_of(last, "job_state") == [JOB_STATES.index("FAILED")]


async def test_a_run_of_the_same_job_id_that_began_later_is_another_one(flink: Simulated) -> None:
    job = flink.job()
    first_ms, jid = job.started_ms, job.jid
    async with Watched(flink) as watched:
        await watched.round()
        flink.answers["/jobs/overview"] = lambda: web.json_response(
            {"jobs": [{**flink._overview(job), "start-time": first_ms + 5_000}]}
        )
        found = await watched.round()
    assert [(r.job, r.start_ms) for r in found.runs] == [(jid, first_ms + 5_000)]


async def test_each_failure_is_told_once_even_when_flink_forgets_it(flink: Simulated) -> None:
    job = flink.job()
    entries = [
        {
            "stacktrace": f"java.io.IOException: {i}\n\tat x",
            "timestamp": flink.now_ms + i,
            "taskName": "enrich (2/2) - execution #3",
            "taskManagerId": "tm-1",
            "endpoint": "tm-1:1234",
        }
        for i in range(4)
    ]
    async with Watched(flink) as watched:
        job.exceptions = entries[:2]
        first = of(FailureEvent, await watched.round())
        job.exceptions = entries[1:]
        second = of(FailureEvent, await watched.round())
        job.exceptions = []
        third = of(FailureEvent, await watched.round())
    assert [e.throwable[21:22] for e in (*first, *second, *third)] == ["0", "1", "2", "3"]
    event = first[0]
    assert (event.vertex, event.subtask, event.attempt) == (id_of("enrich"), 1, 3)
    assert (event.on_container, event.host) == ("tm-1", "tm-1")
    assert event.signature == "java.io.IOException: 0"


async def test_a_failed_checkpoint_is_told_with_who_did_not_acknowledge(flink: Simulated) -> None:
    job = flink.job(counts={"failed": 1, "completed": 1})
    shared = {"is_savepoint": False, "trigger_timestamp": flink.now_ms, "num_subtasks": 6}
    job.history = [
        {**shared, "id": 2, "status": "FAILED", "failure_message": "expired"},
        {**shared, "id": 1, "status": "COMPLETED", "end_to_end_duration": 200},
    ]
    acknowledged = {"num_subtasks": 2, "num_acknowledged_subtasks": 2}
    job.details[2] = {
        "id": 2,
        "tasks": {
            id_of("Source: orders"): acknowledged,
            id_of("enrich"): {"num_subtasks": 2, "num_acknowledged_subtasks": 1},
            id_of("ledger: Writer"): {"num_subtasks": 2, "num_acknowledged_subtasks": 0},
        },
    }
    async with Watched(flink) as watched:
        told = of(CheckpointEvent, await watched.round())
        again = of(CheckpointEvent, await watched.round())
    failed = next(e for e in told if e.id == 2)
    assert failed.failure == "expired"
    assert dict(failed.unacknowledged) == {id_of("enrich"): 1, id_of("ledger: Writer"): 2}
    assert failed.slowest_vertex == id_of("enrich")
    assert (failed.start_delay_ms, failed.sync_ms, failed.alignment_ms) == (8000, 9, None)
    assert {e.id for e in told} == {1, 2} and again == []


async def test_a_checkpoint_is_told_again_when_it_is_completed(flink: Simulated) -> None:
    job = flink.job(counts={"in_progress": 1})
    entry = {"id": 7, "is_savepoint": False, "trigger_timestamp": flink.now_ms + 10_000}
    async with Watched(flink) as watched:
        job.history = [{**entry, "status": "IN_PROGRESS", "end_to_end_duration": 5}]
        [running] = of(CheckpointEvent, await watched.round())
        job.history = [{**entry, "status": "COMPLETED", "end_to_end_duration": 900}]
        [completed] = of(CheckpointEvent, await watched.round())
    assert (running.status, running.duration_ms, running.ended_ms) == ("IN_PROGRESS", None, None)
    assert (completed.status, completed.duration_ms) == ("COMPLETED", 900)
    assert running.identity == completed.identity


async def test_checkpoints_that_are_off_are_no_error(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.says == "" and values_of(found, "numberOfFailedCheckpoints") == []


async def test_taskmanagers_that_come_and_go_are_told(flink: Simulated) -> None:
    async with Watched(flink) as watched:
        first = await watched.round()
        lost = flink.taskmanagers.pop()
        second = await watched.round()
        lost.data_port += 1
        flink.taskmanagers.append(lost)
        third = await watched.round()
    assert [(e.what, e.subject) for e in of(ChangeEvent, first)] == [
        ("container-seen", "tm-0"),
        ("container-seen", "tm-1"),
    ]
    assert [(e.what, e.subject) for e in of(ChangeEvent, second)] == [("container-gone", "tm-1")]
    assert [(e.what, e.subject) for e in of(ChangeEvent, third)] == [("container-seen", "tm-1")]
    epochs = [
        {e.origin.epoch for e in found.events if e.origin.container == "tm-1" and not e.job}
        for found in (first, third)
    ]
    assert len(epochs[0]) == len(epochs[1]) == 1 and epochs[0] != epochs[1]


async def test_another_process_under_the_same_id_is_told_as_gone_and_seen(
    flink: Simulated,
) -> None:
    async with Watched(flink) as watched:
        await watched.round()
        flink.taskmanagers[0].data_port += 1
        found = await watched.round()
    assert [e.what for e in of(ChangeEvent, found)] == ["container-gone", "container-seen"]


async def test_a_cluster_that_dies_says_so_and_is_picked_up_when_it_comes_back(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        flink.down = True
        dead = await watched.round()
        flink.down = False
        back = await watched.round()
    assert not dead.answered and "HTTP 503" in dead.says
    assert dead.events == [] and dead.runs == ()
    assert back.answered and back.says == "" and len(values_of(back, BUSY)) == 6
    assert not any(e.what == "jobmanager-start" for e in of(ChangeEvent, back))


async def test_a_restarted_jobmanager_is_told_and_what_it_counts_begins_anew(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        before = await watched.round()
        flink.down = True
        await watched.round()
        flink.down = False
        flink.restart_jobmanager()
        flink.taskmanagers.pop()
        at_start = await watched.round()
        registering = of(ChangeEvent, at_start)
        gone = of(ChangeEvent, await watched.round(60_000))
    assert [e.what for e in registering] == ["jobmanager-start"]
    assert [(e.what, e.subject) for e in gone] == [("container-gone", "tm-1")]
    assert at_start.runs == ()
    epochs = {e.origin.epoch for e in before.events}
    assert epochs.isdisjoint(e.origin.epoch for e in at_start.events)


async def test_a_jobmanager_that_restarts_between_two_rounds_is_noticed(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.restart_jobmanager()
        told = [e.what for e in of(ChangeEvent, await watched.round())]
    assert told == ["jobmanager-start"]


async def test_the_restart_of_a_jobmanager_without_jobs_is_noticed_by_its_cpu_time(
    flink: Simulated,
) -> None:
    async with Watched(flink) as watched:
        await watched.rounds(3)
        flink.restart_jobmanager()
        told = [e.what for found in await watched.rounds(3) for e in of(ChangeEvent, found)]
    assert told == ["jobmanager-start"]


async def test_sequences_have_no_holes_within_what_belongs_together(flink: Simulated) -> None:
    flink.job()
    flink.job("other")
    numbers: dict[tuple[str, str, str], list[int]] = {}
    async with Watched(flink) as watched:
        for found in await watched.rounds(4):
            for e in found.events:
                key = (e.origin.container, e.job, e.origin.epoch)
                numbers.setdefault(key, []).append(e.origin.sequence)
    for told in numbers.values():
        assert sorted(told) == list(range(len(told)))
    epochs = [epoch for _, _, epoch in numbers]
    assert len(epochs) == len(set(epochs))


async def test_nothing_is_asked_that_makes_the_jobmanager_log(flink: Simulated) -> None:
    job = flink.job()
    flink.job("large", parallelism=400)
    paths: list[str] = []
    async with Watched(flink) as watched:
        for _ in range(5):
            await watched.round()
            paths += flink.asked
            job.restart(flink.now_ms)
    assert flink.methods == {"GET"}
    assert not any("backpressure" in path for path in paths)
    aggregated = [p for p in paths if "&agg=" in p]
    assert aggregated and not any("isBackPressured" in p for p in aggregated)


async def test_an_empty_cluster_is_watched_without_jobs(flink: Simulated) -> None:
    flink.taskmanagers = []
    async with Watched(flink) as watched:
        found = (await watched.rounds(2))[-1]
    assert found.answered and found.runs == () and found.vertices_skipped == 0


async def test_a_round_tells_what_it_cost(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.requests == len(flink.asked) == watched.client.requests
    assert found.bytes == watched.client.received_bytes > 1_000
    assert found.took_ms == 500
    assert found.arrival_ms == flink.clock.now_ms()
