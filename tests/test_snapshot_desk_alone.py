"""While REST is silent a desk behind the watcher says what one says that hears processes itself, of
a moment that is some minutes ago."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace

from drsquirrel.desk import Desk
from drsquirrel.diagnose.known import ALONE_GAP, LATE_GAP, LIMITS_GAP, NEVER_GAP, PLUGIN
from drsquirrel.diagnose.standing import clock
from drsquirrel.model.event import MetricReport, Values, tables
from drsquirrel.model.report import Report
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS
from drsquirrel.model.verdict import Verdict
from drsquirrel.on_desk import RunDesk
from drsquirrel.rules.load import load
from drsquirrel.snapshot_desk import OLDEST_MS, SILENT, UNTOLD, UNTOLD_MINUTES, SnapshotDesk
from tests.diagnose.seen import CLUSTER, NOON_MS, STEP_S
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import make_calm
from tests.test_deep import Deep
from tests.test_snapshot_desk import Behind, collecting, skewed, slow, summary

EARLIEST_S = UNTOLD_MINUTES * 60
"""A moment is judged so long after it, or later."""


class Alone(Deep):
    """Its processes go on sending while REST is silent."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.desk.listens = True
        self.silent: set[str] = set()
        """Processes that send nothing."""

    def told_by_all(self) -> list[object]:
        answers, self.answers = self.answers, True
        told = super().told_by_all()
        self.answers = answers
        if self.running == 0:
            told = [e for e in told if not (isinstance(e, MetricReport) and e.job and _of(e))]
        return told

    def send(self, messages: list[MetricReport]) -> None:
        told = [replace(m, job_name=self.name) if m.job else m for m in messages]
        restarts = tables([Values({"numRestarts": 0})])
        told = [m if _of(m) or not m.job else replace(m, tables=restarts) for m in told]
        super().send([m for m in told if _of(m) not in self.silent])


class AloneBehind(Alone, Behind):
    """The same behind the watcher."""


def _of(event: MetricReport) -> str:
    return event.origin.container


def calm(sim: Sim) -> None:
    make_calm(sim)


def no_jobmanager(sim: Sim) -> None:
    assert isinstance(sim, Alone)
    sim.silent = {""}


def no_taskmanager(sim: Sim) -> None:
    assert isinstance(sim, Alone)
    sim.silent = {"tm-2"}


def stopped(sim: Sim) -> None:
    sim.running = 0


def restarting(sim: Sim) -> None:
    for _ in range(3):
        sim.restart(down_s=120)
        sim.run(60)


@pytest.mark.parametrize(
    "happens",
    [calm, slow, skewed, collecting, stopped, restarting, no_jobmanager, no_taskmanager],
)
def test_the_diagnosis_is_that_of_one_process(happens: Callable[[Sim], None]) -> None:
    itself, behind = Alone(checkpoints=None), AloneBehind(checkpoints=None)
    for sim in (itself, behind):
        sim.run(600)
        sim.answers = False
        happens(sim)
        sim.run(1_800)
    assert summary(behind.reports[-1]) == summary(itself.reports[-1])


def report_after(sim: Sim, seconds: int) -> Report:
    """What is said so long after REST fell silent."""
    sim.run(600)
    sim.answers = False
    return sim.run(seconds)


