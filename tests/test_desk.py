"""The desk: rounds of clusters in, reports out; what is kept, forgotten and shown."""

import pytest
from msgspec.structs import replace

from drsquirrel.collect.flink_rest.clock import ahead_ms, by_our_clock
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import LATEST_MS, LISTED_MS, RUNS_MAX, Desk
from drsquirrel.diagnose.memory import Memory
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, Event, MetricReport, Origin
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.report import Action
from drsquirrel.model.state import LOST
from drsquirrel.model.verdict import Verdict
from drsquirrel.on_desk import Known, run_to_show
from drsquirrel.rules.load import load
from tests.diagnose.seen import CLUSTER, NOON_MS, STEP_S
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import make_slow, slow_sink

ORIGIN = Origin(cluster=CLUSTER, producer="flink-rest", epoch="e", sequence=0)
LATE_MS = NOON_MS + 600_000


def test_two_runs_of_one_job_are_both_there_and_the_worse_is_shown() -> None:
    sim = Sim()
    again = Sim(job="1" * 32, desk=sim.desk)
    sim.beside.append(again)
    make_slow(again)
    sim.run(300)
    assert sim.reports[-1].verdict is Verdict.HEALTHY
    [row] = sim.desk.job_rows()
    assert (row.run.job_id, row.live_runs, row.verdict) == ("1" * 32, 2, Verdict.WARNING)


def test_a_redeploy_shows_the_new_run_and_raises_nothing() -> None:
    sim = Sim()
    sim.run(300)
    sim.running = 0
    sim.turn("CANCELED")
    again = Sim(job="1" * 32, desk=sim.desk)
    again.pass_time(300)
    sim.beside.append(again)
    for _ in range(30):
        sim.run(10)
        [row] = sim.desk.job_rows()
        assert row.run.job_id == "1" * 32
        assert row.verdict in (Verdict.UNKNOWN, Verdict.HEALTHY)
    assert row.live_runs == 1


def test_another_run_in_the_same_process_is_counted_while_it_is_there() -> None:
    sim = slow_sink()
    other = Sim(job="1" * 32, name="other", desk=sim.desk)
    sim.beside.append(other)
    sim.run(120)
    inquiry = sim.desk._inquiry(
        sim.desk.clusters[CLUSTER],
        sim.of_run,
        sim.desk._processes(sim.desk.clusters[CLUSTER], {}, sim.clock_ms),
        {},
        sim.clock_ms,
        sim.clock_ms,
    )
    assert inquiry.processes["tm-1"].beside(sim.of_run.id).other_runs == 1
    other.turn("FINISHED")
    sim.run(10)
    processes = sim.desk._processes(sim.desk.clusters[CLUSTER], {}, sim.clock_ms)
    assert processes["tm-1"].beside(sim.of_run.id).other_runs == 0


def seen(job: str, state: str = "RUNNING", name: str = "orders", **values: int) -> RunSeen:
    return RunSeen(cluster=CLUSTER, job=job, start_ms=NOON_MS, name=name, state=state, **values)


def found(*runs: RunSeen, at_ms: int = NOON_MS, answered: bool = True) -> Round:
    return Round(arrival_ms=at_ms, answered=answered, runs=runs)


def a_desk(*clusters: str) -> Desk:
    desk = Desk(load(), lambda name: name.removesuffix("-v2"))
    for cluster in clusters or (CLUSTER,):
        desk.add_cluster(cluster, STEP_S * 1000, False)
    return desk


def test_a_job_is_known_by_its_name_without_what_varies() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a", name="orders-v2"), seen("b", name="orders")))
    assert len({run.job.id for run in desk.clusters[CLUSTER].runs.values()}) == 1


def test_the_worst_of_the_runs_still_there_is_shown_else_the_latest() -> None:
    desk = a_desk()
    runs = (seen("a", "FINISHED", end_ms=NOON_MS), seen("b"), seen("c", "FAILED"))
    desk.take(CLUSTER, found(*runs))
    desk.judge(CLUSTER, NOON_MS)
    by_job = {run.seen.job: run for run in desk.clusters[CLUSTER].runs.values()}
    assert run_to_show(by_job.values()).seen.job == "b", "what is over is shown last"
    del by_job["b"]
    older = replace(by_job["c"].seen, start_ms=NOON_MS - 1)
    by_job["c"].seen = older
    assert run_to_show(by_job.values()).seen.job == "a"


def test_the_worst_job_comes_first_in_the_list() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a", name="a"), seen("b", "FAILED", name="b")))
    assert desk.job_rows() == []
    desk.judge(CLUSTER, NOON_MS)
    assert [row.job.name for row in desk.job_rows()] == ["b", "a"]


