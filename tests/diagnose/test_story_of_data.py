"""Whole stories of data: what is missing, late, told twice, told by a wrong clock, or restored."""

import pytest
from msgspec.structs import replace

from drsquirrel.desk import Desk
from drsquirrel.diagnose import memory
from drsquirrel.model.facts import Looked
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Outcome, Verdict
from drsquirrel.on_desk import Known
from drsquirrel.rules.load import load
from tests.diagnose.seen import CLUSTER, STEP_S
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import codes, make_slow, slow_sink

NEEDED = (
    "accumulateBackPressuredTimeMs",
    "accumulateIdleTimeMs",
    "tasks_running",
    "tasks_total",
)
USEFUL = (
    "numRecordsIn",
    "numRecordsOut",
    "pendingRecords",
    "Status.JVM.CPU.Time",
    "Status.JVM.Memory.Heap.Used",
    "Status.JVM.Memory.Heap.Max",
    "Time",
    "Count",
    "heartbeat_age_ms",
    "slots_free",
)


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("first_s", [0, 200])
def test_without_what_it_takes_a_run_is_never_healthy(name: str, first_s: int) -> None:
    sim = Sim()
    sim.run(first_s or 10)
    sim.unsaid = {name}
    sim.run(240)
    report = sim.run(60)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline.startswith("Not known yet: ")


@pytest.mark.parametrize("name", USEFUL)
def test_without_an_input_no_check_passes_that_needs_it(name: str) -> None:
    whole, part = Sim(), Sim()
    part.unsaid = {name}
    passed = {c.code for c in whole.run(660).checks if c.outcome is Outcome.PASS}
    report = part.run(660)
    left = {c.code: c.outcome for c in report.checks if c.code in passed}
    assert set(left.values()) <= {Outcome.PASS, Outcome.NO_DATA}
    assert report.verdict is Verdict.HEALTHY
    if name == "pendingRecords":
        assert "Not known: the lag of `source`" in report.subline
        assert left["source-lag-growing"] is Outcome.NO_DATA
    if name == "Time":
        assert "Not known: garbage collection" in report.subline
        assert left["gc-old-gen-high"] is Outcome.NO_DATA


def test_without_the_plan_a_run_is_never_healthy() -> None:
    sim = Sim()
    sim.tells_facts = False
    report = sim.run(300)
    assert (report.verdict, report.headline) == (
        Verdict.UNKNOWN,
        "Not known yet: the plan was not read yet",
    )
    assert report.graph == [] and report.hour.records_per_s == ()


def test_a_vertex_without_numbers_keeps_the_run_from_being_healthy() -> None:
    sim = Sim()
    sim.run(300)
    sim.mute = {"sink"}
    report = sim.run(300)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Not known yet: `sink` has not been measured"
    sim.mute = {"sink", "map"}
    assert sim.run(300).headline == "Not known yet: 2 of 3 vertices have not been measured"


def test_a_source_whose_lag_is_no_longer_told_may_fall_behind() -> None:
    sim = Sim()
    sim.run(300)
    make_slow(sim, rises=0)
    sim.pending = None
    report = sim.run(120)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == (
        "Not known yet: whether `sink`, which works without a pause, keeps up"
    )


def test_what_is_allowed_is_no_gap() -> None:
    assert any("Thread dumps" in gap for gap in Sim().run(10).data.gaps)
    assert not any("Thread dumps" in gap for gap in Sim(dumps_allowed=True).run(10).data.gaps)


def test_a_checkpoint_without_a_duration_completes_all_the_same() -> None:
    sim = Sim()
    sim.run(300)
    sim.checkpoint(1, duration_ms=None, ended_ms=sim.ms(300))
    sim.checkpoint(2, duration_ms=800, ended_ms=sim.ms(-7200))
    report = sim.run(10)
    strip = next(s for s in report.hour.strips if s.kind == "checkpoints")
    assert strip.sentence == "800 ms, none failed, last at 14:05 UTC"
    age = next(c for c in report.checks if c.code == "checkpoint-missing")
    assert age.minutes[-1] == 10_000


