"""Whole stories of runs that are well: what is said of them, and that nothing is raised."""

import pytest

from drsquirrel.model.verdict import Verdict
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import benign, codes, make_calm, make_slow, raised


def test_a_healthy_run_is_called_healthy_and_nothing_is_to_be_done() -> None:
    sim = Sim()
    report = sim.run(300)
    assert report.verdict is Verdict.HEALTHY
    assert report.headline == "Healthy: all 6 tasks run, and nothing limits them"
    assert report.subline == "Seen for 6 of 60 min."
    assert codes(report) == []
    assert raised(sim.reports) == []


@pytest.mark.parametrize(
    ("names", "parallelism", "said"),
    [(("all",), 1, "its only task runs, and nothing limits it"), (("all",), 2, "both tasks run")],
)
def test_a_healthy_run_of_one_or_two_tasks_is_told_in_good_words(
    names: tuple[str, ...], parallelism: int, said: str
) -> None:
    assert said in Sim(names=names, parallelism=parallelism).run(60).headline


def test_a_paced_or_sleeping_source_raises_nothing() -> None:
    sim = Sim()
    sim.set("source", busy=0.99)
    sim.run(600)
    assert raised(sim.reports) == []
    assert benign(sim.reports[6:]) == {"paced-source"}


def test_a_nearly_idle_run_raises_nothing() -> None:
    sim = Sim()
    for name in sim.names:
        sim.set(name, busy=0.01, per_s=0.1)
    sim.run(900)
    assert raised(sim.reports) == []


def test_backpressure_that_holds_nobody_up_is_harmless() -> None:
    sim = Sim()
    sim.pending = None
    sim.set("source", busy=0.3, pressured=0.4)
    sim.set("map", busy=0.3, pressured=0.4)
    sim.set("sink", busy=0.8)
    sim.run(600)
    assert raised(sim.reports) == []
    report = sim.reports[-1]
    assert report.headline == "Healthy: all 6 tasks run, and none works at its limit for long"
    assert report.subline == "Seen for 11 of 60 min. Not known: the lag of `source`."


def test_catching_up_from_the_start_raises_nothing() -> None:
    sim = Sim()
    make_slow(sim, rises=-1000)
    sim.pending = 160_000
    sim.run(150)
    make_calm(sim)
    sim.run(120)
    assert raised(sim.reports) == []
    assert "Healthy: all 6 tasks run, and it is catching up" in [r.headline for r in sim.reports]
    assert "catching-up" in benign(sim.reports)


def test_catching_up_raises_nothing_before_the_lag_was_asked_for() -> None:
    sim = Sim()
    make_slow(sim, rises=-1000)
    sim.pending, sim.asks_operators = 200_000, False
    assert sim.run(120).verdict is Verdict.UNKNOWN
    sim.asks_operators = True
    sim.run(60)
    assert raised(sim.reports) == []
    assert "catching-up" in benign(sim.reports)


def test_catching_up_after_a_restart_adds_no_alarm_to_it() -> None:
    sim = Sim()
    sim.run(300)
    sim.restart(down_s=20)
    make_slow(sim, rises=-50)
    sim.pending = 8_000
    sim.run(120)
    make_calm(sim)
    sim.run(60)
    assert {c for r in sim.reports for c in codes(r)} == {"user-code-exception"}
    assert {s.code for r in sim.reports for s in r.symptoms} == {
        "job-not-running",
        "restart-rate-high",
    }
    assert "catching-up" in benign(sim.reports)


def test_short_bursts_that_drain_raise_nothing() -> None:
    sim = Sim()

    def burst() -> None:
        sim.pending = 600.0 if sim.now_s % 30 == 0 else 0.0

    sim.run(1200, burst)
    assert raised(sim.reports) == []


def test_a_batch_job_is_not_judged_by_what_waits_or_limits() -> None:
    sim = Sim(job_type="BATCH", checkpoints=None)
    sim.set("source", status="FINISHED")
    sim.set("map", busy=0.1, pressured=0.4)
    sim.set("sink", busy=0.99)
    sim.running, sim.scheduled, sim.slots_free = 4, 2, 0
    report = sim.run(900)
    assert raised(sim.reports) == []
    assert report.headline == "Healthy: the batch job is at work"
    assert {n.name: n.says for n in report.graph}["source"] == "finished"
    assert ("checkpoints", "off") in report.facts
    assert sim.reports[0].benign == []


def test_a_bounded_stream_goes_on_when_a_part_has_finished() -> None:
    sim = Sim()
    sim.run(120)
    sim.set("source", status="FINISHED")
    report = sim.run(120)
    assert report.verdict is Verdict.HEALTHY
    assert report.headline == (
        "Healthy: 4 of 6 tasks run, the others have finished, and nothing limits them"
    )
    sim.running = 0
    sim.turn("FINISHED")
    report = sim.run(30)
    assert (report.verdict, report.headline) == (Verdict.ENDED, "Finished at 14:04 UTC")
    assert report.subline == "It ran for 4 min."
    assert report.checks and raised(sim.reports) == []
