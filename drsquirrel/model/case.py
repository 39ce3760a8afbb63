"""The case: the facts about one run now, as `diagnose` measures them and causes read them.

Every number may be Unknown with its reason. Shares are 0 to 1, times milliseconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.facts import HEARTBEATS, Heartbeats, JobFacts, Vertex
from drsquirrel.model.kill import Kill
from drsquirrel.model.report import Onset
from drsquirrel.model.unknown import Number, Truth, Unknown

NOT_TOLD = Unknown("not reported")
SATURATED_IDLE = 0.1
PRESSURED_SHARE = 0.3
SATURATED_PRESSURED = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskNow:
    """One subtask over the window: busy, pressured and idle add up to 1."""

    index: int
    attempt: int
    container: str
    busy: float
    pressured: float
    idle: float
    records_in_per_s: Number
    records_out_per_s: Number
    wall_cost_us: Number
    """Busy time per record (in, or out for a source): what one record takes of the thread."""

    @property
    def is_saturated(self) -> bool:
        return self.idle <= SATURATED_IDLE and self.pressured < SATURATED_PRESSURED


@dataclass(frozen=True, kw_only=True)
class VertexNow:
    """One vertex over the window. `subtasks` are those with a trustworthy window, by index."""

    vertex: Vertex
    subtasks: tuple[SubtaskNow, ...]
    reads_from_outside: bool
    """It has no input in the plan: its first operator is a source."""
    writes_outside: bool
    """It has no output in the plan: its last operator is a sink."""
    cost_rise: Number
    """Wall cost now over its median of earlier in the hour (before the onset)."""
    records_skew: Number
    """Most records of a subtask over the mean, above what max parallelism alone gives."""
    cost_skew: Number
    """Highest wall cost of a subtask over the median of the others."""
    send_errors_per_s: Number

    @property
    def saturated(self) -> tuple[SubtaskNow, ...]:
        return tuple(s for s in self.subtasks if s.is_saturated)

    @property
    def all_saturated(self) -> bool:
        """At least nine of ten of the subtasks the plan says it has."""
        return len(self.saturated) >= 0.9 * self.vertex.parallelism

    @property
    def containers(self) -> frozenset[str]:
        return frozenset(s.container for s in self.subtasks)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerNow:
    """One process over the window."""

    id: str
    is_taskmanager: bool
    host: str
    cores: Number
    """Cores the JVM may use."""
    cores_used: Number
    """CPU time per wall time, garbage collection taken off: an upper bound for what runs in it."""
    gc_share: Number
    gc_old_share: Number
    heap_floor_share: Number
    """Lowest heap after a collection over its maximum: an estimate."""
    heap_max_bytes: Number
    heartbeat_age_ms: Number
    threads: Number
    gone_ms: int | None = None
    """When it was first missed, if it is gone."""
    kill: Kill | None = None
    """How it was ended, as YARN says."""
    rss_bytes: Number = NOT_TOLD
    """What it took of its machine's memory when it was last seen."""
    memory_limit_bytes: Number = NOT_TOLD
    """What it may take before it is killed."""
    quiet_ms: int | None = None
    """When it was last heard of that should have spoken since, where no list of processes tells."""
    other_runs: int | Unknown = 0
    """How many other runs had subtasks in it in the window."""
    heartbeats: Heartbeats = HEARTBEATS

    @property
    def is_silent(self) -> bool:
        """Whether its last heartbeat is too old; unknown is not."""
        return self._is_older(self.heartbeats.late_ms)

    @property
    def is_deaf(self) -> bool:
        """Whether it has missed two."""
        return self._is_older(self.heartbeats.deaf_ms)

    def _is_older(self, age_ms: int) -> bool:
        own_ms = self.heartbeat_age_ms
        return not isinstance(own_ms, Unknown) and own_ms > age_ms


class ThreadKind(StrEnum):
    """What a thread does, by its frames, not by its Java state."""

    IDLE = "idle"
    BACKPRESSURED = "backpressured"
    IO = "io"
    SLEEPING = "sleeping"
    LOCK = "lock"
    RUNNING = "running"
    STATE = "state"


