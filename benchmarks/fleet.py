"""A fleet of Flink jobs as a store sees it: made from a few numbers, the same each time."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle

from drsquirrel.model.event import CheckpointEvent, LogEvent, Origin
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen
from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.report import (
    CheckResult,
    ClusterRow,
    Data,
    JobList,
    JobRef,
    JobRow,
    LastHour,
    Node,
    Report,
    RunRef,
    Strip,
)
from drsquirrel.model.snapshot import WINDOW_MS, Reading, Rollup, Snapshot, Subject, Track, TrackKey
from drsquirrel.model.verdict import Outcome, Verdict
from drsquirrel.on_desk import worst_first
from drsquirrel.store import sql
from drsquirrel.store.body import encoded, packed
from drsquirrel.store.connection import Values
from drsquirrel.store.interface import HOUR_MS, Batch, Claim, Memory, RenderedReport
from drsquirrel.store.writing import CHECKPOINT

START_MS = 1_800_000_000_000
"""The history ends here: divisible by an hour and a window."""
TICK_MS, MINUTE_MS = 10_000, 60_000
VERTICES, SUBTASKS, JVM_METRICS = 10, 4, 20
METRICS = 9
"""Of a subtask: with these a run's snapshot has 360 series."""
CHECKS = 30
"""In a report, which has 15 kB with them."""
CHECKPOINTS, HOURS = 10, 24
"""In the history of each run."""
MEMORY_BYTES = 500
POOL = 50
"""So many reports and snapshots are different; all others repeat them."""
dice = random.Random(1)


@dataclass(frozen=True)
class Size:
    """How much is in the store before anything is measured."""

    clusters: int
    jobs: int
    """Of a cluster."""
    containers: int
    """Of a cluster."""
    log_lines: int
    """Of one run."""
    windows: int = HOUR_MS // WINDOW_MS
    """Of each run and container."""


