"""What the desk keeps of runs and clusters, and the row of a job in the list."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import Struct

from drsquirrel.deep import DeepTier
from drsquirrel.diagnose.container import ContainerMinute
from drsquirrel.diagnose.memory import Memory
from drsquirrel.diagnose.minute import Minutes, RunMinute
from drsquirrel.diagnose.standing import STALE_ROUNDS
from drsquirrel.diagnose.strip import worst_cells
from drsquirrel.heard import HeardRuns
from drsquirrel.model.case import ContainerNow
from drsquirrel.model.facts import ContainerFacts, JobFacts, Looked, RunSeen, ThreadSample
from drsquirrel.model.report import Action, JobRef, JobRow, Report
from drsquirrel.model.snapshot import MINUTE_MS, Subject
from drsquirrel.model.state import ENDED_STATES, LOST
from drsquirrel.model.verdict import WORST_FIRST, Verdict
from drsquirrel.model.yarn import YarnFacts, with_ended
from drsquirrel.watch.window import Hours

SETTLED_MS = 60_000
"""What Flink tells of a run's end comes in within this time."""
HELD_MINUTES = 3
"""A container serves a run that had subtasks in it in the last minutes."""
NO_REST = (
    "No REST address of this cluster is known: give it as the `url` of its [[cluster]] table, "
    "beside its `name`."
)
KEPT_ACTIONS = 20
KEPT_SAMPLES = 2_000


@dataclass
class RunDesk:
    """What the desk keeps of one run."""

    seen: RunSeen
    job: JobRef
    id: str
    facts: JobFacts | None = None
    looked: Looked | None = None
    """None where nobody has looked for its facts yet."""
    memory: Memory = field(default_factory=Memory)
    minutes: Minutes[RunMinute] = field(default_factory=Minutes)
    report: Report | None = None
    threads: tuple[ThreadSample, ...] = ()
    actions: tuple[Action, ...] = ()
    wants_threads: tuple[ContainerNow, ...] = ()
    up_ms: int | None = None
    last_seen_ms: int = 0
    news_ms: int = 0
    """When something else was said of it than before."""
    settled_ms: int | None = None
    """When all that is told of its end has come in; None while it is not over."""

    @property
    def subject(self) -> Subject:
        seen = self.seen
        return Subject(cluster=seen.cluster, job=seen.job, start_ms=seen.start_ms)

    @property
    def is_over(self) -> bool:
        return self.seen.state in ENDED_STATES or self.seen.state == LOST

    @property
    def is_closed(self) -> bool:
        """Its end has been judged, with all that came after it: the report stays as it is."""
        return (
            self.settled_ms is not None
            and self.report is not None
            and self.report.run.state == self.seen.state
            and self.report.made_ms >= self.settled_ms
        )

    def note_threads(self, samples: Iterable[ThreadSample], actions: Iterable[Action]) -> None:
        """Keep what a thread dump showed, and that it was taken."""
        self.threads = (*self.threads, *samples)[-KEPT_SAMPLES:]
        self.actions = (*self.actions, *actions)[-KEPT_ACTIONS:]

    def see(self, seen: RunSeen, now_ms: int) -> None:
        """Take over what is said of it now."""
        if seen != self.seen:
            self.seen, self.news_ms = seen, now_ms
        if not self.is_over:
            self.settled_ms = None
        elif self.settled_ms is None:
            self.settled_ms = now_ms + SETTLED_MS


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
    deep: DeepTier
    heard: HeardRuns
    asks_rest: bool = True
    """Whether it is asked over REST at all."""
    runs: dict[str, RunDesk] = field(default_factory=dict)
    containers: dict[str, ContainerFacts] | None = None
    """Those alive at the last answer; None before the first."""
    minutes: dict[str, Minutes[ContainerMinute]] = field(default_factory=dict)
    """Of all known in the hour."""
    flink_version: str = ""
    last_answer_ms: int | None = None
    began_ms: int | None = None
    """When this process first heard of it in any way."""
    says: str = ""
    ahead_ms: int = 0
    """How far the JobManager's clock is ahead of ours."""
    yarn: YarnFacts | None = None
    """What YARN tells of the application it is; None where no YARN tells of it."""

    def note_yarn(self, facts: YarnFacts) -> None:
        """Take over what YARN tells now; ends of containers that it has forgotten stay."""
        before = self.yarn
        same = before is not None and before.application == facts.application
        self.yarn = with_ended(facts, before.containers if before and same else ())

    @property
    def answered_ms(self) -> int:
        """When REST answered last; 0 if it never has."""
        return self.last_answer_ms or 0

    def told_ms(self, now_ms: int) -> int:
        """When it was last told which runs there are, by REST or, while that says nothing, by the
        JobManager's reports."""
        heard = (run.heard_ms for run in self.heard.runs.values() if self.is_silent(now_ms))
        return max(self.answered_ms, max(heard, default=0))

    def is_silent(self, now_ms: int) -> bool:
        """Whether REST says nothing now."""
        since_ms = max(self.answered_ms, self.began_ms or now_ms)
        return not self.asks_rest or now_ms - since_ms > STALE_ROUNDS * self.interval_ms

    def is_done(self, run: RunDesk) -> bool:
        """Whether nothing is to be added to what was said of a run."""
        told = run.report is not None and run.report.run.state == run.seen.state
        is_left = self.containers is None and run.is_over and told
        return is_left or run.is_closed

    def runs_in(self, hours: Hours, now_ms: int) -> dict[str, set[str]]:
        """The live runs that had subtasks in each container in the last minutes."""
        found: dict[str, set[str]] = {}
        newest = range(now_ms // MINUTE_MS - HELD_MINUTES + 1, now_ms // MINUTE_MS + 1)
        for run in self.runs.values():
            rollups = {} if run.is_over else hours.of(run.subject)
            tracks = (t for m in newest if m in rollups for t in rollups[m].tracks)
            for container in {t.key.container for t in tracks if t.key.vertex}:
                found.setdefault(container, set()).add(run.id)
        return found

    def newest_runs(self) -> dict[str, RunDesk]:
        """By Flink's JobID."""
        by_start = sorted(self.runs.values(), key=lambda run: run.seen.start_ms)
        return {run.seen.job: run for run in by_start}


def run_to_show(runs: Iterable[RunDesk]) -> RunDesk:
    """Of the runs of one job: the worst of those still there, else the latest."""

    def rank(run: RunDesk) -> tuple[bool, int, int]:
        assert run.report is not None
        worst = 0 if run.is_over else WORST_FIRST.index(run.report.verdict)
        return run.is_over, worst, -run.seen.start_ms

    return min(runs, key=rank)


class Named(Struct):
    """The name of a job."""

    cluster: str
    name: str


class Ranked(Struct):
    """What of a JobRow its place in the list rests on."""

    job: Named
    verdict: Verdict
    since_ms: int | None


def worst_first(row: JobRow | Ranked) -> tuple[int, int, str]:
    """The order of the rows in the list of jobs."""
    return WORST_FIRST.index(row.verdict), row.since_ms or 0, row.job.name


def row_of(runs: Iterable[RunDesk]) -> JobRow:
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


def rows_of(clusters: Iterable[ClusterDesk]) -> list[JobRow]:
    """One row per job, worst first: its worst run of those still there, else its latest."""
    of_job: dict[str, list[RunDesk]] = {}
    for desk in clusters:
        for run in desk.runs.values():
            if run.report is not None:
                of_job.setdefault(run.job.id, []).append(run)
    return sorted(map(row_of, of_job.values()), key=worst_first)
