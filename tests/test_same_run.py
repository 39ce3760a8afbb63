"""One run that REST and its processes tell of in turn, late, twice, by clocks that are off."""

from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.deep import EARLY_MS
from drsquirrel.desk import Desk
from drsquirrel.diagnose.known import ALONE_GAP, NEVER_GAP
from drsquirrel.model.event import (
    ChangeEvent,
    Event,
    Message,
)
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.model.state import LOST, UNKNOWN
from drsquirrel.model.verdict import Verdict
from drsquirrel.on_desk import ClusterDesk, Known, RunDesk
from drsquirrel.rules.load import load
from tests.diagnose.seen import CLUSTER, JOB, STEP_S
from tests.diagnose.test_story_alone import Alone

RULES = load()
DAY_S = 86_400
ALARM = {Verdict.FAILING, Verdict.WARNING}


def left_of(run: RunDesk) -> Known:
    """What our process leaves of a run to another."""
    return Known(
        seen=run.seen,
        facts=run.facts,
        memory=run.memory,
        report=run.report,
        last_seen_ms=run.last_seen_ms,
    )


class Kept(Alone):
    """Alone, with what a store keeps of it."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.checkpoints = None
        self.stored: dict[object, Snapshot] = {}

    @property
    def of_cluster(self) -> ClusterDesk:
        return self.desk.clusters[CLUSTER]

    @property
    def runs(self) -> list[RunDesk]:
        return [*self.of_cluster.runs.values()]

    def begin_anew(self) -> None:
        """Our process ends, and another takes up what it has left."""
        for snapshot in self.desk.snapshots(self.clock_ms):
            self.stored[snapshot.subject, snapshot.window_ms] = snapshot
        known = [left_of(run) for run in self.runs]
        self.desk = Desk(RULES)
        self.desk.add_cluster(CLUSTER, STEP_S * 1000, False)
        since_ms = self.clock_ms - 3_600_000
        hour = [s for s in self.stored.values() if s.window_ms > since_ms]
        self.desk.restore(CLUSTER, hour, known, self.clock_ms)

    def hear(self, *messages: Message, late_s: int = 0) -> list[Event]:
        arrivals = [(self.clock_ms - late_s * 1000, message) for message in messages]
        return self.desk.hear(CLUSTER, arrivals, self.clock_ms)

    def change(self, what: str, subject: str = "", at_s: int | None = None, **_: object) -> None:  # type: ignore[override]
        self.events.append(self.changed(what, subject, at_s))

    def changed(self, what: str, subject: str = "", at_s: int | None = None) -> ChangeEvent:
        return ChangeEvent(
            origin=replace(self._origin(), producer="plugin", epoch="events"),
            time_ms=self.ms(self.now_s if at_s is None else at_s),
            what=what,  # type: ignore[arg-type]
            subject=subject,
            job=self.job,
        )


@pytest.mark.parametrize("ahead_s", [0, 30, -30, DAY_S, -DAY_S])
@pytest.mark.parametrize(
    ("later_ms", "runs"), [(-3_600_000, 1), (0, 1), (EARLY_MS - 1, 1), (EARLY_MS, 2), (600_000, 2)]
)
def test_what_rest_lists_is_the_run_that_was_heard_unless_it_began_later(
    ahead_s: int, later_ms: int, runs: int
) -> None:
    sim = Kept(clock_ahead_s=ahead_s)
    sim.run(120)
    [heard] = sim.runs
    first_s = 10
    assert heard.seen.start_ms == sim.ms(first_s if abs(ahead_s) < 60 else first_s - ahead_s)
    heard_s = [text for label, text in heard.report.facts if label == "heard since"]  # type: ignore[union-attr]
    for _ in range(3):
        sim.pass_time()
        listed = replace(sim.seen()[0], start_ms=sim.ms(first_s) + later_ms)
        told = replace(sim._report("", (), of_run=True), start_ms=listed.start_ms)
        sim.desk.take(
            CLUSTER,
            Round(arrival_ms=sim.clock_ms, answered=True, runs=(listed,), events=[told]),
        )
        sim.desk.judge(CLUSTER, sim.clock_ms)
        assert len(sim.runs) == runs
    assert heard.seen.state == ("RUNNING" if runs == 1 else LOST)
    if runs == 1 and abs(ahead_s) != 30:
        facts = dict(heard.report.facts)  # type: ignore[union-attr]
        assert [facts["heard since"]] == heard_s


def test_where_several_were_heard_the_newest_is_the_one_that_rest_lists() -> None:
    sim = Kept()
    sim.run(120)
    sim.change("run-ended")
    sim.run(60)
    first, second = sorted(sim.runs, key=lambda run: run.seen.start_ms)
    sim.begin_anew()
    sim.rest = True
    listed = replace(sim.seen()[0], start_ms=second.seen.start_ms - 1_000)
    sim.desk.take(CLUSTER, Round(arrival_ms=sim.clock_ms, answered=True, runs=(listed,)))
    states = {run.seen.start_ms: run.seen.state for run in sim.runs}
    assert states == {first.seen.start_ms: LOST, second.seen.start_ms: "RUNNING"}


def test_a_start_that_is_known_from_rest_is_no_other_run() -> None:
    sim = Kept()
    sim.rest = True
    sim.run(60)
    sim.rest = False
    sim.run(60)
    sim.change("run-ended")
    sim.run(60)
    assert len(sim.runs) == 2
    sim.rest = True
    sim.run(20)
    states = {run.seen.is_heard: run.seen.state for run in sim.runs}
    assert states == {False: "RUNNING", True: LOST}


@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 12), st.booleans()), min_size=5, max_size=30),
    st.sampled_from([0, DAY_S]),
)
def test_a_healthy_job_is_one_run_and_never_in_alarm_whoever_tells_of_it(
    spans: list[tuple[bool, int, bool]], ahead_s: int
) -> None:
    sim = Kept(clock_ahead_s=ahead_s)
    known = ""
    for rest, looks, begins_anew in spans:
        sim.rest = rest
        if begins_anew:
            sim.begin_anew()
        for _ in range(looks):
            sim.pass_time()
            sim.look()
            if not sim.runs:
                continue
            [run] = sim.runs
            known = known or run.id
            assert run.id == known
            assert sim.reports[-1].verdict not in ALARM, sim.reports[-1].headline
            assert not sim.reports[-1].incidents


def test_rest_that_answers_every_other_minute_for_hours_changes_nothing() -> None:
    sim = Kept()
    for number, rest in zip(range(90), cycle((True, False)), strict=False):
        sim.rest = rest
        sim.run(60)
        if number % 7 == 0:
            sim.begin_anew()
    assert len(sim.runs) == 1
    told = {report.verdict for report in sim.reports[30:]}
    assert told <= {Verdict.HEALTHY, Verdict.UNKNOWN} and Verdict.HEALTHY in told
    assert not sim.desk.dropped


def test_a_broken_job_is_not_called_healthy_when_rest_answers_every_other_minute() -> None:
    sim = Kept()
    sim.rest = True
    sim.run(120)
    sim.running = 0
    for number, rest in zip(range(30), cycle((False, True)), strict=False):
        sim.rest = rest
        sim.run(60)
        if number % 7 == 3:
            sim.begin_anew()
    assert Verdict.HEALTHY not in {report.verdict for report in sim.reports[20:]}
    assert Verdict.FAILING in {report.verdict for report in sim.reports[20:]}


def test_a_run_that_failed_alone_goes_on_being_said_to_have() -> None:
    sim = Kept()
    sim.run(120)
    sim.fail_task("map")
    sim.running = 0
    assert sim.run(120).verdict is Verdict.FAILING
    sim.begin_anew()
    told = {r.verdict for r in (sim.run(10) for _ in range(6))}
    assert told <= {Verdict.FAILING, Verdict.UNKNOWN}


def test_after_a_restart_a_cluster_that_never_answered_still_has_not() -> None:
    sim = Kept()
    assert NEVER_GAP in sim.run(120).data.gaps
    sim.begin_anew()
    report = sim.run(60)
    assert sim.of_cluster.last_answer_ms is None
    assert NEVER_GAP in report.data.gaps and ALONE_GAP not in report.data.gaps
    sim.change("run-ended")
    sim.listed = False
    sim.run(20)
    sim.begin_anew()
    assert sim.run(10).headline.startswith("It ended at ")


def test_after_a_restart_it_is_known_when_rest_answered_last() -> None:
    sim = Kept()
    sim.rest = True
    sim.run(120)
    answered_ms = sim.clock_ms
    sim.rest = False
    sim.run(120)
    sim.begin_anew()
    assert sim.of_cluster.last_answer_ms == answered_ms
    assert ALONE_GAP in sim.run(60).data.gaps


def ends(sim: Kept, at_s: int) -> ChangeEvent:
    return sim.changed("run-ended", at_s=at_s)


def test_an_end_that_comes_twice_or_late_ends_no_run_that_goes_on() -> None:
    sim = Kept()
    sim.run(60)
    end = ends(sim, 60)
    sim.hear(end)
    sim.run(60)
    assert [run.seen.state for run in sim.runs] == [LOST, UNKNOWN]
    for _ in range(3):
        sim.hear(end, late_s=60)
        sim.run(20)
    assert [run.seen.state for run in sim.runs] == [LOST, UNKNOWN]
    sim.begin_anew()
    sim.hear(end, late_s=120)
    sim.run(60)
    assert [run.seen.state for run in sim.runs] == [LOST, UNKNOWN]


def test_an_end_of_before_a_run_was_known_is_not_its_own() -> None:
    sim = Kept()
    sim.run(60)
    sim.hear(ends(sim, -100), late_s=160)
    sim.hear(sim.changed("job-state", "FINISHED", -100), late_s=160)
    sim.run(20)
    assert [run.seen.state for run in sim.runs] == [UNKNOWN]


def test_what_was_told_before_the_end_and_is_read_after_it_is_no_other_run() -> None:
    sim = Kept()
    sim.run(60)
    late = [replace(sim._report("", (), of_run=True), job_name="orders", start_ms=0)]
    sim.hear(sim.changed("job-state", "FINISHED", 59), ends(sim, 60))
    sim.hear(*late)
    sim.listed = False
    sim.run(60)
    [run] = sim.runs
    assert run.seen.state == "FINISHED"
    sim.listed = True
    sim.run(20)
    assert len(sim.runs) == 2, "it begins anew"


@pytest.mark.parametrize("finished_first", [True, False])
def test_how_a_run_ended_is_known_in_whichever_order_it_is_told(finished_first: bool) -> None:
    sim = Kept()
    sim.run(60)
    told = [sim.changed("job-state", "FINISHED", 60), ends(sim, 61)]
    for event in told if finished_first else reversed(told):
        sim.hear(event)
    sim.hear(sim.changed("job-state", "RUNNING", 30))
    sim.listed = False
    assert sim.run(20).headline.startswith("Finished at ")


def test_an_older_state_is_no_news() -> None:
    sim = Kept()
    sim.run(60)
    sim.hear(sim.changed("job-state", "RUNNING", 50))
    sim.hear(sim.changed("job-state", "RESTARTING", 45))
    [run] = sim.runs
    assert run.seen.state == "RUNNING"
    sim.hear(sim.changed("job-state", "x" * 1_000_000, 51))
    assert run.seen.state == UNKNOWN


def test_events_of_runs_that_nobody_tells_of_are_dropped() -> None:
    sim = Kept()
    for _ in range(3):
        sim.hear(sim.changed("job-state", "RUNNING"), sim.changed("run-ended"))
    sim.tells_job = False
    for _ in range(9):
        sim.pass_time()
        sim.look()
    assert not sim.runs
    assert sim.desk.dropped["unknown run"] >= 6


def test_a_jobmanager_that_comes_back_with_the_same_job_goes_on_with_the_run() -> None:
    sim = Kept()
    sim.run(120)
    sim.tells_job = False
    sim.run(60)
    sim.tells_job = True
    sim.run(60)
    assert len(sim.runs) == 1


def test_two_jobmanagers_that_tell_of_one_job_tell_of_one_run() -> None:
    sim = Kept()
    sim.run(60)
    for _ in range(30):
        sim.run(10)
        standby = replace(
            sim._report("", (), of_run=True), time_ms=sim.clock_ms - 3_600_000, start_ms=0
        )
        origin = replace(standby.origin, epoch="standby", producer="plugin")
        sim.hear(replace(standby, origin=origin))
    assert len(sim.runs) == 1
    assert sim.reports[-1].verdict is Verdict.UNKNOWN


def test_one_flink_id_in_two_clusters_is_two_runs() -> None:
    sim = Kept()
    sim.desk.add_cluster("other", STEP_S * 1000, False, asks_rest=False)
    sim.run(60)
    report = replace(sim._report("", (), of_run=True), start_ms=0, job_name="orders")
    origin = replace(report.origin, cluster="other", producer="plugin")
    sim.desk.hear("other", [(sim.clock_ms, replace(report, origin=origin))], sim.clock_ms)
    end = sim.changed("run-ended")
    sim.desk.hear(
        "other", [(sim.clock_ms, replace(end, origin=origin, time_ms=sim.clock_ms))], sim.clock_ms
    )
    assert [run.seen.state for run in sim.runs] == [UNKNOWN]
    [other] = sim.desk.clusters["other"].runs.values()
    assert (other.seen.job, other.seen.state, other.seen.cluster) == (JOB, LOST, "other")


def test_a_job_whose_name_changes_is_one_run() -> None:
    sim = Kept()
    sim.run(60)
    sim.name = "payments"
    sim.run(60)
    sim.rest = True
    sim.run(60)
    assert len(sim.runs) == 1
