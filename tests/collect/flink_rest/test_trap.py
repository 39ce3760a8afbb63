"""The traps of Flink's REST API, each over a simulated Flink that behaves as measured."""

from collections import Counter

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.model.event import MetricReport
from drsquirrel.model.state import JOB_STATES
from tests.collect.flink_rest.simulated import Simulated, id_of
from tests.collect.flink_rest.watched import BUSY, MOMENT_MS, Watched, of, scope, told_in, values_of


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
    assert values_of(found, "numRecordsSend") == [10.0]
    assert (source.place.subtask, source.place.attempt) == (-1, 1000)
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


async def test_of_many_jobs_the_sources_of_a_suspicious_one_are_asked_most_often(
    flink: Simulated,
) -> None:
    jobs = [flink.job(f"job {i}", started_ms=flink.now_ms - 60_000 - i) for i in range(20)]
    sick = flink.job("sick", started_ms=flink.now_ms - 60_000, pressed=("Source: orders",))
    times: Counter[str] = Counter()
    async with Watched(flink, PollSettings(requests_per_round=90)) as watched:
        await watched.rounds(4)
        for _ in range(20):
            found = await watched.round()
            assert found.requests <= 90
            times.update({p.split("/")[2] for p in flink.asked if "pendingRecords" in p})
    assert times[sick.jid] >= 12
    assert all(1 <= times[job.jid] < 12 for job in jobs)


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
    counted = next(r for r in reports if any(BUSY in s.values for s in told_in(r)))
    live = next(r for r in reports if any("task_status" in s.values for s in told_in(r)))
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


async def test_a_part_of_the_update_that_comes_late_is_not_taken_for_no_movement(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.taskmanagers[1].late_ms = 5_000
        late = await watched.round()
        flink.taskmanagers[1].late_ms = 0
        back = await watched.round()
    for metric in (BUSY, "Status.JVM.CPU.Time"):
        assert values_of(late, metric, container="tm-1") == []
        assert values_of(late, metric, container="tm-0") != []
        assert values_of(back, metric, container="tm-1") != []


async def test_an_earlier_update_that_comes_late_is_not_taken_for_this_one(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.taskmanagers[1].late_ms = 11_000
        late = await watched.rounds(2)
        flink.taskmanagers[1].late_ms = 0
        back = await watched.round()
    for found in late:
        assert values_of(found, BUSY, container="tm-1") == []
        assert values_of(found, "Status.JVM.CPU.Time", container="tm-1") == []
    assert values_of(back, BUSY, container="tm-1") == values_of(back, BUSY, container="tm-0")


async def test_a_clock_that_stays_behind_for_good_is_believed_in_the_end(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        await watched.rounds(2)
        flink.taskmanagers[1].late_ms = 11_000
        found = (await watched.rounds(3))[-1]
    assert len(values_of(found, BUSY, container="tm-1")) == 3


async def test_an_update_that_is_due_in_a_moment_is_waited_for(flink: Simulated) -> None:
    job = flink.job()
    async with Watched(flink) as watched:
        await watched.round()
        # A late request began an update: the next one is due 1.2 s after the next round begins.
        flink.clock.pass_ms(10_100)
        await watched.client.get(f"/jobs/{job.jid}")
        found = [await watched.round(8_800), *await watched.rounds(3)]
    for one in found:
        assert len(values_of(one, BUSY)) == 6
        [report] = [r for r in of(MetricReport, one) if r.origin.container == "tm-0" and r.job]
        assert one.arrival_ms - report.time_ms <= MOMENT_MS
        assert one.requests <= 25
    assert found[0].took_ms == pytest.approx(1_750, abs=100)
    assert [one.took_ms for one in found[1:]] == [500] * 3


async def test_a_slow_update_is_waited_for_a_little(flink: Simulated) -> None:
    flink.job()
    flink.update_takes_ms = 900
    async with Watched(flink) as watched:
        found = (await watched.rounds(3))[-1]
    assert len(values_of(found, BUSY)) == 6
    assert found.took_ms == 1_000 and found.requests <= 25


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
    of_job = [told for r in of(MetricReport, after) if r.job for told in told_in(r)]
    assert {told.place.attempt for told in of_job} == {-1, 1}


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


async def test_a_cluster_that_hangs_in_mid_round_is_asked_nothing_more(flink: Simulated) -> None:
    job = flink.job()
    flink.hanging = f"/jobs/{job.jid}/exceptions"
    async with Watched(flink, PollSettings(request_timeout_s=0.3)) as watched:
        found = await watched.round()
    assert not found.answered and "did not answer within 0.3 s" in found.says
    assert flink.asked[-1] == flink.hanging
    # What was heard before is told, and the state that is live.
    assert [run.state for run in found.runs] == ["RUNNING"]
    assert values_of(found, "job_state") == [JOB_STATES.index("RUNNING")]


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


async def test_checkpoints_that_are_off_are_no_error(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        found = await watched.round()
    assert found.says == "" and values_of(found, "numberOfFailedCheckpoints") == []


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
