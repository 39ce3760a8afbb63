"""Whole stories of rates: what happens to a run, and what is said of it while it happens."""

import pytest

from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Confidence, Verdict
from tests.diagnose.seen import NOON_MS
from tests.diagnose.sim import Sim

NO_ALARM = {Verdict.HEALTHY, Verdict.UNKNOWN, Verdict.ENDED}


def make_slow(sim: Sim, *, rises: float = 200) -> None:
    sim.set("source", busy=0.05, pressured=0.93, per_s=100)
    sim.set("map", busy=0.06, pressured=0.92, per_s=100)
    sim.set("sink", busy=0.99, per_s=100)
    sim.pending_per_s = rises


def make_calm(sim: Sim) -> None:
    for name in sim.names:
        sim.set(name, busy=0.2, pressured=0, per_s=500)
    sim.pending_per_s = 0


def slow_sink() -> Sim:
    sim = Sim()
    make_slow(sim)
    return sim


def codes(report: Report) -> list[str]:
    return [a.code for a in report.causes]


def raised(reports: list[Report]) -> list[str]:
    """What was said that is an alarm."""
    return [r.headline for r in reports if r.verdict not in NO_ALARM or r.causes or r.symptoms]


def benign(reports: list[Report]) -> set[str]:
    return {b.code for r in reports for b in r.benign}


def test_a_run_that_has_just_started_is_unknown_and_not_healthy() -> None:
    report = Sim().run(10)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Not known yet: all tasks have run for less than 30 s"
    assert [b.code for b in report.benign] == ["warm-up"]
    assert {n.says for n in report.graph} == {"not measured"}


def test_a_run_that_is_old_when_it_is_first_seen_does_not_warm_up() -> None:
    sim = Sim()
    sim.pass_time(3600)
    report = sim.run(10)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == (
        "Not known yet: its tasks give no rates (seen for less than 30 s in this attempt)"
    )
    assert report.benign == []


def test_a_slow_sink_is_named_within_a_minute_and_stays_named() -> None:
    sim = slow_sink()
    report = sim.run(60)
    assert codes(report) == ["slow-sink"]
    assert [s.code for s in report.symptoms] == ["operator-saturated", "source-lag-growing"]
    assert all(codes(sim.run(10)) == ["slow-sink"] for _ in range(30))


def test_a_run_that_is_slow_from_its_start_is_never_called_healthy() -> None:
    sim = slow_sink()
    sim.run(120)
    assert Verdict.HEALTHY not in {r.verdict for r in sim.reports}
    assert "Not known yet: whether `sink`, which works at its limit now, does so for long" in [
        r.headline for r in sim.reports
    ]


def test_a_source_whose_operators_never_tell_anything_has_no_lag_to_wait_for() -> None:
    sim = slow_sink()
    sim.asks_operators = False
    assert sim.run(170).verdict is Verdict.UNKNOWN
    assert codes(sim.run(50)) == ["slow-sink"]


def test_an_answer_stands_for_a_minute_while_the_lag_is_not_told() -> None:
    sim = slow_sink()
    assert codes(sim.run(180)) == ["slow-sink"]
    sim.pending = None
    stands = [codes(sim.run(10)) == ["slow-sink"] for _ in range(30)]
    assert stands == sorted(stands, reverse=True) and stands.count(True) >= 10
    assert stands[-1] is False


def test_a_sink_that_becomes_slow_is_named_in_the_minute_after() -> None:
    sim = Sim()
    sim.run(600)
    make_slow(sim)
    sim.run(60)
    first = next(i for i, r in enumerate(sim.reports) if r.causes)
    assert (first + 1) * 10 - 600 <= 50
    assert all(codes(r) == ["slow-sink"] for r in sim.reports[first:])


def test_a_fault_that_begins_after_calm_minutes_has_its_onset_there() -> None:
    sim = Sim()
    sim.run(600)
    make_slow(sim)
    [answer] = sim.run(120).causes
    assert answer.onset is not None
    assert sim.ms(540) <= answer.onset.earliest_ms <= sim.ms(600) <= answer.onset.latest_ms


