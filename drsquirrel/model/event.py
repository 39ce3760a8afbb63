"""What comes in: reports of metrics, log lines, failures, checkpoints, changes of a job.

Times are milliseconds since the epoch by the clock of whoever reports (`time_ms`). An event of a
producer that counts is known by (container, epoch, sequence); what is polled over REST is known by
its content (`identity`). `start_ms` is the start of the run where the producer knows it, else 0.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

SCHEMA = 1
LONG_LIMIT = 2**63
Long: TypeAlias = Annotated[int, Meta(ge=1 - LONG_LIMIT, le=LONG_LIMIT - 1)]
"""A whole number as Java and databases have it."""

Level: TypeAlias = Literal["INFO", "WARN", "ERROR", "FATAL"]


class Origin(Struct, frozen=True, kw_only=True, gc=False):
    """Who says it: one process of one cluster, or we who looked at it.

    `epoch` is new whenever `sequence` starts again. `container` is Flink's resource id, "" where an
    event belongs to no single process (what the JobManager says of a whole job).
    """

    cluster: str
    producer: Literal["flink-rest", "plugin"]
    epoch: str
    sequence: Long
    container: str = ""
    flink_version: str = ""
    schema: Annotated[int, Meta(ge=0)] = SCHEMA


class Place(Struct, frozen=True, array_like=True, gc=False):
    """The scope of a number: a subtask in an attempt, an operator of it, a collector, the whole."""

    vertex: str = ""
    subtask: Long = -1
    operator: str = ""
    group: str = ""
    attempt: Long = -1


class Table(Struct, frozen=True, kw_only=True, gc=False):
    """What several places tell under the same names: Flink's or, where Flink has none, ours.

    `numbers` holds one per place and name, place after place; null where there is none now.
    """

    names: tuple[str, ...]
    places: tuple[Place, ...]
    numbers: tuple[int | float | None, ...]


class Values(Struct, frozen=True):
    """What one place tells by name, before it is put into a table."""

    values: Mapping[str, int | float]
    place: Place = Place()


def tables(told: Iterable[Values]) -> tuple[Table, ...]:
    """The tables that hold these values: one for all places that tell under the same names."""
    alike: dict[tuple[str, ...], list[Values]] = {}
    for of_place in told:
        alike.setdefault(tuple(of_place.values), []).append(of_place)
    return tuple(
        Table(
            names=names,
            places=tuple(v.place for v in same),
            numbers=tuple(chain.from_iterable(v.values.values() for v in same)),
        )
        for names, same in alike.items()
    )


class MetricReport(Struct, frozen=True, kw_only=True, tag="metrics", gc=False):
    """One container's report about one run, or (job empty) about itself."""

    origin: Origin
    time_ms: Long
    tables: tuple[Table, ...] = ()
    job: str = ""
    job_name: str = ""
    """As Flink has it, without secrets; empty where the producer does not tell it."""
    start_ms: Long = 0


class LogEvent(Struct, frozen=True, kw_only=True, tag="log"):
    """One log line: a warning, an error, or an info with a throwable.

    `count` equal lines are one event; `dropped` more of its kind were too many to be sent.
    """

    origin: Origin
    time_ms: Long
    level: Level
    logger: str
    message: str
    thread: str = ""
    throwable: str = ""
    job: str = ""
    start_ms: Long = 0
    task: str = ""
    """Flink's name of the task that wrote it, with its subtask: "map (1/2)#0"."""
    host: str = ""
    count: Long = 1
    dropped: Long = 0


class FailureEvent(Struct, frozen=True, kw_only=True, tag="failure"):
    """A throwable that failed a task or the job. `concurrent`: listed below another entry."""

    origin: Origin
    time_ms: Long
    job: str
    throwable: str
    signature: str = ""
    """Empty: not signed yet."""
    start_ms: Long = 0
    task: str = ""
    vertex: str = ""
    subtask: Long = -1
    attempt: Long = -1
    on_container: str = ""
    host: str = ""
    concurrent: bool = False
    labels: Mapping[str, str] = {}

    @property
    def identity(self) -> str:
        return f"{self.time_ms}|{self.task}|{self.signature}"


class CheckpointEvent(Struct, frozen=True, kw_only=True, tag="checkpoint"):
    """What is known of one checkpoint; a later report of the same one replaces the earlier.

    `unacknowledged` lists (vertex, number of subtasks that have not acknowledged).
    """

    origin: Origin
    time_ms: Long
    """When it was triggered."""
    job: str
    id: Long
    status: str
    start_ms: Long = 0
    ended_ms: Long | None = None
    duration_ms: Long | None = None
    savepoint: bool = False
    state_bytes: Long | None = None
    full_bytes: Long | None = None
    start_delay_ms: Long | None = None
    alignment_ms: Long | None = None
    sync_ms: Long | None = None
    async_ms: Long | None = None
    slowest_vertex: str = ""
    unacknowledged: tuple[tuple[str, Long], ...] = ()
    failure: str = ""

    @property
    def identity(self) -> str:
        return f"{self.time_ms}|{self.id}"


class ChangeEvent(Struct, frozen=True, kw_only=True, tag="change"):
    """Something changed: a state of the job, a container came or went, the cluster fell silent."""

    origin: Origin
    time_ms: Long
    what: Literal[
        "job-state", "run-ended", "container-seen", "container-gone", "slots", "jobmanager-start"
    ]
    job: str = ""
    start_ms: Long = 0
    subject: str = ""
    """The new state, or the container."""
    text: str = ""

    @property
    def identity(self) -> str:
        return f"{self.time_ms}|{self.what}|{self.subject}"


class ContainerEvent(Struct, frozen=True, kw_only=True, tag="container"):
    """A process with the plugin began or ends; what it is."""

    origin: Origin
    time_ms: Long
    what: Literal["hello", "goodbye"]
    is_taskmanager: bool
    host: str = ""
    pid: Long = 0
    java_version: str = ""
    plugin_version: str = ""
    interval_ms: Long = 0
    heap_max_bytes: Long | None = None


class ConfigEvent(Struct, frozen=True, kw_only=True, tag="config"):
    """The configuration a process runs with, told once; its secrets never left the process."""

    origin: Origin
    time_ms: Long
    is_taskmanager: bool
    options: Mapping[str, str]


Event: TypeAlias = MetricReport | LogEvent | FailureEvent | CheckpointEvent | ChangeEvent
"""What a minute is made of."""
Message: TypeAlias = Event | ContainerEvent | ConfigEvent
"""All that travels."""

encoder = msgspec.json.Encoder(order="deterministic")
decoder = msgspec.json.Decoder(Event)
message_decoder = msgspec.json.Decoder(Message)