def test_what_is_judged_is_as_of_a_moment_after_the_last_answer_and_says_so() -> None:
    sim = AloneBehind(checkpoints=None)
    said = report_after(sim, EARLIEST_S)
    assert (said.verdict, said.headline) == (
        Verdict.UNKNOWN,
        "No data: the cluster has not answered for 8 min",
    )
    assert said.subline == f"Last answer at 14:10 UTC, the job was RUNNING then. {UNTOLD}"
    said = sim.run(WINDOW_MS // 1_000 + 60)
    at_ms = sim.desk.judged_ms(sim.desk.clusters[CLUSTER], sim.clock_ms)
    ago_ms = sim.clock_ms - at_ms
    assert EARLIEST_S * 1_000 < ago_ms <= EARLIEST_S * 1_000 + WINDOW_MS
    assert said.verdict is Verdict.HEALTHY and said.made_ms == sim.clock_ms
    assert said.subline.startswith(f"As of {clock(at_ms)}. Seen for ")
    assert said.data.gaps[:2] == (LATE_GAP.format(clock(at_ms)), ALONE_GAP)
    assert said.data.age_ms is not None and ago_ms <= said.data.age_ms < ago_ms + MINUTE_MS
    assert said.hour.from_ms + 60 * MINUTE_MS == at_ms + 1
    ages = {source.name: (source.state, source.age_ms) for source in said.data.sources}
    assert ages["Flink REST"] == ("stale", EARLIEST_S * 1_000 + WINDOW_MS + MINUTE_MS)
    assert ages[PLUGIN][0] == "fresh"


def test_once_rest_answers_again_it_is_now_that_is_judged() -> None:
    sim = AloneBehind(checkpoints=None)
    assert report_after(sim, 1_200).data.age_ms
    sim.answers = True
    said = sim.run(10)
    assert (said.data.age_ms, said.data.gaps[:1]) == (0, (LIMITS_GAP,))
    assert not said.subline.startswith("As of")
    sim.run(60)
    sim.answers = False
    assert sim.run(120).verdict is Verdict.UNKNOWN


def test_where_the_watcher_falls_silent_too_nothing_is_known() -> None:
    sim = AloneBehind(checkpoints=None)
    assert report_after(sim, 1_200).verdict is Verdict.HEALTHY
    sim.tell = lambda _: None  # type: ignore[method-assign]
    said = sim.run(OLDEST_MS // 1_000)
    assert said.headline == "No data: nothing has been told of it for 29 min"
    newest_ms = max(sim.desk._sent_ms[CLUSTER].values())
    assert said.subline.endswith(SILENT.format(at=clock(newest_ms)))
    assert {s.name: s.state for s in said.data.sources}[PLUGIN] == "stale"


def only_heard(sim: Alone, seconds: int = 1_200) -> RunDesk:
    """The run of a cluster that has no REST, after so long."""
    sim.answers = False
    look_only(sim, seconds)
    sim.desk.judge(CLUSTER, sim.clock_ms)
    [run] = sim.desk.clusters[CLUSTER].runs.values()
    return run


def look_only(sim: Sim, seconds: int) -> None:
    """Without judging: there may be no run."""
    sim.judge = lambda: None  # type: ignore[method-assign]
    for _ in range(seconds // STEP_S):
        sim.pass_time()
        sim.look()


def without_rest(desk: Desk) -> Desk:
    desk.add_cluster(CLUSTER, 2_000, dumps_allowed=False, asks_rest=False)
    return desk


def test_a_run_that_only_its_processes_tell_of_is_found_and_judged() -> None:
    itself = only_heard(Alone(desk=without_rest(Desk(load()))))
    behind = only_heard(AloneBehind(desk=without_rest(SnapshotDesk(load()))))
    for run in (itself, behind):
        assert (run.job.name, run.seen.is_heard, run.seen.start_ms) == (
            "orders",
            True,
            NOON_MS + 10_000,
        )
        assert run.report is not None and run.report.run.flink_version == "2.3.0"
    assert itself.report and behind.report
    assert summary(behind.report) == summary(itself.report)
    assert NEVER_GAP in behind.report.data.gaps


def test_a_run_that_nobody_else_has_told_of_is_not_called_gone_before_it_is_judged() -> None:
    sim = AloneBehind(desk=without_rest(SnapshotDesk(load())))
    only_heard(sim, 400)
    [run] = sim.desk.clusters[CLUSTER].runs.values()
    assert run.report is not None
    assert (run.report.headline, run.report.subline) == (
        "Not known yet: what its processes send is not all told",
        UNTOLD,
    )


def test_where_rest_answers_a_run_is_there_only_if_it_lists_it() -> None:
    sim = AloneBehind()
    sim.listed = False
    look_only(sim, 900)
    assert sim.desk.clusters[CLUSTER].runs == {}