def test_possible_causes_leave_the_headline_to_the_symptom_and_say_what_would_decide() -> None:
    report = slow_sink().run(120)
    assert report.headline == "`sink` limits the job: both subtasks work without a pause"
    assert report.subline.startswith("Possible: a slow sink or ")
    assert report.verdict is Verdict.WARNING


def test_a_thread_dump_that_decides_makes_the_cause_the_headline() -> None:
    sim = slow_sink()
    sim.run(60)
    assert [c.id for c in sim.of_run.wants_threads] == ["tm-1", "tm-2"]
    frames = (
        "java.net.SocketInputStream.socketRead0(SocketInputStream.java)",
        "com.example.Ledger.write(Ledger.java:5)",
        "org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperator.processElement(S.java)",
        "org.apache.flink.streaming.runtime.tasks.StreamTask.processInput(StreamTask.java)",
    )
    sim.dump("sink", frames, state="RUNNABLE")
    report = sim.run(20)
    assert report.headline == report.causes[0].title
    assert report.subline.startswith("Likely. Began ")
    assert sim.of_run.wants_threads == ()


def test_the_strip_and_the_sentence_say_who_was_first() -> None:
    sim = Sim()
    sim.run(600)
    make_slow(sim)
    report = sim.run(300)
    strips = {s.name: s for s in report.hour.strips}
    assert strips["sink"].culprit and not strips["sink"].first
    assert strips["source"].first
    assert report.hour.sentence == (
        f"`sink` has worked at its limit since {strips['sink'].sentence[-9:]}, "
        "within a minute of the first backpressure (`source`). "
        "Old-generation garbage collection stayed quiet."
    )


def test_a_chain_that_keeps_up_is_healthy_however_busy() -> None:
    sim = Sim(names=("source -> map -> sink",))
    sim.set("source -> map -> sink", busy=0.99)
    report = sim.run(300)
    assert report.verdict is Verdict.HEALTHY
    assert [b.code for b in report.benign] == ["paced-source"]


def test_a_busy_chain_that_tells_no_lag_is_not_known_to_keep_up() -> None:
    sim = Sim(names=("source -> map -> sink",))
    sim.set("source -> map -> sink", busy=0.99)
    sim.pending = None
    report = sim.run(300)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline.endswith("which works without a pause, keeps up: it reports no lag")


def test_what_fails_inside_one_chain_is_not_pinned_on_an_operator_without_evidence() -> None:
    sim = Sim(names=("source -> map -> sink",))
    sim.set("source -> map -> sink", busy=0.99)
    sim.pending_per_s = 200
    report = sim.run(120)
    assert all(a.culprit.operator is None for a in report.causes)
    assert all(a.confidence is not Confidence.LIKELY for a in report.causes)
    assert [s.code for s in report.symptoms] == ["operator-saturated", "source-lag-growing"]


def test_a_source_that_falls_behind_though_it_is_idle_is_unexplained() -> None:
    sim = Sim()
    sim.pending_per_s = 300
    report = sim.run(180)
    assert [s.code for s in report.symptoms] == ["source-lag-growing"]
    assert report.headline == "`source` is 54,000 records behind, 18,000 more each minute"
    assert report.subline.startswith("Unexplained: no vertex works at its limit.")


def test_a_source_that_falls_behind_a_vertex_not_yet_at_its_limit_is_not_clear_yet() -> None:
    sim = Sim()
    sim.set("source", busy=0.3, pressured=0.5)
    sim.set("map", busy=0.3, pressured=0.5)
    sim.set("sink", busy=0.8)
    sim.pending_per_s = 300
    report = sim.run(180)
    assert [s.code for s in report.symptoms] == ["source-lag-growing"]
    assert report.subline == "Not clear yet: others wait for `sink`, which is not at its limit."


