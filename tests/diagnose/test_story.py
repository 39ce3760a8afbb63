"""Whole stories: what happens to a run, and what is said of it while it happens."""

from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Confidence, Verdict
from tests.diagnose.sim import Sim


def slow_sink() -> Sim:
    sim = Sim()
    sim.set("source", busy=0.05, pressured=0.93)
    sim.set("map", busy=0.06, pressured=0.92)
    sim.set("sink", busy=0.99, per_s=100)
    sim.pending_per_s = 200
    return sim


def codes(report: Report) -> list[str]:
    return [a.code for a in report.causes]


def test_a_healthy_run_is_called_healthy_and_nothing_is_to_be_done() -> None:
    report = Sim().run(300)
    assert report.verdict is Verdict.HEALTHY
    assert report.headline == "Healthy: all 6 tasks run, and nothing limits them"
    assert codes(report) == []


def test_a_run_that_has_just_started_is_unknown_and_not_healthy() -> None:
    assert Sim().run(10).verdict is Verdict.UNKNOWN


def test_a_slow_sink_is_named_within_a_minute_and_stays_named() -> None:
    sim = slow_sink()
    assert codes(sim.run(60)) == ["slow-sink"]
    assert all(codes(sim.run(10)) == ["slow-sink"] for _ in range(30))


def test_a_fault_that_begins_after_calm_minutes_has_its_onset_there() -> None:
    sim = Sim()
    sim.run(600)
    sick = slow_sink()
    sim.tasks, sim.pending_per_s = sick.tasks, 200
    [answer] = sim.run(120).causes
    assert answer.onset is not None
    assert sim.ms(540) <= answer.onset.earliest_ms <= sim.ms(600) <= answer.onset.latest_ms


def test_a_chain_that_keeps_up_is_healthy_however_busy() -> None:
    sim = Sim(names=("source -> map -> sink",))
    sim.set("source -> map -> sink", busy=0.99)
    report = sim.run(300)
    assert report.verdict is Verdict.HEALTHY
    assert [b.code for b in report.benign] == ["paced-source"]


def test_what_fails_inside_one_chain_is_not_pinned_on_an_operator_without_evidence() -> None:
    sim = Sim(names=("source -> map -> sink",))
    sim.set("source -> map -> sink", busy=0.99)
    sim.pending_per_s = 200
    report = sim.run(120)
    assert all(a.culprit.operator is None for a in report.causes)
    assert all(a.confidence is not Confidence.LIKELY for a in report.causes)
    assert [s.code for s in report.symptoms] == ["operator-saturated", "source-lag-growing"]
