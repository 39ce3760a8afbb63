"""Jobs, failures, checkpoints and processes that come, change and go."""

from aiohttp import web

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.state import JOB_STATES
from tests.collect.flink_rest.simulated import Simulated, id_of
from tests.collect.flink_rest.watched import BUSY, Watched, of, values_of


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


async def test_a_checkpoint_that_takes_long_is_looked_at_while_it_is_under_way(
    flink: Simulated,
) -> None:
    job = flink.job(counts={"in_progress": 1})
    entry = {"id": 7, "is_savepoint": False, "status": "IN_PROGRESS", "num_subtasks": 6}
    job.history = [{**entry, "trigger_timestamp": flink.now_ms, "num_acknowledged_subtasks": 4}]
    job.details[7] = {"id": 7, "tasks": {id_of("enrich"): {"num_subtasks": 2}}}
    async with Watched(flink) as watched:
        [young] = of(CheckpointEvent, await watched.round(5_000))
        [old] = of(CheckpointEvent, await watched.round())
        same = of(CheckpointEvent, await watched.round())
        job.history[0]["num_acknowledged_subtasks"] = 5
        [moved] = of(CheckpointEvent, await watched.round())
    assert young.unacknowledged == () and same == []
    assert old.unacknowledged == moved.unacknowledged == ((id_of("enrich"), 2),)


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


async def test_failures_are_asked_for_when_something_happened_and_now_and_then(
    flink: Simulated,
) -> None:
    job = flink.job()

    async def asked_in(watched: Watched, rounds: int) -> list[bool]:
        found = []
        for _ in range(rounds):
            await watched.round()
            found.append(f"/jobs/{job.jid}/exceptions" in flink.asked)
        return found

    async with Watched(flink) as watched:
        assert await asked_in(watched, 9) == [True, True, *[False] * 5, True, False]
        job.restart(flink.now_ms)
        assert await asked_in(watched, 4) == [True, True, False, False]
        job.state = "RESTARTING"
        assert await asked_in(watched, 3) == [True] * 3