def test_a_run_of_which_no_task_is_known_is_not_healthy() -> None:
    sim = Sim()
    sim.tells_facts = False
    sim.run(10)
    sim.of_run.facts = replace(sim.facts, vertices=())  # as long as Flink makes them
    report = sim.run(120)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Not known yet: which tasks it has"


def test_several_sources_without_lag_are_counted() -> None:
    sim = Sim(names=("a", "b", "join"), edges={"join": ("a", "b")})
    sim.pending = None
    assert "Not known: the lag of 2 sources." in sim.run(120).subline


def test_what_is_missing_of_the_plan_and_how_old_it_is_is_told() -> None:
    sim = Sim()
    found_ms = sim.ms(sim.now_s)
    for looked, state, says in (
        (Looked(found_ms, ""), "fresh", ""),
        (Looked(found_ms, "No answer."), "fresh", "No answer."),
        (Looked(None, "It has no plan yet."), "missing", "It has no plan yet."),
    ):
        sim.run(60)
        sim.of_run.looked = looked
        [source] = [s for s in sim.run(60).data.sources if s.name == "Plan and settings"]
        assert (source.state, source.says) == (state, says)
        assert source.age_ms == (sim.ms(sim.now_s) - found_ms if looked.found_ms else None)


def test_a_silent_cluster_is_unknown_and_its_minutes_are_not_seen() -> None:
    sim = Sim(checkpoints=None)
    sim.run(600)
    sim.answers, sim.says = False, "Cannot reach it."
    report = sim.run(40)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "No data: the cluster has not answered for 40 s"
    assert report.subline == "Last answer at 14:10 UTC, the job was RUNNING then. Cannot reach it."
    assert {s.name: s.state for s in report.data.sources} == {
        "Flink REST": "stale",
        "Flink's counters": "late",
    }
    report = sim.run(560)
    sim.answers, sim.says = True, ""
    report = sim.run(120)
    assert report.verdict is Verdict.HEALTHY
    for strip in report.hour.strips:
        assert "_________" in strip.cells[-13:], strip.name
        assert strip.cells[:37] == "_" * 37


def test_a_cluster_that_has_never_answered_has_no_verdict() -> None:
    sim = Sim()
    sim.run(10)
    sim.desk.clusters[CLUSTER].last_answer_ms = None
    sim.judge()
    assert sim.reports[-1].headline == "No data yet: the cluster has not answered"
    assert sim.reports[-1].data.sources[0].state == "missing"


def test_counters_that_stand_still_are_not_taken_for_now() -> None:
    sim = slow_sink()
    sim.run(300)
    assert codes(sim.reports[-1]) == ["slow-sink"]
    sim.frozen = True
    report = sim.run(100)
    assert report.causes == []
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Not known now: Flink's counters have stood still for 1.7 min"
    assert report.data.sources[1].state == "stale"
    assert {n.says for n in report.graph} == {"not measured"}
    report = sim.run(300)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline.endswith("(their times are not reported)")
    assert report.hour.strips[0].cells[-6:] == "______"


def test_late_and_repeated_rounds_change_nothing() -> None:
    sim, twice = slow_sink(), slow_sink()
    sim.run(300)
    twice.run(300)
    for found in reversed(twice.rounds[5:]):
        twice.desk.take(CLUSTER, found)
    twice.now_s += 1
    sim.now_s += 1
    sim.judge()
    twice.judge()
    assert sim.reports[-1] == twice.reports[-1]


def test_a_round_that_comes_late_fills_its_minute() -> None:
    sim = Sim()
    sim.run(120)
    sim.pass_time(130)
    sim.run(120)
    assert sim.reports[-1].hour.strips[0].cells[-7:-3] == "..._"
    other = Sim()
    other.run(240)
    for found in other.rounds[12:]:
        sim.desk.take(CLUSTER, found)
    sim.judge()
    assert sim.reports[-1].hour.strips[0].cells[-7:-3] == "...."


