"""The desk: rounds of clusters in, reports out. Joins watch and diagnose; no I/O, no clock."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.diagnose.inquiry import Expected, Inquiry
from drsquirrel.diagnose.judge import diagnose
from drsquirrel.diagnose.memory import Memory
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.diagnose.strip import worst_cells
from drsquirrel.model.case import ContainerNow
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen, ThreadSample
from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.report import Action, JobRef, JobRow, Report, RunRef
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject
from drsquirrel.model.state import ENDED_STATES, LOST
from drsquirrel.model.verdict import WORST_FIRST
from drsquirrel.rules.load import Rules
from drsquirrel.watch.fold import fold
from drsquirrel.watch.window import Hours, Windows

LISTED_MS = 24 * 3_600_000
"""A job that is no longer there stays in the list for so long."""
HELD_MINUTES = 3
"""A container serves a run that had subtasks in it in the last minutes."""
KEPT_ACTIONS = 20


@dataclass
class RunDesk:
    """What the desk keeps of one run."""

    seen: RunSeen
    job: JobRef
    id: str
    facts: JobFacts | None = None
    memory: Memory = field(default_factory=Memory)
    report: Report | None = None
    threads: tuple[ThreadSample, ...] = ()
    actions: tuple[Action, ...] = ()
    wants_threads: tuple[ContainerNow, ...] = ()
    up_ms: int | None = None
    last_seen_ms: int = 0

    @property
    def subject(self) -> Subject:
        seen = self.seen
        return Subject(cluster=seen.cluster, job=seen.job, start_ms=seen.start_ms)

    @property
    def is_over(self) -> bool:
        return self.seen.state in ENDED_STATES or self.seen.state == LOST

    @property
    def is_closed(self) -> bool:
        """Its end has been judged: the report stays as it is."""
        return self.is_over and self.report is not None and self.report.run.state == self.seen.state


@dataclass(frozen=True, kw_only=True)
class Known:
    """What another process has left of a run."""

    seen: RunSeen
    facts: JobFacts | None
    memory: Memory
    report: Report | None
    last_seen_ms: int


@dataclass
class ClusterDesk:
    """What the desk keeps of one cluster."""

    id: str
    interval_ms: int
    dumps_allowed: bool
    runs: dict[str, RunDesk] = field(default_factory=dict)
    containers: dict[str, ContainerFacts] = field(default_factory=dict)
    known_containers: set[str] = field(default_factory=set)
    flink_version: str = ""
    last_answer_ms: int | None = None
    says: str = ""


class Desk:
    """Rounds in, reports out, for any number of clusters. One thread at a time."""

    def __init__(self, rules: Rules, shorten: Callable[[str], str] = str) -> None:
        self.clusters: dict[str, ClusterDesk] = {}
        self.dropped: Counter[str] = Counter()
        self._rules = rules
        self._shorten = shorten
        self._hours = Hours()
        self._windows = Windows()
        self._minutes = Minutes()

    def add_cluster(self, cluster: str, interval_ms: int, dumps_allowed: bool) -> None:
        """Begin to watch a cluster."""
        self.clusters[cluster] = ClusterDesk(cluster, interval_ms, dumps_allowed)

    def restore(
        self, cluster: str, snapshots: Iterable[Snapshot], runs: Iterable[Known], now_ms: int
    ) -> None:
        """Take up where another process left off."""
        desk = self.clusters[cluster]
        for snapshot in snapshots:
            self.dropped.update(self._hours.add(snapshot.rollups))
            if snapshot.window_ms + WINDOW_MS > now_ms:  # it may grow, and is stored as a whole
                self._windows.add(snapshot.window_ms, snapshot.rollups)
            if snapshot.subject.container:
                desk.known_containers.add(snapshot.subject.container)
        for known in sorted(runs, key=lambda known: known.last_seen_ms):
            run = self._run(desk, known.seen)
            run.facts, run.memory, run.report = known.facts, known.memory, known.report
            run.last_seen_ms = desk.last_answer_ms = known.last_seen_ms
            if known.report is not None:
                desk.flink_version = known.report.run.flink_version

    def take(self, cluster: str, found: Round) -> None:
        """Fold what a round brought, and note what it lists."""
        desk = self.clusters[cluster]
        folded = fold((found.arrival_ms, event) for event in found.events)
        self.dropped.update(folded.dropped)
        self.dropped.update(self._hours.add(folded.rollups))
        self._windows.add(found.arrival_ms, folded.rollups)
        desk.says = found.says
        desk.flink_version = found.flink_version or desk.flink_version
        if not found.answered:
            return
        desk.last_answer_ms = found.arrival_ms
        desk.containers = {c.id: c for c in found.containers}
        desk.known_containers.update(desk.containers)
        listed = {self._run(desk, seen).id for seen in found.runs}
        for seen in found.runs:
            self._run(desk, seen).last_seen_ms = found.arrival_ms
        for run in desk.runs.values():
            if run.id not in listed and not run.is_over:
                run.seen = replace(run.seen, state=LOST, end_ms=run.last_seen_ms)
        self._forget(desk, found.arrival_ms)

    def _run(self, desk: ClusterDesk, seen: RunSeen) -> RunDesk:
        seen = replace(seen, name=self._shorten(seen.name))
        id_ = run_id(desk.id, seen.job, seen.start_ms)
        if id_ not in desk.runs:
            job = JobRef(id=job_id(desk.id, seen.name), cluster=desk.id, name=seen.name)
            desk.runs[id_] = RunDesk(seen=seen, job=job, id=id_)
        desk.runs[id_].seen = seen
        return desk.runs[id_]

    def _forget(self, desk: ClusterDesk, now_ms: int) -> None:
        for id_, run in list(desk.runs.items()):
            if now_ms - run.last_seen_ms > LISTED_MS:
                del desk.runs[id_]
        self._hours.expire(now_ms)

    def judge(self, cluster: str, now_ms: int) -> list[RunDesk]:
        """Judge every run of a cluster that is not closed; returns those judged."""
        desk = self.clusters[cluster]
        judged = [run for run in desk.runs.values() if not run.is_closed]
        containers = {
            c: self._hours.of(Subject(cluster=cluster, container=c)) for c in desk.known_containers
        }
        runs_on = self._runs_on(desk, now_ms)
        for run in judged:
            inquiry = self._inquiry(desk, run, containers, runs_on)
            result = diagnose(inquiry, run.memory, self._rules, self._minutes, now_ms)
            run.report, run.memory = result.report, result.memory
            run.wants_threads, run.up_ms = result.wants_threads, result.up_ms
        return judged

    def _inquiry(
        self,
        desk: ClusterDesk,
        run: RunDesk,
        containers: Mapping[str, Mapping[int, Rollup]],
        runs_on: Mapping[str, int],
    ) -> Inquiry:
        seen = run.seen
        return Inquiry(
            job=run.job,
            run=RunRef(
                id=run.id,
                job_id=seen.job,
                start_ms=seen.start_ms,
                state=seen.state,
                end_ms=seen.end_ms,
                flink_version=desk.flink_version,
            ),
            seen=seen,
            facts=run.facts,
            expected=Expected(
                interval_ms=desk.interval_ms,
                last_answer_ms=desk.last_answer_ms,
                cluster_says=desk.says,
            ),
            rollups=self._hours.of(run.subject),
            containers=containers,
            container_facts=desk.containers,
            runs_on=runs_on,
            threads=run.threads,
            actions=run.actions,
            dumps_allowed=desk.dumps_allowed,
        )

    def _runs_on(self, desk: ClusterDesk, now_ms: int) -> Counter[str]:
        """How many runs had subtasks in each container in the last minutes."""
        found: Counter[str] = Counter()
        newest = range(now_ms // MINUTE_MS - HELD_MINUTES + 1, now_ms // MINUTE_MS + 1)
        for run in desk.runs.values():
            rollups = self._hours.of(run.subject)
            tracks = (t for m in newest if m in rollups for t in rollups[m].tracks)
            found.update({t.key.container for t in tracks if t.key.vertex})
        return found

    def note_threads(
        self, run: RunDesk, samples: Iterable[ThreadSample], actions: Iterable[Action]
    ) -> None:
        """Keep what a thread dump showed, and that it was taken."""
        run.threads = (*run.threads, *samples)[-2_000:]
        run.actions = (*run.actions, *actions)[-KEPT_ACTIONS:]

    def snapshots(self, now_ms: int) -> list[Snapshot]:
        """The windows that have grown since the last call, the open ones too."""
        return self._windows.grown(now_ms)

    def job_rows(self) -> list[JobRow]:
        """One row per job, worst first: its worst run of those still there, else its latest."""
        of_job: dict[str, list[RunDesk]] = {}
        for desk in self.clusters.values():
            for run in desk.runs.values():
                if run.report is not None:
                    of_job.setdefault(run.job.id, []).append(run)
        rows = [_row(runs) for runs in of_job.values()]
        return sorted(
            rows, key=lambda r: (WORST_FIRST.index(r.verdict), r.since_ms or 0, r.job.name)
        )


def run_to_show(runs: Iterable[RunDesk]) -> RunDesk:
    """Of the runs of one job: the worst of those still there, else the latest."""

    def rank(run: RunDesk) -> tuple[bool, int, int]:
        assert run.report is not None
        worst = 0 if run.is_over else WORST_FIRST.index(run.report.verdict)
        return run.is_over, worst, -run.seen.start_ms

    return min(runs, key=rank)


def _row(runs: list[RunDesk]) -> JobRow:
    report = run_to_show(runs).report
    assert report is not None
    return JobRow(
        job=report.job,
        run=report.run,
        verdict=report.verdict,
        headline=report.headline,
        subline=report.subline,
        since_ms=report.since_ms,
        cells=worst_cells(report.hour.strips),
        records_per_s=report.hour.records_per_s,
        data_age_ms=report.data.age_ms,
        live_runs=sum(not run.is_over for run in runs),
    )
