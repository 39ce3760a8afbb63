"""How a run ended, where its processes tell it and REST no more, or later."""

import pytest

from drsquirrel.model.state import UNKNOWN
from drsquirrel.model.verdict import Verdict
from tests.test_same_run import Kept


def leave(sim: Kept) -> None:
    """The cluster is there no more."""
    sim.rest = sim.tells_job = False
    sim.unheard |= {*sim.taskmanagers}


@pytest.mark.parametrize("state", ["FINISHED", "FAILED", "CANCELED"])
@pytest.mark.parametrize("begins_anew", [True, False])
def test_how_a_run_ended_is_known_though_its_cluster_ends_with_it(
    state: str, begins_anew: bool
) -> None:
    sim = Kept()
    sim.rest = True
    sim.run(120)
    told = (sim.changed("job-state", state), sim.changed("run-ended"))
    leave(sim)
    if begins_anew:  # what was told meanwhile is read then
        sim.pass_time(600)
        sim.begin_anew()
        sim.hear(*told, late_s=600)
    else:
        sim.hear(*told)
    for seconds in (10, 600):
        report = sim.run(seconds)
        assert (report.run.state, report.run.end_ms) == (state, told[0].time_ms)
        assert (report.verdict is Verdict.FAILING) == (state == "FAILED")


def test_a_run_that_begins_while_it_is_not_yet_clear_that_rest_is_silent_is_another() -> None:
    sim = Kept()
    sim.rest = True
    sim.run(120)
    sim.rest = False
    sim.hear(sim.changed("job-state", "FAILED"), sim.changed("run-ended"))
    sim.run(120)
    assert [run.seen.state for run in sim.runs] == ["FAILED", UNKNOWN]


def test_what_rest_has_told_since_is_not_undone_by_what_comes_late() -> None:
    sim = Kept()
    sim.rest = True
    sim.run(60)
    late = sim.changed("job-state", "RESTARTING")
    sim.run(60)
    sim.hear(late, late_s=60)
    assert [run.seen.state for run in sim.runs] == ["RUNNING"]