@pytest.mark.parametrize("ahead_s", [300, -300, 86_400, -86_400, 40, -50, 7])
def test_a_wrong_clock_of_the_cluster_changes_nothing_but_that_it_is_told(ahead_s: int) -> None:
    right, wrong = Sim(), Sim(clock_ahead_s=ahead_s)
    for sim in (right, wrong):
        sim.run(300)
        sim.restart(down_s=20)
        sim.run(60)
        sim.checkpoint(1, ended_ms=sim.ms(sim.now_s) + 500)
        sim.run(120)

    def told(report: Report) -> object:
        return (
            report.verdict,
            report.headline,
            report.subline,
            [(i.began_ms, i.ended_ms, i.cause) for i in report.incidents],
            [(c.code, c.outcome, c.says) for c in report.checks],
            report.hour,
            report.data.age_ms,
            report.facts,
        )

    for ours, theirs in zip(right.reports, wrong.reports, strict=True):
        assert told(theirs) == told(ours)
    way = "ahead of" if ahead_s > 0 else "behind"
    assert any(f"{way} ours" in gap for gap in wrong.reports[-1].data.gaps)


def test_a_wrong_clock_ends_a_run_when_it_ended() -> None:
    sim = Sim(clock_ahead_s=7200)
    sim.run(120)
    sim.turn("FINISHED")
    sim.running = 0
    report = sim.run(10)
    assert (report.headline, report.subline) == ("Finished at 14:02 UTC", "It ran for 2 min.")
    lost = Sim(clock_ahead_s=7200)
    lost.run(120)
    lost.listed = False
    assert "since 14:02 UTC" in lost.run(10).headline


def test_a_few_seconds_are_no_wrong_clock() -> None:
    sim = Sim(clock_ahead_s=3)
    sim.run(60)
    assert not any("clock" in gap for gap in sim.reports[-1].data.gaps)


def restored(sim: Sim) -> Desk:
    """Another process takes up where the first one was killed."""
    desk = Desk(load())
    desk.add_cluster(CLUSTER, STEP_S * 1000, False)
    run = sim.of_run
    known = Known(
        seen=run.seen,
        facts=run.facts,
        memory=memory.decoder.decode(memory.encoder.encode(run.memory)),
        report=run.report,
        last_seen_ms=run.last_seen_ms,
    )
    desk.restore(CLUSTER, sim.desk.snapshots(sim.clock_ms), [known], sim.clock_ms)
    return desk


def test_a_restart_of_our_own_process_does_not_change_what_is_said() -> None:
    sim = slow_sink()
    sim.run(600)
    onset = sim.reports[-1].causes[0].onset
    sim.desk = restored(sim)
    sim.pass_time(20)
    sim.run(300)
    assert all(codes(r) == ["slow-sink"] for r in sim.reports[6:])
    assert sim.reports[-1].causes[0].onset == onset
    assert sim.reports[-1].hour.strips[0].cells[-15:] == "h" * 15


def test_after_a_long_pause_of_our_own_process_the_minutes_between_are_not_seen() -> None:
    sim = slow_sink()
    sim.run(300)
    sim.desk = restored(sim)
    sim.pass_time(600)
    sim.run(120)
    assert sim.reports[-1].hour.strips[0].cells[-13:] == "h" + "_" * 9 + "hhh"
    assert codes(sim.reports[-1]) == ["slow-sink"]


def test_a_taskmanager_is_not_gone_before_a_list_has_come() -> None:
    sim = slow_sink()
    sim.run(300)
    sim.desk = restored(sim)
    sim.answers = False
    sim.pass_time(10)
    sim.look()
    assert sim.reports[-1].incidents == []
    assert sim.reports[-1].verdict is Verdict.WARNING


def test_what_was_said_of_a_run_that_is_over_stays_after_a_restart() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map")
    sim.running = 0
    sim.turn("FAILED")
    said = sim.run(120)
    sim.desk = restored(sim)
    sim.pass_time(7200)
    sim.look()
    assert sim.reports[-1] == said
    assert [r.headline for r in sim.desk.job_rows()] == [said.headline]