def test_a_run_that_is_no_longer_listed_is_lost_unless_it_was_over() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a"), seen("b", "FINISHED", end_ms=NOON_MS)))
    desk.take(CLUSTER, found(at_ms=NOON_MS + 10_000))
    states = {r.seen.job: r.seen for r in desk.clusters[CLUSTER].runs.values()}
    assert (states["a"].state, states["a"].end_ms) == (LOST, NOON_MS)
    assert states["b"].state == "FINISHED"


def test_a_round_without_an_answer_loses_nothing() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a")))
    desk.take(CLUSTER, found(at_ms=NOON_MS + 10_000, answered=False))
    [run] = desk.clusters[CLUSTER].runs.values()
    assert run.seen.state == "RUNNING"


def test_a_round_that_comes_late_takes_no_state_back() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a", "FINISHED", end_ms=LATE_MS), at_ms=LATE_MS))
    desk.take(CLUSTER, found(seen("a"), at_ms=NOON_MS))
    [run] = desk.clusters[CLUSTER].runs.values()
    assert run.seen.state == "FINISHED"
    assert desk.clusters[CLUSTER].last_answer_ms == LATE_MS


def test_a_run_is_judged_for_a_minute_after_its_end_and_then_stays() -> None:
    desk = a_desk()
    ended = seen("a", "FINISHED", end_ms=NOON_MS)
    judged = []
    for second in range(0, 100, 10):
        at_ms = NOON_MS + second * 1000
        desk.take(CLUSTER, found(ended, at_ms=at_ms))
        judged.append(len(desk.judge(CLUSTER, at_ms)))
    assert judged == [1] * 7 + [0] * 3


def test_a_run_that_comes_back_is_judged_again() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a")))
    for second in (10, 100, 110):
        at_ms = NOON_MS + second * 1000
        desk.take(CLUSTER, found(at_ms=at_ms))
        desk.judge(CLUSTER, at_ms)
    assert desk.judge(CLUSTER, LATE_MS - 1) == []
    desk.take(CLUSTER, found(seen("a"), at_ms=LATE_MS))
    [run] = desk.judge(CLUSTER, LATE_MS)
    assert run.report is not None and run.report.run.state == "RUNNING"


def test_what_is_too_old_is_forgotten() -> None:
    sim = slow_sink()
    sim.run(60)
    desk = sim.desk.clusters[CLUSTER]
    assert set(desk.minutes) == {"tm-1", "tm-2", ""}
    sim.lose("tm-1")
    sim.run(60)
    assert set(desk.minutes) == {"tm-1", "tm-2", ""}
    sim.pass_time(2 * 3600)
    sim.look()
    assert set(desk.minutes) == {"tm-2", ""}, "it has been gone for more than the hour"
    sim.desk.take(CLUSTER, found(at_ms=sim.clock_ms + LISTED_MS))
    assert len(desk.runs) == 1
    sim.desk.take(CLUSTER, found(at_ms=sim.clock_ms + LISTED_MS + 60_000))
    assert desk.runs == {}


def test_of_runs_without_end_those_gone_for_longest_are_forgotten() -> None:
    desk = a_desk(CLUSTER)
    rounds = [[seen(f"{number:04}{i:028}") for i in range(500)] for number in range(12)]
    for number, runs in enumerate(rounds):
        desk.take(CLUSTER, found(*runs, at_ms=NOON_MS + number * 60_000))
    kept = {run.seen.job for run in desk.clusters[CLUSTER].runs.values()}
    assert kept == {run.job for runs in rounds[2:] for run in runs}
    assert len(kept) == RUNS_MAX
    assert desk.dropped["too many runs"] == 1_000


def test_the_runs_of_a_cluster_that_is_silent_for_days_are_not_forgotten() -> None:
    desk = a_desk()
    desk.take(CLUSTER, found(seen("a")))
    desk.take(CLUSTER, found(at_ms=NOON_MS + 3 * LISTED_MS, answered=False))
    assert len(desk.clusters[CLUSTER].runs) == 1


def test_one_cluster_says_nothing_about_another() -> None:
    desk = a_desk("a", "b")
    desk.take("a", found(replace(seen("x"), cluster="a")))
    assert desk.judge("b", NOON_MS) == []
    assert len(desk.judge("a", NOON_MS)) == 1