def test_an_event_time_lag_that_grows_is_told_in_time() -> None:
    sim = Sim()
    sim.pending, sim.emit_lag_ms = None, 0.0

    def fall_behind() -> None:
        sim.emit_lag_ms = (sim.emit_lag_ms or 0.0) + 5_000

    report = sim.run(180, fall_behind)
    assert report.headline == "`source` falls behind by 500 ms each second"


@pytest.mark.parametrize("lag", [0.0, None])
def test_after_two_bursts_that_drained_the_next_is_no_news(lag: float | None) -> None:
    sim = Sim(checkpoints=None)
    sim.pending = lag
    sim.run(300)
    for _ in range(4):
        sim.set("source", busy=0.3, pressured=0.65, per_s=1000)
        sim.set("sink", busy=0.99, per_s=1000)
        sim.pending_per_s = 300
        sim.run(50)
        make_calm(sim)
        sim.pending_per_s = -1000
        sim.run(250)
    assert raised(sim.reports[:30]) == []
    assert raised(sim.reports[90:]) == []
    assert "burst" in benign(sim.reports[90:])


def test_a_burst_that_does_not_end_is_a_fault() -> None:
    sim = Sim()
    sim.run(300)
    for seconds in (50, 50, 600):
        make_slow(sim)
        sim.run(seconds)
        if seconds < 600:
            make_calm(sim)
            sim.pending_per_s = -1000
            sim.run(250)
    assert codes(sim.reports[-1]) == ["slow-sink"]


def test_a_rhythm_of_checkpoints_does_not_show_in_a_window_of_two() -> None:
    settings = CheckpointSettings(interval_ms=30_000, timeout_ms=600_000, tolerable_failures=0)
    sim = Sim(checkpoints=settings)

    def commit() -> None:
        commits = sim.now_s % 30 == 0
        sim.set("sink", busy=1.0 if commits else 0.2)
        sim.set("source", busy=0.1, pressured=0.9 if commits else 0.0)

    sim.run(900, commit)
    assert raised(sim.reports) == []


def test_twice_counted_times_of_an_old_flink_are_halved() -> None:
    sim = Sim(version="1.18.1")
    sim.double_times = True
    report = sim.run(180)
    assert report.verdict is Verdict.HEALTHY
    assert {n.busy for n in report.graph} == {0.2}
    make_slow(sim)
    assert codes(sim.run(120)) == ["slow-sink"]


def test_garbage_collection_is_said_of_the_runs_that_suffer_from_it_only() -> None:
    sim = Sim(taskmanagers=("tm-1",))
    other = Sim(job="1" * 32, name="other", desk=sim.desk, taskmanagers=("tm-2",))
    sim.beside.append(other)
    sim.taskmanagers = ("tm-1", "tm-2")
    sim.cores["tm-2"], sim.heap["tm-2"], sim.heartbeat_ms["tm-2"] = 0.5, 0.5, 1000
    for task in sim.tasks.values():
        task.on = "tm-1"
    sim.gc["tm-2"] = 0.5
    sim.run(120)
    assert raised(sim.reports) == []
    assert codes(other.reports[-1]) == ["gc-pressure"]
    assert [s.code for s in other.reports[-1].symptoms] == ["gc-old-gen-high"]
    assert other.reports[-1].symptoms[0].explained_by == ("gc-pressure",)


def test_a_heap_that_stays_full_while_it_is_collected_is_told() -> None:
    sim = Sim()
    sim.heap["tm-1"], sim.gc["tm-1"] = 0.9, 0.07
    report = sim.run(120)
    assert [s.text for s in report.symptoms] == [
        "`tm-1` has a heap that stays 90 % full, and collects 7 % of its time"
    ]


def test_the_jobmanager_has_a_name_in_sentences() -> None:
    sim = Sim()
    sim.gc[""] = 0.5
    report = sim.run(120)
    assert report.headline == "The JobManager spends 50 % of its time collecting garbage"
    assert report.hour.sentence == ""


def test_the_times_of_a_report_are_those_of_the_clock() -> None:
    report = Sim().run(60)
    assert report.made_ms == NOON_MS + 60_000
    assert ("started", "2026-09-21 14:00 UTC") in report.facts
