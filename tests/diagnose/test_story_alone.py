"""Stories of runs while Flink's REST says nothing: what their processes tell is what is known."""

import pytest
from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.diagnose.health import NO_PLAN
from drsquirrel.diagnose.known import ALONE_GAP, DUMPS_GAP, NEVER_GAP
from drsquirrel.diagnose.standing import FORGOTTEN
from drsquirrel.model.event import (
    ChangeEvent,
    Event,
    FailureEvent,
    Message,
    MetricReport,
    Values,
)
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Outcome, Verdict
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import USER, Sim
from tests.diagnose.test_story import make_slow
from tests.test_deep import flinks

NOON_MS = 1_760_000_040_000
STEP_MS = 10_000


class Alone(Sim):
    """Its processes have the plugin. REST answers while `rest` is set."""

    rest = False
    tells_job = True
    """Whether its JobManager's process sends."""
    tells_run = True
    """Whether it tells of the run."""
    later: str | None = None
    """What this process sends is read after that of the others, and a look between."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.unheard: set[str] = set()
        """Processes from which nothing comes."""

    def look(self) -> None:
        mine = [self._report(tm, self._container(tm), of_run=False) for tm in self._alive()]
        sent = [self._sent(event) for event in [*self._own(), *mine]]
        arrivals = [(self.clock_ms, message) for message in sent if self._is_sent(message)]
        if self.later is not None:
            first = [a for a in arrivals if a[1].origin.container != self.later]
            self.desk.hear(CLUSTER, first, self.clock_ms)
            self.desk.judge(CLUSTER, self.clock_ms)
            arrivals = [a for a in arrivals if a not in first]
        self.desk.hear(CLUSTER, arrivals, self.clock_ms)
        self.tells_facts = self.rest
        if self.rest:
            super().look()
            return
        self.events.clear()
        silent = Round(arrival_ms=self.clock_ms, answered=False, says="Nothing answers at a:1.")
        self.desk.take(CLUSTER, silent)
        if self.desk.clusters[CLUSTER].runs:
            self.judge()

    def _alive(self) -> list[str]:
        return [*(tm for tm in self.taskmanagers if tm not in self.gone), ""]

    def _own(self) -> list[Event]:
        kept = [*self.events]
        told = self.told()
        self.events = kept
        return told

    def _sent(self, event: Event) -> Message:
        origin = replace(event.origin, producer="plugin", epoch=f"p-{event.origin.container}")
        event = replace(event, origin=origin, start_ms=0)
        if isinstance(event, FailureEvent):
            return replace(event, task="", vertex="", subtask=-1, attempt=-1, on_container="")
        if isinstance(event, MetricReport):
            job_name = self.name if event.job else ""
            told = tuple(flinks(table) for table in event.tables)
            return replace(event, job_name=job_name, tables=told)
        return event

    def _is_sent(self, message: Message) -> bool:
        of_run = isinstance(message, MetricReport) and message.job
        tells = self.tells_job and (self.tells_run or not of_run)
        container = message.origin.container
        return (tells or bool(container)) and container not in self.unheard


def outcomes(report: Report) -> dict[str, Outcome]:
    return {check.code: check.outcome for check in report.checks}


def test_a_job_that_rest_never_told_of_is_there_by_its_name_and_is_not_called_healthy() -> None:
    sim = Alone()
    report = sim.run(300)
    assert report.job.name == "orders"
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Its tasks run; whether they keep up is not known"
    assert report.subline.startswith("That takes its plan, which only Flink's REST tells. Fail")
    assert NEVER_GAP in report.data.gaps
    assert DUMPS_GAP not in report.data.gaps
    assert (report.data.age_ms or 0) <= STEP_MS
    [since] = [text for label, text in report.facts if label == "heard since"]
    assert since.endswith("UTC")
    [check] = [c for c in report.checks if c.code == "backpressure-high"]
    assert (check.outcome, check.says) == (Outcome.NO_DATA, f"Needs {NO_PLAN}.")
    told = outcomes(sim.run(480))
    assert told["gc-old-gen-high"] is Outcome.PASS
    assert told["restart-rate-high"] is Outcome.PASS


def test_what_needs_no_plan_is_found_by_what_processes_send_alone() -> None:
    sim = Alone()
    sim.run(120)
    sim.gc["tm-1"] = 0.7
    sim.heap["tm-1"] = 0.97
    report = sim.run(60)
    assert report.headline.startswith("TaskManager `tm-1` spends 70 % of its time collecting")
    assert outcomes(sim.run(600))["gc-old-gen-high"] is Outcome.FAIL


def test_where_rest_falls_silent_the_plan_it_told_serves_on() -> None:
    sim = Alone()
    sim.rest = True
    sim.run(120)
    sim.rest = False
    sim.run(60)
    make_slow(sim)
    report = sim.run(300)
    assert [cause.code for cause in report.causes][:1] == ["slow-sink"]
    assert ALONE_GAP in report.data.gaps
    assert report.run.start_ms == sim.start_ms


def test_where_both_are_silent_nothing_is_known() -> None:
    sim = Alone()
    sim.desk.listens = True
    sim.run(120)
    sim.tells_job = False
    report = sim.run(60)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "No data: nothing has come from its JobManager for 60 s"
    assert report.subline == "Last heard at 14:02 UTC."
    assert report.data.sources[-1].says.startswith(
        "2 of 3 processes of this run send their metrics and logs. "
        "Nothing comes from the JobManager. Does it run, and with the plugin?"
    )
    sim.turn("RUNNING")
    sim.tells_job = True
    sim.run(10)
    sim.tells_job = False
    assert sim.run(60).subline == "Last heard at 14:03 UTC, the job was RUNNING then."


def test_a_run_of_which_its_jobmanager_tells_no_longer_is_not_waited_for() -> None:
    sim = Alone()
    sim.desk.listens = True
    sim.run(120)
    sim.tells_run = False
    report = sim.run(60)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Its JobManager has not told of this run since 14:02 UTC"
    assert report.subline == FORGOTTEN
    assert sim.run(660).headline == "Its JobManager tells of this run no longer"
    sim.tells_job = False
    assert sim.run(60).headline == "No data: nothing comes from its JobManager any more"


def test_a_restart_is_seen_to_begin_and_to_end() -> None:
    sim = Alone()
    sim.run(120)
    sim.fail_task("map")
    sim.running = 0
    assert not [b for b in sim.run(10).benign if b.code == "rescale"]
    during = sim.run(50)
    assert during.verdict is Verdict.FAILING
    assert during.symptoms[0].code == "job-not-running"
    sim.running = None
    for task in sim.tasks.values():
        task.attempt += 1
    after = sim.run(120)
    assert not [s for s in after.symptoms if s.code == "job-not-running"]
    [incident] = after.incidents
    assert incident.cause == "user-code-exception"
    assert incident.ended_ms is not None


def test_when_rest_answers_it_is_the_same_run_with_its_hour() -> None:
    sim = Alone()
    before = sim.run(180)
    sim.rest = True
    report = sim.run(120)
    assert len(sim.desk.clusters[CLUSTER].runs) == 1
    assert report.run.id == before.run.id
    assert report.verdict is Verdict.HEALTHY
    assert report.data.observed_minutes >= before.data.observed_minutes + 2
    assert "heard since" in dict(report.facts)
    assert not {NEVER_GAP, ALONE_GAP} & {*report.data.gaps}


def test_what_rest_lists_as_started_later_is_another_run() -> None:
    sim = Alone()
    sim.run(120)
    desk = sim.desk.clusters[CLUSTER]
    [heard] = desk.runs.values()
    later = replace(sim.seen()[0], start_ms=heard.seen.start_ms + 60_000)
    sim.desk.take(CLUSTER, Round(arrival_ms=sim.clock_ms, answered=True, runs=(later,)))
    assert len(desk.runs) == 2


@pytest.mark.parametrize(
    ("state", "headline"),
    [("FINISHED", "Finished at "), ("", "It ended at ")],
)
def test_a_run_that_ends_is_said_to_have_ended(state: str, headline: str) -> None:
    sim = Alone()
    sim.run(120)
    if state:
        sim.turn(state)
    sim.events.append(ended(sim))
    sim.listed = False
    report = sim.run(30)
    assert report.headline.startswith(headline)
    assert ("how is not known" in report.headline) is not bool(state)


def ended(sim: Sim) -> ChangeEvent:
    at_ms = sim.ms(sim.now_s + 1)
    return ChangeEvent(origin=sim._origin(), time_ms=at_ms, what="run-ended", job=sim.job)


def test_a_job_that_begins_anew_after_its_end_is_another_run() -> None:
    sim = Alone()
    sim.run(120)
    sim.events.append(ended(sim))
    sim.run(10)
    sim.run(60)
    starts = sorted(run.seen.start_ms for run in sim.desk.clusters[CLUSTER].runs.values())
    assert len(starts) == 2
    assert starts[1] > sim.ms(120)


class Partly(Alone):
    """Of some of its tasks nothing is told, as of those that have stopped."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.checkpoints = None
        self.untold: set[tuple[int, int]] = set()

    def _scopes(self) -> dict[str, list[Values]]:
        vertices = {f"{v:032x}": v for v in range(len(self.names))}
        return {
            tm: [v for v in told if (vertices[v.place.vertex], v.place.subtask) not in self.untold]
            for tm, told in super()._scopes().items()
        }

    def stop_telling(self, *names: str, subtasks: tuple[int, ...] = (0, 1)) -> None:
        self.untold |= {(self.names.index(name), s) for name in names for s in subtasks}


