"""What a round over a simulated Flink brings."""

from drsquirrel.model.event import MetricReport
from drsquirrel.model.state import JOB_STATES, TASK_STATES
from tests.collect.flink_rest.simulated import Simulated
from tests.collect.flink_rest.watched import BUSY, Watched, of, scope, told_in, values_of


async def test_a_round_reports_each_subtask_by_flinks_names(flink: Simulated) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        found = (await watched.rounds(3))[-1]
    assert found.answered and found.says == "" and found.flink_version == "2.3.0"
    subtask = scope(found, "tm-1", "enrich")
    assert (subtask.place.subtask, subtask.place.attempt) == (1, 0)
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
    [run] = told_in(report)
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
    by_group = {s.place.group: s.values for s in told_in(report)}
    assert by_group["G1_Young_Generation"] == {"Count": 7, "Time": 70}
    assert by_group[""]["Status.JVM.Memory.Heap.Used"] == 100_000_000
    assert (by_group[""]["heartbeat_age_ms"], by_group[""]["slots_free"]) == (3_000, 1)
    assert "Status.JVM.CPU.Load" not in by_group[""] and set(by_group) == {
        "",
        "G1_Young_Generation",
    }
    assert values_of(first, "heartbeat_age_ms") == [3_000, 3_000]


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
