"""The parts of Flink's answers that we read, in the layouts of 1.18 to 2.3; all else is ignored."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct, field

from drsquirrel.collect.flink_rest.error import NotFlinkError

Number = int | float | str | None
"""Flink writes NaN and infinities as strings."""
Int = Annotated[int, Meta(ge=-(2**31), lt=2**31)]
Long = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Time = Annotated[int, Meta(ge=-1, lt=7_258_118_400_000)]
"""In ms, before the year 2200; -1 is not set."""
Duration = Annotated[int, Meta(gt=-7_258_118_400_000, lt=7_258_118_400_000)]
"""In ms; below 0 where a clock was set back."""
Index = Annotated[int, Meta(ge=0, lt=2**15)]
"""Of a subtask: Flink's highest parallelism is 2^15."""
Id = Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
T = TypeVar("T")


def parsed(answer: Any, shape: type[T]) -> T:
    """The answer in this shape; raises NotFlinkError where expected keys are missing."""
    try:
        return msgspec.convert(answer, shape)
    except msgspec.ValidationError as error:
        raise NotFlinkError(
            f"The JSON is not what Flink's REST API sends ({error}): is this the address of "
            "another service, or of a Flink version before 1.18?"
        ) from None


def whole(value: Number) -> int | None:
    """The number as an integer; None for NaN, infinities and Flink's "not set"."""
    number = numeric(value)
    return None if number is None else int(number)


def numeric(value: Number) -> int | float | None:
    """The number behind a metric's text; None for NaN, infinities and Flink's "not set"."""
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            try:
                value = float(value)
            except ValueError:
                return None
    # NaN compares false with everything; an unset watermark is the smallest long.
    return value if value is not None and abs(value) < UNSET else None


UNSET = 2.0**63


class Config(Struct, frozen=True, rename="kebab"):
    """/config"""

    flink_version: str


class Option(Struct, frozen=True):
    """An entry of /jobmanager/config"""

    key: str
    value: str


class Job(Struct, frozen=True, rename="kebab"):
    """A job in /jobs/overview: live, from no cache."""

    jid: Id
    name: str
    state: str
    start_time: Time
    end_time: Time
    duration: Duration
    tasks: Mapping[str, Int]
    job_type: str = field(name="jobType", default="STREAMING")


class Jobs(Struct, frozen=True):
    """/jobs/overview"""

    jobs: tuple[Job, ...]


class Hardware(Struct, frozen=True, rename="camel"):
    cpu_cores: float | None = None


class MemoryConfiguration(Struct, frozen=True, rename="camel"):
    framework_heap: Long | None = None
    task_heap: Long | None = None
    total_process_memory: Long | None = None


class TaskManager(Struct, frozen=True, rename="camel"):
    """A process in /taskmanagers: live. `last_heartbeat_ms` is a time in spite of Flink's name."""

    id: str
    path: str
    data_port: Int
    slots_number: Int
    free_slots: Int
    last_heartbeat_ms: Time = field(name="timeSinceLastHeartbeat")
    hardware: Hardware = Hardware()
    memory_configuration: MemoryConfiguration = MemoryConfiguration()

    @property
    def host(self) -> str:
        """From pekko.tcp://flink@HOST:PORT/user/…"""
        return self.path.partition("@")[2].partition("/")[0].rpartition(":")[0]


class TaskManagers(Struct, frozen=True):
    """/taskmanagers"""

    taskmanagers: tuple[TaskManager, ...]


class IoMetrics(Struct, frozen=True, rename="kebab"):
    """What was counted in a subtask or vertex. A number is to be trusted if it is complete."""

    read_bytes: Number = None
    read_bytes_complete: bool = False
    write_bytes: Number = None
    write_bytes_complete: bool = False
    read_records: Number = None
    read_records_complete: bool = False
    write_records: Number = None
    write_records_complete: bool = False
    accumulated_backpressured_time: Number = None
    accumulated_idle_time: Number = None
    accumulated_busy_time: Number = None


