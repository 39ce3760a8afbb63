"""A run that behaves as told, seen over REST every 10 s, folded and judged as the app does.

Times are seconds since the run's start. Nothing here knows how a diagnosis is made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk, RunDesk
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    Event,
    FailureEvent,
    MetricReport,
    Origin,
    Values,
)
from drsquirrel.model.facts import (
    CheckpointSettings,
    ContainerFacts,
    Edge,
    JobFacts,
    RunSeen,
    ThreadSample,
    Vertex,
)
from drsquirrel.model.report import Report
from drsquirrel.model.signature import sign
from drsquirrel.rules.load import load

CLUSTER = "prod"
JOB = "0" * 32
NOON_MS = 1_790_000_040_000 // 60_000 * 60_000
STEP_S = 10


@dataclass
class Task:
    """How the subtasks of a vertex spend their time and what they handle each second."""

    busy: float = 0.2
    pressured: float = 0.0
    per_s: float = 500.0
    attempt: int = 0


@dataclass
class Sim:
    """A job of some vertices on some TaskManagers. Change its fields between calls of `run`."""

    names: tuple[str, ...] = ("source", "map", "sink")
    parallelism: int = 2
    ship: str = "HASH"
    taskmanagers: tuple[str, ...] = ("tm-1", "tm-2")
    checkpoints: CheckpointSettings | None = field(
        default_factory=lambda: CheckpointSettings(
            interval_ms=10_000, timeout_ms=600_000, tolerable_failures=0
        )
    )
    job_type: str = "STREAMING"
    collector: str = "G1_Old_Generation"
    dumps_allowed: bool = False

    def __post_init__(self) -> None:
        self.now_s = 0
        self.state = "RUNNING"
        self.answers = True
        self.tasks = {
            (v, s): Task() for v in range(len(self.names)) for s in range(self.parallelism)
        }
        self.running: int | None = None
        """Tasks that run; all if None."""
        self.scheduled = 0
        self.slots_free = 4
        self.pending: float | None = 0.0
        self.pending_per_s = 0.0
        self.frozen = False
        self.cores = dict.fromkeys(self.taskmanagers, 0.5)
        self.gc = dict.fromkeys(self.taskmanagers, 0.0)
        self.gc_counts_per_s = 0.2
        self.heap = dict.fromkeys(self.taskmanagers, 0.4)
        self.heartbeat_ms = dict.fromkeys(self.taskmanagers, 1_000)
        self.gone: set[str] = set()
        self.events: list[Event] = []
        self.other_jobs: tuple[RunSeen, ...] = ()
        self.listed = True
        self.desk = Desk(load())
        self.desk.add_cluster(CLUSTER, STEP_S * 1000, self.dumps_allowed)
        self.reports: list[Report] = []
        self._sequence = 0
        self._totals: dict[tuple[str, str], float] = {}

    # What happens.

    def run(self, seconds: int, each: Callable[[], None] = lambda: None) -> Report:
        """Let time pass, with a round and a look every 10 s; returns the newest report."""
        for _ in range(seconds // STEP_S):
            self.now_s += STEP_S
            each()
            self._live(STEP_S)
            self._look()
        return self.reports[-1]

    def set(self, name: str, *, subtasks: tuple[int, ...] | None = None, **values: float) -> None:
        """Change how a vertex behaves: busy, pressured, per_s, attempt."""
        vertex = self.names.index(name)
        for (v, s), task in self.tasks.items():
            if v == vertex and (subtasks is None or s in subtasks):
                for key, value in values.items():
                    setattr(task, key, value)

    def fail(self, throwable: str, task: str = "", **values: object) -> None:
        """An entry of the exception history now."""
        told: dict[str, object] = {
            "time_ms": self.ms(self.now_s),
            "task": task,
            "throwable": throwable,
            "signature": sign(throwable),
            **values,
        }
        self.events.append(
            FailureEvent(origin=self._origin(), job=JOB, start_ms=NOON_MS, **told)  # type: ignore[arg-type]
        )

    def checkpoint(self, number: int, status: str = "COMPLETED", **values: object) -> None:
        """A checkpoint that was triggered now."""
        told: dict[str, object] = {"time_ms": self.ms(self.now_s), "duration_ms": 500, **values}
        self.events.append(
            CheckpointEvent(
                origin=self._origin(),
                job=JOB,
                start_ms=NOON_MS,
                id=number,
                status=status,
                **told,  # type: ignore[arg-type]
            )
        )

    def lose(self, taskmanager: str) -> None:
        """A TaskManager is no longer listed."""
        self.gone.add(taskmanager)
        self.events.append(
            ChangeEvent(
                origin=self._origin(taskmanager),
                time_ms=self.ms(self.now_s),
                what="container-gone",
                subject=taskmanager,
            )
        )

    def dump(self, task: str, frames: tuple[str, ...], **values: object) -> None:
        """Three thread dumps now, three samples each."""
        run = self.of_run
        samples = [
            ThreadSample(
                container="tm-1",
                time_ms=self.ms(self.now_s) + 1_300 * i,
                task=task,
                subtask=s,
                state="TIMED_WAITING",
                frames=frames,
                **values,  # type: ignore[arg-type]
            )
            for i in range(3)
            for s in range(max(3, self.parallelism))
        ]
        self.desk.note_threads(run, samples, ())

    # What is seen of it.

    @property
    def of_run(self) -> RunDesk:
        return next(r for r in self.desk.clusters[CLUSTER].runs.values() if r.seen.job == JOB)

    @staticmethod
    def ms(seconds: float) -> int:
        return NOON_MS + int(seconds * 1000)

    @property
    def facts(self) -> JobFacts:
        vertices = []
        for i, name in enumerate(self.names):
            inputs = (Edge(source=f"{i - 1:032x}", ship=self.ship),) if i else ()
            vertices.append(
                Vertex(
                    id=f"{i:032x}",
                    name=name,
                    parallelism=self.parallelism,
                    max_parallelism=128,
                    operators=tuple(name.split(" -> ")),
                    inputs=inputs,
                )
            )
        return JobFacts(
            cluster=CLUSTER,
            job=JOB,
            start_ms=NOON_MS,
            name="orders",
            job_type=self.job_type,
            flink_version="2.3.0",
            vertices=tuple(vertices),
            checkpoints=self.checkpoints,
            restart_strategy="fixed delay",
        )

    def _live(self, seconds: int) -> None:
        if self.pending is not None:
            self.pending = max(0.0, self.pending + self.pending_per_s * seconds)
        if self.frozen:
            return
        for (v, s), task in self.tasks.items():
            idle = 1 - task.busy - task.pressured
            for name, share in (("b", task.busy), ("p", task.pressured), ("i", idle)):
                self._add(f"{v}/{s}/{task.attempt}", name, share * seconds * 1000)
            self._add(f"{v}/{s}/{task.attempt}", "n", task.per_s * seconds)
        for tm in self.taskmanagers:
            self._add(tm, "cpu", (self.cores[tm] + self.gc[tm]) * seconds * 1e9)
            self._add(tm, "gc", self.gc[tm] * seconds * 1000)
            self._add(tm, "count", self.gc_counts_per_s * seconds)

    def _add(self, of: str, name: str, value: float) -> None:
        self._totals[of, name] = self._totals.get((of, name), 0.0) + value

    def _of(self, of: str, name: str) -> int:
        return int(self._totals.get((of, name), 0.0))

    def _origin(self, container: str = "") -> Origin:
        self._sequence += 1
        return Origin(
            cluster=CLUSTER,
            producer="flink-rest",
            epoch="e",
            sequence=self._sequence,
            container=container,
            flink_version="2.3.0",
        )

    def _report(self, container: str, scopes: tuple[Values, ...], job: str) -> MetricReport:
        return MetricReport(
            origin=self._origin(container),
            time_ms=self.ms(self.now_s),
            scopes=scopes,
            job=job,
            start_ms=NOON_MS if job else 0,
        )

    def _scopes(self) -> Mapping[str, list[Values]]:
        found: dict[str, list[Values]] = {tm: [] for tm in self.taskmanagers}
        for (v, s), task in self.tasks.items():
            key = f"{v}/{s}/{task.attempt}"
            values = {
                "accumulateBusyTimeMs": self._of(key, "b"),
                "accumulateBackPressuredTimeMs": self._of(key, "p"),
                "accumulateIdleTimeMs": self._of(key, "i"),
                "numRecordsIn" if v else "numRecordsOut": self._of(key, "n"),
            }
            container = self.taskmanagers[s % len(self.taskmanagers)]
            found[container].append(
                Values(values=values, vertex=f"{v:032x}", subtask=s, attempt=task.attempt)
            )
            if v == 0 and self.pending is not None:
                found[container].append(
                    Values(
                        values={"pendingRecords": self.pending / self.parallelism},
                        vertex=f"{v:032x}",
                        subtask=s,
                        operator=self.names[0],
                        attempt=task.attempt,
                    )
                )
        return found

    def _container(self, tm: str) -> tuple[Values, ...]:
        own = {
            "Status.JVM.CPU.Time": self._of(tm, "cpu"),
            "Status.JVM.Memory.Heap.Used": int(self.heap[tm] * 1e9),
            "Status.JVM.Memory.Heap.Max": 1_000_000_000,
            "Status.JVM.Threads.Count": 80,
            "heartbeat_age_ms": self.heartbeat_ms[tm],
            "slots_free": self.slots_free,
        }
        collected = {"Time": self._of(tm, "gc"), "Count": self._of(tm, "count")}
        return (Values(values=own), Values(values=collected, group=self.collector))

    def _look(self) -> None:
        total = len(self.tasks)
        running = total if self.running is None else self.running
        states = {"tasks_total": total, "tasks_running": running, "tasks_scheduled": self.scheduled}
        alive = [tm for tm in self.taskmanagers if tm not in self.gone]
        events: list[Event] = [*self.events]
        self.events.clear()
        if self.answers:
            events.append(self._report("", (Values(values=states),), JOB))
            for tm, scopes in self._scopes().items():
                if tm in alive and running and not self.frozen:
                    events.append(self._report(tm, tuple(scopes), JOB))
            events += [self._report(tm, self._container(tm), "") for tm in alive]
        seen = RunSeen(
            cluster=CLUSTER,
            job=JOB,
            start_ms=NOON_MS,
            name="orders",
            state=self.state,
            end_ms=None if self.state not in ("FINISHED", "CANCELED") else self.ms(self.now_s),
            job_type=self.job_type,
        )
        runs = (seen, *self.other_jobs) if self.listed else self.other_jobs
        self.desk.take(
            CLUSTER,
            Round(
                arrival_ms=self.ms(self.now_s),
                answered=self.answers,
                says="" if self.answers else "Cannot reach it.",
                events=events,
                runs=runs,
                containers=tuple(
                    ContainerFacts(
                        cluster=CLUSTER, id=tm, is_taskmanager=True, host=f"host-{tm}", cpu_cores=4
                    )
                    for tm in alive
                ),
                flink_version="2.3.0",
            ),
        )
        for run in self.desk.clusters[CLUSTER].runs.values():
            run.facts = run.facts or self.facts
        self.desk.judge(CLUSTER, self.ms(self.now_s))
        report = self.of_run.report
        assert report is not None
        self.reports.append(report)