def test_what_was_left_by_another_process_is_taken_up() -> None:
    desk = a_desk()
    over = Known(
        seen=seen("a", "FAILED", end_ms=NOON_MS),
        facts=None,
        memory=Memory(),
        report=None,
        last_seen_ms=NOON_MS,
    )
    desk.restore(CLUSTER, [], [over], LATE_MS)
    [run] = desk.judge(CLUSTER, LATE_MS)
    assert run.report is not None and run.report.verdict is Verdict.FAILING
    again = a_desk()
    again.restore(CLUSTER, [], [type(over)(**{**vars(over), "report": run.report})], LATE_MS)
    assert again.judge(CLUSTER, LATE_MS) == [], "what was said of it stays"
    again.take(CLUSTER, found(over.seen, at_ms=LATE_MS))
    assert again.judge(CLUSTER, LATE_MS) == []


def test_a_window_that_may_still_grow_is_told_whole_after_a_restart() -> None:
    sim = slow_sink()
    sim.run(60)
    snapshots = sim.desk.snapshots(sim.clock_ms)
    desk = a_desk()
    desk.restore(CLUSTER, snapshots, [], sim.clock_ms)
    assert {s.subject for s in desk.snapshots(sim.clock_ms)} == {s.subject for s in snapshots}
    late = a_desk()
    late.restore(CLUSTER, snapshots, [], sim.clock_ms + 300_000)
    assert late.snapshots(sim.clock_ms) == []


def test_what_does_not_fit_is_counted() -> None:
    sim = slow_sink()
    sim.run(10)
    event = sim.rounds[-1].events[-1]
    newer = replace(event, origin=replace(event.origin, schema=99))
    sim.desk.take(CLUSTER, replace(sim.rounds[-1], events=[newer]))
    assert sim.desk.dropped == {"newer schema": 1}


def test_of_thread_dumps_the_newest_are_kept() -> None:
    sim = slow_sink()
    sim.run(10)
    action = Action(time_ms=1, what="thread dump", container="tm-1", took_ms=9)
    for _ in range(30):
        sim.of_run.note_threads([], [action])
    assert len(sim.of_run.actions) == 20
    assert sim.run(10).actions == [action] * 20


def told(at_ms: int) -> Event:
    return MetricReport(origin=ORIGIN, time_ms=at_ms)


@pytest.mark.parametrize(
    ("at_s", "known_s", "ahead_s"),
    [
        (0, 0, 0),
        (4, 0, 0),
        (-14, 0, 0),
        (40, 0, 50),
        (-60, 0, -50),
        (86_400, 0, 86_410),
        (42, 50, 50),
        (60, 50, 70),
        (0, 50, 0),
    ],
)
def test_a_clock_is_wrong_when_what_is_told_as_of_now_is_not(
    at_s: int, known_s: int, ahead_s: int
) -> None:
    """The round took ten seconds."""
    round_ = Round(
        arrival_ms=LATE_MS,
        answered=True,
        took_ms=10_000,
        events=[told(LATE_MS - 70_000 * (at_s > 0)), told(LATE_MS + at_s * 1000)][-1:],
    )
    assert ahead_ms(round_, known_s * 1000) == ahead_s * 1000


def test_a_round_that_tells_no_time_leaves_what_was_known() -> None:
    assert ahead_ms(Round(arrival_ms=LATE_MS, answered=False), 7) == 7


def test_an_event_is_told_by_our_clock_with_all_its_times() -> None:
    change = ChangeEvent(origin=ORIGIN, time_ms=9_000, what="job-state", subject="RUNNING")
    assert by_our_clock(change, 0) is change
    assert by_our_clock(change, 2_000).time_ms == 7_000
    ended = CheckpointEvent(
        origin=ORIGIN, time_ms=9_000, job="j", id=1, status="COMPLETED", ended_ms=9_500
    )
    shifted = by_our_clock(ended, -1_000)
    assert isinstance(shifted, CheckpointEvent)
    assert (shifted.time_ms, shifted.ended_ms) == (10_000, 10_500)
    open_ = by_our_clock(replace(ended, ended_ms=None), 1_000)
    assert isinstance(open_, CheckpointEvent) and open_.ended_ms is None


def test_what_comes_after_the_hour_is_counted() -> None:
    sim = Sim()
    sim.run(60)
    report = sim._report("tm-1", sim._container("tm-1"), of_run=True)
    for late_ms in (0, LATEST_MS, LATEST_MS + 1):
        then_ms = sim.clock_ms - late_ms
        sim.desk.hear(CLUSTER, [(then_ms, replace(report, time_ms=then_ms))], sim.clock_ms)
    assert sim.desk.late_total == 1
