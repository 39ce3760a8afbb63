"""What changes only with a run or a process: the plan, configurations, sizes."""

from typing import NamedTuple

from msgspec import Struct

NAME_CHARACTERS = 1_000
"""Kept of the name of a job, vertex or operator: Flink allows any length, and SQL jobs use it."""


def bounded(name: str) -> str:
    """A name as it is kept. Where two are compared both are to be, or one is a part of the other
    that Flink has cut: then it is so still."""
    return f"{name[:NAME_CHARACTERS]}…" if len(name) > NAME_CHARACTERS else name


class Edge(Struct, frozen=True, kw_only=True):
    """Data comes from vertex `source`, shipped as Flink names it: FORWARD, HASH, REBALANCE…"""

    source: str
    ship: str


class Vertex(Struct, frozen=True, kw_only=True):
    """One vertex of the plan: a chain of operators that share a thread per subtask."""

    id: str
    name: str
    parallelism: int
    max_parallelism: int = -1
    operators: tuple[str, ...] = ()
    """Names of the chained operators in the order of the data."""
    inputs: tuple[Edge, ...] = ()


class CheckpointSettings(Struct, frozen=True, kw_only=True):
    """The checkpoint configuration in force, as the JobManager tells it."""

    interval_ms: int
    timeout_ms: int
    tolerable_failures: int
    min_pause_ms: int = 0
    mode: str = "exactly_once"
    unaligned: bool = False
    state_backend: str = ""
    storage: str = ""


class Looked(NamedTuple):
    """How the latest look for a run's plan and settings went."""

    found_ms: int | None
    """When what is known of them was found; None if nothing is."""
    says: str
    """What is missing; "" if nothing is."""


class JobFacts(Struct, frozen=True, kw_only=True):
    """One run's plan and settings. Vertices stand in the order of the data (topological)."""

    cluster: str
    job: str
    start_ms: int
    name: str
    job_type: str = "STREAMING"
    """STREAMING or BATCH."""
    flink_version: str = ""
    vertices: tuple[Vertex, ...] = ()
    checkpoints: CheckpointSettings | None = None
    """None: checkpoints are off."""
    restart_strategy: str = ""


class RunSeen(Struct, frozen=True, kw_only=True):
    """One run as the JobManager lists it now.

    `is_heard`: it was heard of before REST told of it. Its start is when that was, for that is what
    it is known by.
    """

    cluster: str
    job: str
    start_ms: int
    name: str
    state: str
    end_ms: int | None = None
    job_type: str = "STREAMING"
    is_heard: bool = False


class Heartbeats(Struct, frozen=True, kw_only=True):
    """How often Flink hears from its TaskManagers, and for how long it waits for that."""

    interval_ms: int = 10_000
    timeout_ms: int = 50_000

    @property
    def late_ms(self) -> int:
        """A heartbeat that is older is late. It takes a moment, and none is needed more often than
        by default."""
        return max(self.interval_ms, HEARTBEATS.interval_ms) + 2_000

    @property
    def deaf_ms(self) -> int:
        """Of who was not heard of for so long, two heartbeats are missing."""
        return 2 * max(self.interval_ms, HEARTBEATS.interval_ms)


HEARTBEATS = Heartbeats()
"""Flink's default."""


class ContainerFacts(Struct, frozen=True, kw_only=True):
    """One Flink process."""

    cluster: str
    id: str
    is_taskmanager: bool
    host: str = ""
    slots: int = 0
    cpu_cores: float | None = None
    """Cores the JVM sees (hardware.cpuCores)."""
    heap_max_bytes: int | None = None
    process_bytes: int | None = None
    """Total process memory as configured, where Flink tells it."""
    collectors: tuple[str, ...] = ()
    heartbeats: Heartbeats | None = None
    """As the JobManager is configured: it tells them of all."""


class ThreadSample(Struct, frozen=True, kw_only=True):
    """One task thread in one thread dump: frames from the top, locks as the dump names them."""

    container: str
    time_ms: int
    task: str
    """The thread's name without the subtask: the vertex's name, perhaps cut by Flink."""
    subtask: int
    state: str
    frames: tuple[str, ...]
    waits_for: str = ""
    """The lock it is blocked on, and by whom it is held, where the dump says so."""
    held_by: str = ""
    """The name of the thread that holds it."""
    thread: int = -1
    """The JVM's number of the thread: two jobs may have tasks of one name in a container."""