class Fleet:
    """Its clusters, and what a look at each of them says."""

    def __init__(self, size: Size) -> None:
        self.size = size
        self.clusters = [f"cluster-{number:03}" for number in range(size.clusters)]
        self.runs = {c: [_run(c, number) for number in range(size.jobs)] for c in self.clusters}
        self._reports = [_report(run) for run in self.runs[self.clusters[0]][:POOL]]
        self._bodies = [encoded(report) for report in self._reports]
        self._of_runs = [_of_run() for _ in range(POOL)]
        self._of_containers = [_of_container() for _ in range(POOL)]

    def ids(self, cluster: str) -> list[str]:
        """Of the runs of a cluster."""
        return [run_id(run.cluster, run.job, run.start_ms) for run in self.runs[cluster]]

    def first(self, cluster: str) -> Batch:
        """What is stored of a cluster when it is seen first."""
        facts = (
            JobFacts(cluster=cluster, job=run.job, start_ms=START_MS, name=run.name)
            for run in self.runs[cluster]
        )
        containers = (
            ContainerFacts(cluster=cluster, id=subject.container, is_taskmanager=True, slots=2)
            for subject, _ in self._series(cluster)
            if subject.container
        )
        look = self.minute(self.tick(cluster, START_MS - TICK_MS), cluster, 0)
        return replace(look, job_facts=tuple(facts), containers=tuple(containers))

    def tick(
        self, cluster: str, time_ms: int, job_list: bytes | None = None, claim: Claim | None = None
    ) -> Batch:
        """What is stored every ten seconds."""
        names = zip(self.ids(cluster), cycle(self._reports), cycle(self._bodies), strict=False)
        return Batch(
            time_ms=time_ms,
            runs=tuple(self.runs[cluster]),
            reports=tuple(_rendered(run, r, body, time_ms) for run, r, body in names),
            memories=tuple(
                Memory(run=run, body=dice.randbytes(MEMORY_BYTES)) for run in self.ids(cluster)
            ),
            job_list=job_list,
            claim=claim,
        )

    def minute(self, tick: Batch, cluster: str, lines: int) -> Batch:
        """A tick of once a minute: snapshots besides, and a checkpoint and lines of each run."""
        runs, time_ms = self.runs[cluster], tick.time_ms
        return replace(
            tick,
            snapshots=self.snapshots(cluster, time_ms),
            checkpoints=tuple(_checkpoint(run, time_ms) for run in runs),
            logs=tuple(
                log(run, time_ms + number, number) for run in runs for number in range(lines)
            ),
        )

    def snapshots(self, cluster: str, time_ms: int) -> tuple[Snapshot, ...]:
        """The open window of each run and container."""
        window_ms = time_ms - time_ms % WINDOW_MS
        return tuple(
            _of(subject, tracks, window_ms, (time_ms - window_ms) // TICK_MS + 1)
            for subject, tracks in self._series(cluster)
        )

    def history(self, cluster: str) -> Iterator[tuple[str, Iterable[Values]]]:
        """Statements, and the rows of what is known from before. Only bodies of POOL subjects are
        made and packed: this takes minutes as it is."""
        from_ms = START_MS - self.size.windows * WINDOW_MS
        known: dict[int, bytes] = {}
        for subject, tracks in self._series(cluster):
            if id(tracks) not in known:
                known[id(tracks)] = packed(encoded(_of(subject, tracks, from_ms, 30)))
        yield (
            sql.PUT_SNAPSHOT,
            (
                (s.cluster, w, s.job, s.start_ms, s.container, 30, w, known[id(tracks)])
                for w in range(from_ms, START_MS, WINDOW_MS)
                for s, tracks in self._series(cluster)
            ),
        )
        hours = range(START_MS - HOURS * HOUR_MS, START_MS, HOUR_MS)
        yield sql.PUT_HOUR, ((run, h, 5, h, "") for run in self.ids(cluster) for h in hours)
        told = packed(encoded(_checkpoint(self.runs[cluster][0], START_MS)))
        yield (
            sql.PUT_EVENT,
            (
                (CHECKPOINT, run, f"{n}", START_MS - n * MINUTE_MS, 1, START_MS, told)
                for run in self.ids(cluster)
                for n in range(1, CHECKPOINTS + 1)
            ),
        )

    def job_list(self, clusters: Iterable[str]) -> bytes:
        """The list of the jobs of some clusters, without the beginning that `listed` gives it."""
        dice.seed(1)
        chosen = [*clusters]
        rows = [_row(run) for cluster in chosen for run in self.runs[cluster]]
        told = [
            ClusterRow(id=c, url=f"http://{c}:8081", state="answering", says="", last_answer_ms=1)
            for c in chosen
        ]
        whole = JobList(made_ms=0, jobs=sorted(rows, key=worst_first), clusters=told)
        return encoded(whole).removeprefix(b'{"made_ms":0')

    def _series(self, cluster: str) -> Iterator[tuple[Subject, list[tuple[Track, ...]]]]:
        """Its runs and its containers, each with the tracks of each minute of a window."""
        for run, tracks in zip(self.runs[cluster], cycle(self._of_runs), strict=False):
            yield Subject(cluster=cluster, job=run.job, start_ms=run.start_ms), tracks
        for number, tracks in zip(
            range(self.size.containers), cycle(self._of_containers), strict=False
        ):
            yield Subject(cluster=cluster, container=f"taskmanager-{number}"), tracks


def listed(job_list: bytes, made_ms: int) -> bytes:
    """A list of jobs as it was made at a time."""
    return b'{"made_ms":%d%b' % (made_ms, job_list)


def log(run: RunSeen, time_ms: int, number: int) -> LogEvent:
    """One line; a fifth have a stack trace."""
    kind = dice.randrange(5)
    frames = "\n".join(f"\tat com.example.Step{kind}.call(Step{kind}.java:{i})" for i in range(5))
    return LogEvent(
        origin=Origin(
            cluster=run.cluster,
            producer="plugin",
            epoch="1f3a",
            sequence=number,
            container="taskmanager-1",
        ),
        time_ms=time_ms,
        level="WARN",
        logger=f"com.example.Step{kind}",
        message=f"record {number} took {dice.randrange(10_000)} ms",
        thread=f"Map ({dice.randrange(8)}/8)#0",
        throwable=f"java.io.IOException: time-out\n{frames}" if kind == 0 else "",
        job=run.job,
        start_ms=run.start_ms,
    )


def _run(cluster: str, number: int) -> RunSeen:
    return RunSeen(
        cluster=cluster,
        job=f"{dice.getrandbits(128):032x}",
        start_ms=START_MS,
        name=f"orders to warehouse {number}",
        state="RUNNING",
    )


def _checkpoint(run: RunSeen, time_ms: int) -> CheckpointEvent:
    return CheckpointEvent(
        origin=Origin(cluster=run.cluster, producer="flink-rest", epoch="1", sequence=time_ms),
        time_ms=time_ms,
        job=run.job,
        start_ms=run.start_ms,
        id=time_ms // TICK_MS,
        status="COMPLETED",
    )


def _of(subject: Subject, minutes: list[tuple[Track, ...]], window_ms: int, seen: int) -> Snapshot:
    rollups = (
        Rollup(subject=subject, minute=window_ms // MINUTE_MS + minute, tracks=tracks)
        for minute, tracks in enumerate(minutes)
    )
    return Snapshot(
        subject=subject,
        window_ms=window_ms,
        rollups=tuple(rollups),
        reports_seen=seen,
        reports_expected=30,
    )


def _of_run() -> list[tuple[Track, ...]]:
    keys = [
        TrackKey("tm-1", "e", f"{vertex:032x}", subtask, attempt=0)
        for vertex in range(VERTICES)
        for subtask in range(SUBTASKS)
    ]
    return [
        tuple(_track(key, START_MS + minute * MINUTE_MS, METRICS) for key in keys)
        for minute in range(WINDOW_MS // MINUTE_MS)
    ]


def _of_container() -> list[tuple[Track, ...]]:
    key = TrackKey("tm-1", "e", "", -1, attempt=0)
    return [
        (_track(key, START_MS + minute * MINUTE_MS, JVM_METRICS),)
        for minute in range(WINDOW_MS // MINUTE_MS)
    ]


def _track(key: TrackKey, time_ms: int, metrics: int) -> Track:
    def reading(at_ms: int) -> Reading:
        values = {f"metric_{i}": dice.randrange(1_000) for i in range(metrics)}
        return Reading(at_ms, at_ms // TICK_MS, values)

    return Track(key, (reading(time_ms),), (reading(time_ms + MINUTE_MS - TICK_MS),), {}, {})


def _refs(run: RunSeen) -> tuple[JobRef, RunRef]:
    job, name = job_id(run.cluster, run.name), run_id(run.cluster, run.job, run.start_ms)
    return (
        JobRef(id=job, cluster=run.cluster, name=run.name),
        RunRef(id=name, job_id=run.job, start_ms=run.start_ms, state=run.state),
    )


def _cells() -> str:
    return "".join(dice.choices(".lh", (90, 8, 2), k=60))


def _rates() -> tuple[float, ...]:
    return tuple(round(dice.random() * 1e5, 1) for _ in range(60))


def _report(run: RunSeen) -> Report:
    job, of_run = _refs(run)
    strips = tuple(
        Strip(
            kind="backpressure",
            id=f"{vertex:032x}",
            name=f"Vertex {vertex}",
            cells=_cells(),
            sentence="Backpressured for 3 minutes of the last hour.",
        )
        for vertex in range(VERTICES)
    )
    graph = [
        Node(
            id=strip.id,
            name=strip.name,
            operators=("Source: orders", "Map", "Filter"),
            inputs=(),
            parallelism=SUBTASKS,
            busy=dice.random(),
            backpressured=dice.random(),
            records_per_s=dice.random() * 1e5,
        )
        for strip in strips
    ]
    return Report(
        made_ms=START_MS,
        job=job,
        run=of_run,
        verdict=Verdict.HEALTHY,
        headline="Healthy.",
        hour=LastHour(from_ms=START_MS - HOUR_MS, strips=strips, records_per_s=_rates()),
        data=Data(age_ms=0, observed_minutes=60),
        checks=[_check(number) for number in range(CHECKS)],
        graph=graph,
    )


def _check(number: int) -> CheckResult:
    return CheckResult(
        code=f"check-{number}",
        section="throughput",
        title="No vertex is backpressured for long",
        outcome=Outcome.PASS,
        value=round(dice.random(), 3),
        shown="3 %",
        threshold="warns from 50 %, fails from 80 %",
        says="At most 3 % of a minute, in one of the last 60.",
    )


def _rendered(run: str, report: Report, body: bytes, made_ms: int) -> RenderedReport:
    """The report as one of another run: the store looks at this, and not into the body."""
    of_run = RunRef(id=run, job_id=run, start_ms=START_MS, state="RUNNING")
    told = Report(
        made_ms=made_ms,
        job=report.job,
        run=of_run,
        verdict=report.verdict,
        headline=report.headline,
        hour=report.hour,
        data=report.data,
    )
    return RenderedReport(report=told, body=body)


def _row(run: RunSeen) -> JobRow:
    job, of_run = _refs(run)
    return JobRow(
        job=job,
        run=of_run,
        verdict=dice.choice([*Verdict]),
        headline="Backpressured by Sink: warehouse, for 14 minutes.",
        subline="Its external system answers slowly.",
        since_ms=START_MS - dice.randrange(HOUR_MS),
        cells=_cells(),
        records_per_s=_rates(),
        data_age_ms=dice.randrange(TICK_MS),
    )