def listed_before(sim: Partly) -> Partly:
    """REST told of it, and has been silent for a minute."""
    sim.rest = True
    sim.run(120)
    sim.rest = False
    assert sim.run(60).verdict is Verdict.HEALTHY
    return sim


def verdicts(sim: Alone, seconds: int) -> list[Verdict]:
    return [sim.run(STEP_MS // 1000).verdict for _ in range(seconds // 10)]


def test_a_source_that_finishes_is_no_failure_and_what_is_left_is_not_called_healthy() -> None:
    sim = listed_before(Partly())
    sim.stop_telling("source")
    told = verdicts(sim, 600)
    assert set(told) <= {Verdict.HEALTHY, Verdict.UNKNOWN}
    assert set(told[20:]) == {Verdict.UNKNOWN}
    assert not sim.reports[-1].incidents


@pytest.mark.parametrize("later_attempt", [True, False])
def test_a_rescale_is_no_failure_and_its_plan_is_not_judged_by(later_attempt: bool) -> None:
    sim = listed_before(Partly())
    sim.stop_telling(*sim.names, subtasks=(1,))
    for task in sim.tasks.values():
        task.attempt += later_attempt
    told = verdicts(sim, 600)
    assert set(told) <= {Verdict.HEALTHY, Verdict.UNKNOWN}
    assert set(told[20:]) == {Verdict.UNKNOWN}
    sim.untold.clear()
    assert verdicts(sim, 120)[-1] is Verdict.HEALTHY


def test_tasks_that_fail_beside_others_that_run_are_said_not_to_run() -> None:
    sim = listed_before(Partly())
    sim.stop_telling(*sim.names, subtasks=(0,))
    sim.fail_task("map")
    told = verdicts(sim, 300)
    assert set(told[10:]) == {Verdict.FAILING}
    assert Verdict.HEALTHY not in told[3:]
    assert sim.reports[-1].symptoms[0].code == "job-not-running"


def test_a_process_without_the_plugin_makes_no_alarm() -> None:
    sim = Partly()
    sim.rest = True
    sim.run(120)
    sim.rest = False
    sim.unheard.add("tm-2")
    told = verdicts(sim, 600)
    assert set(told) <= {Verdict.HEALTHY, Verdict.UNKNOWN}
    assert set(told[30:]) == {Verdict.UNKNOWN}


def test_a_taskmanager_that_dies_without_a_goodbye_is_replaced_by_another() -> None:
    sim = listed_before(Partly())
    sim.fail_task("map")
    sim.running = 0
    sim.unheard.add("tm-2")
    verdicts(sim, 30)
    sim.running = None
    sim.gone.add("tm-2")
    for task in sim.tasks.values():
        task.attempt += 1
    told = verdicts(sim, 300)
    assert Verdict.FAILING not in told[6:]
    assert not [s for s in sim.reports[-1].symptoms if s.code == "job-not-running"]
    assert sim.reports[-1].incidents[0].ended_ms is not None


def test_a_job_that_cannot_go_on_without_a_taskmanager_is_said_to_stand_still() -> None:
    sim = listed_before(Partly())
    sim.fail_task("map")
    sim.running = 0
    sim.unheard.add("tm-2")
    told = verdicts(sim, 300)
    assert set(told[10:]) == {Verdict.FAILING}
    assert Verdict.HEALTHY not in told[4:]


@pytest.mark.parametrize("later", ["", "tm-1", "tm-2"])
def test_where_processes_tell_one_after_another_nothing_seems_to_stand_still(later: str) -> None:
    sim = Partly()
    sim.rest = True
    sim.run(120)
    sim.rest = False
    sim.later = later
    told = verdicts(sim, 300)
    assert set(told) <= {Verdict.HEALTHY, Verdict.UNKNOWN}
    assert not sim.reports[-1].incidents and not sim.reports[-1].benign


def test_a_failure_that_was_told_while_rest_was_silent_is_named_by_what_rest_tells() -> None:
    sim, missed = Alone(), []
    throwable = USER.replace("no address", "record 77")

    def fail_once() -> Report:
        sim.fail_task("map", throwable=throwable)
        sim.turn("RESTARTING")
        missed.extend(sim.events[-2:])
        sim.now_s += 1
        sim.start()
        missed.append(sim.events[-1])
        sim.now_s -= 1
        return sim.run(STEP_MS // 1000)

    sim.rest = True
    sim.run(120)
    for _ in range(5):
        fail_once()
    missed.clear()
    sim.rest = False
    reports = [fail_once() for _ in range(12)]
    sim.rest = True
    sim.unheard.add("")
    sim.events += missed
    reports.append(fail_once())
    assert {cause.code for r in reports for cause in r.causes[:1]} == {"poison-record"}
    assert all("`map`" in r.headline for r in reports)
    [cause] = reports[-1].causes
    assert [e.value for e in cause.evidence if e.group == "repeats"] == ["18 times in a row"]
    assert reports[-1].incidents[-1].failures == 18


def test_where_nobody_tells_the_task_of_a_failure_none_is_named() -> None:
    sim = Alone()
    sim.run(120)
    for _ in range(3):
        sim.restart("map")
        report = sim.run(20)
    assert report.causes[0].title.startswith("One record makes a task fail with ")
