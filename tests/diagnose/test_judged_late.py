"""What is judged of a moment a while ago, because not all is told of later ones."""

from dataclasses import replace

from drsquirrel.desk import Desk
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.known import LATE_GAP
from drsquirrel.diagnose.standing import clock, silence
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.on_desk import ClusterDesk
from drsquirrel.rules.load import load
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim

LATE_MS = 8 * MINUTE_MS


class Late(Desk):
    """Judges so late."""

    def judged_ms(self, desk: ClusterDesk, now_ms: int) -> int:
        return now_ms - LATE_MS


def test_a_moment_a_while_ago_is_judged_by_what_was_told_of_it_and_says_so() -> None:
    then, sim = Sim(), Sim(desk=Late(load()))
    then.run(650)
    sim.run(660)
    sim.stop()
    sim.run(LATE_MS // 1_000 - 10)
    told, before = sim.reports[-1], then.reports[-1]
    at_ms = sim.clock_ms - LATE_MS
    assert told.made_ms == sim.clock_ms and before.made_ms == at_ms
    assert (told.verdict, told.headline) == (before.verdict, before.headline)
    assert told.subline == f"As of {clock(at_ms)}. {before.subline}"
    assert told.hour == before.hour
    assert told.data.gaps[0] == LATE_GAP.format(clock(at_ms))


def test_what_is_told_too_late_to_be_judged_yet_is_not_called_missing() -> None:
    sim = Sim()
    sim.run(60)
    inquiry = of(sim)
    expected = replace(inquiry.expected, last_answer_ms=None, untold="It is told later.")
    untold = replace(inquiry, expected=expected)
    assert silence(untold, sim.clock_ms).startswith("Not known yet: what its processes send")
    heard = replace(expected, heard_ms=sim.clock_ms - LATE_MS)
    told = silence(replace(inquiry, expected=heard), sim.clock_ms)
    assert told == "No data: nothing has been told of it for 8 min"
    missing = replace(inquiry, expected=replace(expected, untold=""))
    assert silence(missing, sim.clock_ms).startswith("No data yet")


def of(sim: Sim) -> Inquiry:
    desk = sim.desk.clusters[CLUSTER]
    return sim.desk._inquiry(desk, sim.of_run, {}, {}, sim.clock_ms, sim.clock_ms)
