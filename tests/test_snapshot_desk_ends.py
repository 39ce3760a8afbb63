"""Behind the watcher, while REST is silent: runs that begin, fail and end, and what comes of a
restart of ours."""

from itertools import groupby

import pytest
from msgspec.structs import replace

from drsquirrel.desk import Desk
from drsquirrel.model.event import ChangeEvent, FailureEvent, MetricReport, Origin, Table, Values
from drsquirrel.model.snapshot import MINUTE_MS, Rollup, Subject
from drsquirrel.model.verdict import Verdict
from drsquirrel.rules.load import load
from drsquirrel.snapshot_desk import SENDING_MS, UNTOLD, SnapshotDesk
from drsquirrel.watch.fold import fold
from drsquirrel.watch.window import snapshot_of
from tests.diagnose.seen import CLUSTER, JOB, NOON_MS, STEP_S
from tests.diagnose.sim import USER
from tests.test_same_run import left_of
from tests.test_snapshot_desk_alone import Alone, AloneBehind, look_only, without_rest
from tests.watch.made import report

OTHER = "b" * 32


class Told(Alone):
    """Its processes tell of what happens, too."""

    second = False
    """Whether another job runs beside it."""
    lacks = False
    """Whether one task is told of no more."""

    def send(self, messages: list[MetricReport]) -> None:
        told = [without_a_task(m) if self.lacks and m.job else m for m in messages]
        told += [replace(m, job=OTHER) for m in messages if m.job and self.second]
        super().send(told)

    def tell_of(self, *events: FailureEvent | ChangeEvent) -> None:
        self.desk.hear(CLUSTER, [(e.time_ms, e) for e in events], self.clock_ms)

    def failure(self) -> FailureEvent:
        return FailureEvent(origin=ORIGIN, job=JOB, time_ms=self.clock_ms - 500, throwable=USER)

    def change(self, what: str, subject: str = "") -> ChangeEvent:  # type: ignore[override]
        return ChangeEvent(
            origin=ORIGIN,
            job=JOB,
            time_ms=self.clock_ms - 100,
            what=what,  # type: ignore[arg-type]
            subject=subject,
        )

    def said(self, seconds: int = STEP_S) -> list[tuple[str, Verdict, str]]:
        """What is said of each run after so long."""
        self.judge = lambda: None  # type: ignore[method-assign]
        for _ in range(seconds // STEP_S):
            look_only(self, STEP_S)
            self.desk.judge(CLUSTER, self.clock_ms)
        reports = [run.report for run in self.desk.clusters[CLUSTER].runs.values()]
        return [(r.run.job_id, r.verdict, r.headline) for r in reports if r is not None]


class ToldBehind(Told, AloneBehind):
    """The same behind the watcher."""


ORIGIN = Origin(cluster=CLUSTER, producer="plugin", epoch="p", sequence=9_001)


def without_a_task(message: MetricReport) -> MetricReport:
    kept = []
    for table in message.tables:
        rows = [
            n for n, p in enumerate(table.places) if not (p.vertex[-1:] == "1" and p.subtask == 1)
        ]
        width = len(table.names)
        kept.append(
            Table(
                names=table.names,
                places=tuple(table.places[n] for n in rows),
                numbers=tuple(x for n in rows for x in table.numbers[n * width : (n + 1) * width]),
            )
        )
    return replace(message, tables=tuple(kept))


def both() -> tuple[Told, Told]:
    """After ten minutes with REST, and 25 without."""
    sims = Told(checkpoints=None), ToldBehind(checkpoints=None)
    for sim in sims:
        sim.run(600)
        sim.answers = False
        sim.said(1_500)
    return sims


def heard_only(desk: SnapshotDesk | None = None) -> ToldBehind:
    sim = ToldBehind(desk=without_rest(desk or SnapshotDesk(load())))
    sim.answers = False
    return sim


def test_a_run_that_fails_is_judged_with_its_failure_before_it_is_closed() -> None:
    found = []
    for sim in both():
        sim.tell_of(sim.failure(), sim.change("job-state", "FAILED"))
        sim.silent = {"", "tm-1", "tm-2"}
        found.append(sim.said(120))
        [run] = sim.desk.clusters[CLUSTER].runs.values()
        assert run.is_closed and run.report is not None
        assert not run.report.subline.startswith("As of")
    assert found[0] == found[1]
    assert found[1] == [(JOB, Verdict.FAILING, "The code of a task throws `IllegalStateException`")]


@pytest.mark.parametrize("silent_s", [20, 60, 1_200])
def test_a_failure_is_known_of_whenever_in_the_silence_it_was_told(silent_s: int) -> None:
    found = []
    for sim in (Told(checkpoints=None), ToldBehind(checkpoints=None)):
        sim.run(600)
        sim.answers = False
        sim.said(silent_s)
        sim.tell_of(sim.failure())
        sim.lacks = True
        said = {one for _ in range(180) for one in sim.said()}
        found.append({(verdict, headline) for _, verdict, headline in said})
    down = Verdict.FAILING, "Not all tasks run, though Flink calls the job RUNNING"
    assert all(down in said for said in found)


def test_a_job_that_begins_while_others_are_judged_is_not_called_gone() -> None:
    sim = heard_only()
    sim.said(1_200)
    sim.second = True
    said = [{job: told for job, _, told in sim.said(60)}.get(OTHER) for _ in range(25)]
    assert [told for told, _ in groupby(said)] == [
        None,
        "Not known yet: what its processes send is not all told",
        "Its tasks run; whether they keep up is not known",
    ]


def test_what_begins_anew_under_its_old_id_is_another_run() -> None:
    sim = heard_only()
    sim.said(1_500)
    sim.tell_of(sim.change("run-ended"))
    sim.silent = {"", "tm-1", "tm-2"}
    sim.said(30)
    sim.silent = set()
    for _ in range(20):
        said = sim.said(60)
        assert said[0][2] == "It ended at 14:24 UTC: how is not known"
        if len(said) == 2:
            assert said[1][2] in (
                "Not known yet: what its processes send is not all told",
                "Its tasks run; whether they keep up is not known",
            )
    assert len(said) == 2
    _, anew = sim.desk.clusters[CLUSTER].runs.values()
    assert 1_530_000 < anew.seen.start_ms - NOON_MS < 1_530_000 + 2 * MINUTE_MS


def restored(sim: Told) -> SnapshotDesk:
    """What another process makes of what this one has stored."""
    desk = without_rest(SnapshotDesk(load()))
    desk.listens = True
    stored = [snapshot_of(of, 0, m.values()) for of, m in sim.desk._hours._of.items()]
    runs = [left_of(run) for run in sim.desk.clusters[CLUSTER].runs.values()]
    desk.restore(CLUSTER, stored, runs, sim.clock_ms)
    assert isinstance(desk, SnapshotDesk)
    return desk


def test_after_a_restart_of_ours_it_is_judged_on() -> None:
    sim = heard_only()
    [(_, _, before)] = sim.said(1_500)
    sim.desk = restored(sim)
    senders = sim.desk._sending(sim.desk.clusters[CLUSTER], {})
    assert senders == {}, "what REST told of processes without the plugin is stored alike"
    said = [headline for _ in range(12) for _, _, headline in sim.said()]
    assert set(said) == {"Not known yet: what its processes send is not all told", before}
    assert said[-1] == before


def test_where_nothing_was_told_since_a_restart_it_is_said_to_come() -> None:
    sim = heard_only()
    sim.said(1_500)
    desk = restored(sim)
    sim.desk, sim.silent = desk, {"", "tm-1", "tm-2"}
    sim._arrived = []
    sim.said()
    [run] = desk.clusters[CLUSTER].runs.values()
    assert run.report is not None and run.report.subline == UNTOLD
    [(_, _, said)] = sim.said(SENDING_MS // 1_000 + 60)
    assert said == "No data: nothing comes from its JobManager any more"


def test_of_a_cluster_that_is_forgotten_nothing_is_held_back() -> None:
    desk = without_rest(SnapshotDesk(load()))
    rollup = Rollup(subject=Subject(cluster=CLUSTER, job="j"), minute=NOON_MS // MINUTE_MS)
    desk.hear(CLUSTER, [(NOON_MS, snapshot_of(rollup.subject, NOON_MS, [rollup]))], NOON_MS)
    assert desk.waiting() == {CLUSTER: NOON_MS} and desk._waits
    desk.forget(CLUSTER)
    assert desk.waiting() == {} and not desk._waits


def test_names_of_any_length_are_cut() -> None:
    desk = without_rest(SnapshotDesk(load()))
    told = replace(report(1, NOON_MS, Values({"numRestarts": 0})), origin=ORIGIN)
    [rollup] = fold([(NOON_MS, told)]).rollups
    named = snapshot_of(rollup.subject, NOON_MS, [replace(rollup, named=(("x" * 5_000,) * 2,))])
    desk.hear(CLUSTER, [(NOON_MS, named)], NOON_MS)
    [run] = desk.clusters[CLUSTER].runs.values()
    assert len(run.job.name) < 1_100 and len(desk.clusters[CLUSTER].flink_version) < 1_100


def test_that_all_run_may_have_been_long_ago_and_no_clock_is_off() -> None:
    sim = Told(desk=without_rest(Desk(load())))
    sim.answers = False
    sim.said(300)
    sim.silent = {"tm-2"}
    sim.said(90)
    sim.silent, sim.lacks = set(), True
    sim.said(30)
    [run] = sim.desk.clusters[CLUSTER].runs.values()
    rollups = sim.desk._hours.of(run.subject)
    assert rollups and not any(rollup.skewed for rollup in rollups.values())