NOT_DUMPED = Unknown("no recent thread dump shows them")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadVerdict:
    """What the task threads of a vertex do, from at least 8 samples of at least 3 dumps."""

    kind: ThreadKind
    share: float
    samples: int
    frame: str
    """First frame from the top outside the JDK and Flink's runtime."""
    operator_frame: str
    """The nearest processElement, invoke, write…: whose code it is."""
    chain_index: int = -1
    """Which operator of the chain it runs in, in the order of the data; -1 where unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How far a source is behind what it reads."""

    vertex: str
    operator: str
    records: Number
    slope_per_s: Number
    """Records by which the lag grows per second; for an event-time lag, ms per s."""
    rising: Truth
    falling: Truth


@dataclass(frozen=True, kw_only=True)
class Bottleneck:
    """A vertex that limits the run: DIAGNOSIS.md section 3."""

    at: VertexNow
    subtasks: tuple[SubtaskNow, ...]
    """The saturated ones."""
    onset: Onset | None
    inside_chain: bool
    """No backpressure led here: it is the lag of the source's own chain that tells."""
    cpu_cores: Number
    """CPU of the containers that hold the saturated subtasks, together."""
    containers: tuple[ContainerNow, ...]
    threads: ThreadVerdict | Unknown
    neighbours_cost_rise: Number
    """Median cost rise of the run's other vertices."""
    slow_host: str | Unknown
    """The host or container to which slow subtasks with equal records belong, "" if none."""


class FaultKind(StrEnum):
    """DIAGNOSIS.md section 4.3."""

    DIRECT = "direct"
    RELAYED = "relayed"
    POLICY = "policy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of the exception history, unwrapped to its deepest cause."""

    event: FailureEvent
    kind: FaultKind
    exception: str
    """Class of the deepest cause."""
    message: str
    frames: tuple[str, ...]
    """In-app frames of the deepest cause, from the top."""
    names_container: str = ""
    """The remote TaskManager a relayed message names."""


@dataclass(frozen=True, kw_only=True)
class Episode:
    """An incident as measured: from all running to all running again."""

    began_ms: int
    ended_ms: int | None
    faults: tuple[Fault, ...]
    first: Fault | None
    """Who failed first; None where no entry tells (lost, or a rescale)."""
    lost: tuple[ContainerNow, ...] = ()
    """TaskManagers that held subtasks of the run and went away with it."""
    changes: tuple[ChangeEvent, ...] = ()
    restarted: bool = True
    """False: the run had not been up before (it never started)."""
    entries_lost: Truth = False


@dataclass(frozen=True, kw_only=True)
class CheckpointsNow:
    """Checkpoints of the run over the hour and now."""

    completed: tuple[CheckpointEvent, ...]
    failed: tuple[CheckpointEvent, ...]
    """Without savepoints and refusals while restarting; oldest first."""
    in_progress: CheckpointEvent | None
    failures_in_row: int
    last_completed_ms: int | None
    running_since_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is known of one run now. `bottleneck` and `episode` are what the question is about."""

    now_ms: int
    job: str
    start_ms: int
    state: str
    facts: JobFacts | Unknown
    all_running: Truth
    running_for_ms: Number
    frozen: str
    """Why rates are not to be trusted (counters frozen, a heartbeat too old); "" if they are."""
    warming_up: bool
    vertices: tuple[VertexNow, ...]
    """In the order of the data."""
    containers: Mapping[str, ContainerNow]
    """Those that hold or held subtasks of the run in the hour, and the JobManager ("")."""
    lags: tuple[Lag, ...]
    bottlenecks: tuple[Bottleneck, ...] | Unknown
    episodes: tuple[Episode, ...]
    """Of the hour, oldest first."""
    checkpoints: CheckpointsNow | Unknown
    slots_free: Number
    tasks_waiting: Number
    """Tasks that wait for a slot, and since when."""
    waiting_since_ms: int | None = None
    bottleneck: Bottleneck | None = None
    episode: Episode | None = None

    def about(
        self, *, bottleneck: Bottleneck | None = None, episode: Episode | None = None
    ) -> "Case":
        """The same case, for a question about one bottleneck or one episode."""
        return replace(self, bottleneck=bottleneck, episode=episode)

    @cached_property
    def by_vertex(self) -> Mapping[str, VertexNow]:
        return {v.vertex.id: v for v in self.vertices}