class VertexOverview(Struct, frozen=True):
    """A vertex in /jobs/:id; its numbers are sums over its subtasks."""

    id: Id
    name: str
    parallelism: Int
    status: str
    metrics: IoMetrics


class PlanInput(Struct, frozen=True):
    id: str


class PlanNode(Struct, frozen=True):
    id: str
    description: str = ""
    inputs: tuple[PlanInput, ...] = ()


class Plan(Struct, frozen=True):
    type: str = "STREAMING"
    nodes: tuple[PlanNode, ...] = ()


class JobDetails(Struct, frozen=True, rename="kebab"):
    """/jobs/:id: from a cache of 3 s, but `now` is the JobManager's clock when it answered."""

    jid: Id
    state: str
    start_time: Time
    now: Time
    timestamps: Mapping[str, Time]
    vertices: tuple[VertexOverview, ...]
    plan: Plan = Plan()


class Subtask(Struct, frozen=True, rename="kebab"):
    """A subtask in /jobs/:id/vertices/:v"""

    subtask: Index
    status: str
    attempt: Int
    start_time: Time
    metrics: IoMetrics
    taskmanager_id: str = ""


class VertexDetails(Struct, frozen=True):
    """/jobs/:id/vertices/:v"""

    id: str
    name: str
    now: Time
    subtasks: tuple[Subtask, ...]


class MetricValue(Struct, frozen=True):
    """An entry of any …/metrics: with a value, aggregates, or just the name."""

    id: str
    value: Number = None
    sum: Number = None
    max: Number = None


class Failure(Struct, frozen=True, rename="camel"):
    """An entry of /jobs/:id/exceptions, or one that failed along with it."""

    stacktrace: str
    timestamp: Time
    task_name: str | None = None
    location: str | None = None
    """host:port on 1.18, where later versions say `endpoint`."""
    endpoint: str | None = None
    task_manager_id: str | None = None
    failure_labels: Mapping[str, str] = {}
    concurrent_exceptions: tuple["Failure", ...] = ()


class FailureHistory(Struct, frozen=True):
    entries: tuple[Failure, ...]
    truncated: bool = False


class Exceptions(Struct, frozen=True, rename="camel"):
    """/jobs/:id/exceptions"""

    exception_history: FailureHistory


class Checkpoint(Struct, frozen=True):
    """An entry of the history in /jobs/:id/checkpoints"""

    id: Long
    status: str
    is_savepoint: bool
    trigger_timestamp: Time
    latest_ack_timestamp: Time | None = None
    end_to_end_duration: Number = None
    state_size: Number = None
    checkpointed_size: Number = None
    num_subtasks: Int = 0
    num_acknowledged_subtasks: Int = 0
    failure_timestamp: Time | None = None
    failure_message: str | None = None


class Checkpoints(Struct, frozen=True):
    """/jobs/:id/checkpoints; Flink leaves all out where checkpointing is off."""

    counts: Mapping[str, Long] = {}
    history: tuple[Checkpoint, ...] = ()


class CheckpointTask(Struct, frozen=True):
    """One vertex in …/checkpoints/details/:id"""

    end_to_end_duration: Number = None
    num_subtasks: Int = 0
    num_acknowledged_subtasks: Int = 0


class CheckpointDetails(Struct, frozen=True):
    """…/checkpoints/details/:id"""

    id: int
    tasks: Mapping[str, CheckpointTask] = {}


class Extremes(Struct, frozen=True):
    max: Number = None


class Durations(Struct, frozen=True):
    sync: Extremes = Extremes()
    asynchronous: Extremes = field(name="async", default=Extremes())


class Alignment(Struct, frozen=True):
    duration: Extremes = Extremes()


class CheckpointSummary(Struct, frozen=True):
    checkpoint_duration: Durations = Durations()
    alignment: Alignment = Alignment()
    start_delay: Extremes = Extremes()


class CheckpointSubtasks(Struct, frozen=True):
    """…/checkpoints/details/:id/subtasks/:vertex"""

    summary: CheckpointSummary = CheckpointSummary()
