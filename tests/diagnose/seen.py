"""What is seen over REST of a run that behaves as told: rounds every 10 s, as the app gets them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.model.event import Event, MetricReport, Origin, Place, Values, tables
from drsquirrel.model.facts import (
    CheckpointSettings,
    ContainerFacts,
    Edge,
    Heartbeats,
    JobFacts,
    RunSeen,
    Vertex,
)
from drsquirrel.model.report import Report
from drsquirrel.model.state import JOB_STATES, TASK_STATES, code_of
from drsquirrel.on_desk import RunDesk
from drsquirrel.rules.load import load

CLUSTER = "prod"
JOB = "0" * 32
NOON_MS = 1_790_000_040_000 // 3_600_000 * 3_600_000
STEP_S = 10


@dataclass
class Task:
    """How the subtasks of a vertex spend their time and what they handle each second."""

    busy: float = 0.2
    pressured: float = 0.0
    per_s: float = 500.0
    attempt: int = 0
    status: str = "RUNNING"
    on: str = ""
    """Its TaskManager; "" spreads them."""


@dataclass
class Seen:
    """A job of some vertices on some TaskManagers."""

    names: tuple[str, ...] = ("source", "map", "sink")
    parallelism: int = 2
    ship: str = "HASH"
    edges: Mapping[str, tuple[str, ...]] | None = None
    """Per vertex its inputs, "name" or "name FORWARD"; else each reads from the one before."""
    taskmanagers: tuple[str, ...] = ("tm-1", "tm-2")
    hosts: Mapping[str, str] = field(default_factory=dict)
    checkpoints: CheckpointSettings | None = field(
        default_factory=lambda: CheckpointSettings(
            interval_ms=10_000, timeout_ms=600_000, tolerable_failures=0
        )
    )
    job: str = JOB
    name: str = "orders"
    job_type: str = "STREAMING"
    version: str = "2.3.0"
    collector: str = "G1_Old_Generation"
    dumps_allowed: bool = False
    clock_ahead_s: int = 0
    """Of the JobManager's clock."""
    desk: Desk = field(default_factory=lambda: Desk(load()))

    def __post_init__(self) -> None:
        self.now_s = 0
        self.state = "RUNNING"
        self.answers = True
        self.says = ""
        self.tasks = {
            (v, s): Task() for v in range(len(self.names)) for s in range(self.parallelism)
        }
        self.running: int | None = None
        """Tasks that run; all if None."""
        self.scheduled = 0
        self.slots_free = 4
        self.pending: float | None = 0.0
        self.pending_per_s = 0.0
        self.asks_operators = True
        self.emit_lag_ms: float | None = None
        self.frozen = False
        self.double_times = False
        self.unsaid: set[str] = set()
        """Flink's names of metrics that are not reported."""
        self.mute: set[str] = set()
        """Vertices of which nothing is counted."""
        self.tells_facts = True
        self.cores = dict.fromkeys(self.taskmanagers, 0.5)
        self.gc = dict.fromkeys((*self.taskmanagers, ""), 0.0)
        self.gc_counts_per_s = 0.2
        self.heap = dict.fromkeys((*self.taskmanagers, ""), 0.4)
        self.heartbeat_ms = dict.fromkeys(self.taskmanagers, 1_000)
        self.heartbeats = Heartbeats()
        self.gone: set[str] = set()
        self.events: list[Event] = []
        self.beside: list[Seen] = []
        """Other runs of the cluster: they are seen in the rounds of this one."""
        self.listed = True
        self.ended_s: int | None = None
        if CLUSTER not in self.desk.clusters:
            self.desk.add_cluster(CLUSTER, STEP_S * 1000, self.dumps_allowed)
        self.reports: list[Report] = []
        self.rounds: list[Round] = []
        self._sequence = 0
        self._totals: dict[tuple[str, str], float] = {}

    @property
    def of_run(self) -> RunDesk:
        return next(r for r in self.desk.clusters[CLUSTER].runs.values() if r.seen.job == self.job)

    @property
    def start_ms(self) -> int:
        return NOON_MS + self.clock_ahead_s * 1000

    def ms(self, seconds: float) -> int:
        """A time as the JobManager tells it."""
        return self.start_ms + int(seconds * 1000)

    @property
    def clock_ms(self) -> int:
        """The time by our clock."""
        return NOON_MS + self.now_s * 1000

    @property
    def facts(self) -> JobFacts:
        ids = {name: f"{i:032x}" for i, name in enumerate(self.names)}
        chain = {b: (a,) for a, b in zip(self.names, self.names[1:], strict=False)}
        inputs = chain if self.edges is None else self.edges
        return JobFacts(
            cluster=CLUSTER,
            job=self.job,
            start_ms=self.start_ms,
            name=self.name,
            job_type=self.job_type,
            flink_version=self.version,
            vertices=tuple(
                Vertex(
                    id=ids[name],
                    name=name,
                    parallelism=self.parallelism,
                    max_parallelism=128,
                    operators=tuple(name.split(" -> ")),
                    inputs=tuple(self._edge(ids, told) for told in inputs.get(name, ())),
                )
                for name in self.names
            ),
            checkpoints=self.checkpoints,
            restart_strategy="fixed delay",
        )

    def _edge(self, ids: Mapping[str, str], told: str) -> Edge:
        name, _, ship = told.partition(" ")
        return Edge(source=ids[name], ship=ship or self.ship)

    def _live(self, seconds: int) -> None:
        if self.pending is not None:
            self.pending = max(0.0, self.pending + self.pending_per_s * seconds)
        if self.frozen:
            return
        times = 2 if self.double_times else 1
        for (v, s), task in self.tasks.items():
            if task.status != "RUNNING" or self.running == 0:
                continue
            idle = 1 - task.busy - task.pressured
            for name, share in (("b", task.busy), ("p", task.pressured), ("i", idle)):
                waits = 1 if name == "b" else times
                self._add(f"{v}/{s}/{task.attempt}", name, share * seconds * 1000 * waits)
            self._add(f"{v}/{s}/{task.attempt}", "n", task.per_s * seconds)
        for tm in self.taskmanagers:
            self._add(tm, "cpu", (self.cores[tm] + self.gc[tm]) * seconds * 1e9)
        for tm in (*self.taskmanagers, ""):
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
            epoch=f"e-{self.job}",
            sequence=self._sequence,
            container=container,
            flink_version=self.version,
        )

    def _report(self, container: str, scopes: Iterable[Values], *, of_run: bool) -> MetricReport:
        told = [
            replace(v, values={k: n for k, n in v.values.items() if k not in self.unsaid})
            for v in scopes
        ]
        return MetricReport(
            origin=self._origin(container),
            time_ms=self.ms(self.now_s),
            tables=tables(told),
            job=self.job if of_run else "",
            start_ms=self.start_ms if of_run else 0,
        )

    def _held_by(self, vertex: int, subtask: int) -> str:
        alive = [tm for tm in self.taskmanagers if tm not in self.gone]
        return self.tasks[vertex, subtask].on or alive[subtask % len(alive)]

    def _scopes(self) -> dict[str, list[Values]]:
        """What is told of the tasks, per TaskManager: states as of now, and what was counted."""
        found: dict[str, list[Values]] = {}
        for (v, s), task in self.tasks.items():
            key = f"{v}/{s}/{task.attempt}"
            vertex = f"{v:032x}"
            values: dict[str, int | float] = {"task_status": code_of(TASK_STATES, task.status)}
            if not self.frozen and self.names[v] not in self.mute:
                values |= {
                    "accumulateBusyTimeMs": self._of(key, "b"),
                    "accumulateBackPressuredTimeMs": self._of(key, "p"),
                    "accumulateIdleTimeMs": self._of(key, "i"),
                    "numRecordsIn" if v else "numRecordsOut": self._of(key, "n"),
                }
            scopes = found.setdefault(self._held_by(v, s), [])
            scopes.append(Values(values, Place(vertex, s, attempt=task.attempt)))
            of_source: dict[str, int | float] = {"numRecordsIn": self._of(key, "n")}
            if self.pending is not None:
                of_source["pendingRecords"] = self.pending / self.parallelism
            if self.emit_lag_ms is not None:
                of_source["currentEmitEventTimeLag"] = self.emit_lag_ms
            if not self.facts.vertices[v].inputs and self.asks_operators and not self.frozen:
                operator = self.names[v].split(" -> ")[0]
                scopes.append(Values(of_source, Place(vertex, s, operator, "", task.attempt)))
        return found

    def _container(self, tm: str) -> tuple[Values, ...]:
        live: dict[str, int | float] = {}
        if tm:
            live = {"heartbeat_age_ms": self.heartbeat_ms[tm], "slots_free": self.slots_free}
        if self.frozen:
            return (Values(live),)
        own = {
            "Status.JVM.CPU.Time": self._of(tm, "cpu"),
            "Status.JVM.Memory.Heap.Used": int(self.heap[tm] * 1e9),
            "Status.JVM.Memory.Heap.Max": 1_000_000_000,
            "Status.JVM.Threads.Count": 80,
        }
        collected = {"Time": self._of(tm, "gc"), "Count": self._of(tm, "count")}
        return (Values(live | own), Values(collected, Place(group=self.collector)))

    def told(self) -> list[Event]:
        """What the cluster tells of this run now."""
        total = len(self.tasks)
        running = total if self.running is None else self.running
        states = {
            "job_state": code_of(JOB_STATES, self.state),
            "tasks_total": total,
            "tasks_running": running,
            "tasks_scheduled": self.scheduled,
        }
        events: list[Event] = [*self.events]
        self.events.clear()
        if self.answers and self.listed:
            events.append(self._report("", (Values(states),), of_run=True))
            for tm, scopes in self._scopes().items():
                if running:
                    events.append(self._report(tm, scopes, of_run=True))
        return events

    def seen(self) -> tuple[RunSeen, ...]:
        """The run as it is listed, if it is."""
        seen = RunSeen(
            cluster=CLUSTER,
            job=self.job,
            start_ms=self.start_ms,
            name=self.name,
            state=self.state,
            end_ms=None if self.ended_s is None else self.ms(self.ended_s),
            job_type=self.job_type,
        )
        return (seen,) if self.listed else ()

    def look(self) -> None:
        """A round now, and what is said after it."""
        alive = [tm for tm in self.taskmanagers if tm not in self.gone]
        sims = (self, *self.beside)
        events = [e for sim in sims for e in sim.told()]
        if self.answers:
            events += [self._report(tm, self._container(tm), of_run=False) for tm in (*alive, "")]
        found = Round(
            arrival_ms=self.clock_ms,
            answered=self.answers,
            says=self.says,
            events=events,
            runs=tuple(seen for sim in sims for seen in sim.seen()),
            containers=tuple(
                ContainerFacts(
                    cluster=CLUSTER,
                    id=tm,
                    is_taskmanager=bool(tm),
                    host=self.hosts.get(tm, f"host-{tm}" if tm else ""),
                    cpu_cores=4 if tm else None,
                    heartbeats=None if tm else self.heartbeats,
                )
                for tm in (*alive, "")
            ),
            flink_version=self.version,
        )
        self.rounds.append(found)
        self.desk.take(CLUSTER, found)
        self.judge()

    def judge(self) -> None:
        """What is said now, without another round."""
        for sim in (self, *self.beside):
            for run in self.desk.clusters[CLUSTER].runs.values():
                if run.seen.job == sim.job and run.facts is None and sim.tells_facts:
                    run.facts = sim.facts
        self.desk.judge(CLUSTER, self.clock_ms)
        for sim in (self, *self.beside):
            report = sim.of_run.report
            assert report is not None
            sim.reports.append(report)
