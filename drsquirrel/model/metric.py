"""Our metric words, and the names they have in Flink: the only place where those appear.

A metric is a counter (only grows within one execution attempt or process) or a gauge. Values are
integers in the unit the name ends in; `micro` means millionths (Flink reports a share or ratio).
"""

from dataclasses import dataclass
from enum import StrEnum

MICRO = 1_000_000


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"


class Scope(StrEnum):
    """To what a metric belongs."""

    JOB = "job"
    SUBTASK = "subtask"
    OPERATOR = "operator"
    CONTAINER = "container"
    COLLECTOR = "collector"
    """One garbage collector of a container: the track's group is its name."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its word, kind, scope, Flink's names for it in any version, and a factor.

    `flink` is empty for what Flink reports outside its metric system (REST fields, heartbeats).
    `factor` turns Flink's number into our integer unit.
    """

    name: str
    kind: Kind
    scope: Scope
    flink: tuple[str, ...] = ()
    factor: int = 1

    def __str__(self) -> str:
        return self.name


def _job(name: str, kind: Kind, *flink: str) -> Metric:
    return Metric(name, kind, Scope.JOB, flink)


def _task(name: str, kind: Kind, *flink: str, factor: int = 1) -> Metric:
    return Metric(name, kind, Scope.SUBTASK, flink, factor)


def _operator(name: str, kind: Kind, *flink: str) -> Metric:
    return Metric(name, kind, Scope.OPERATOR, flink)


def _container(name: str, kind: Kind, *flink: str) -> Metric:
    return Metric(name, kind, Scope.CONTAINER, flink)


_C, _G = Kind.COUNTER, Kind.GAUGE

JOB_STATE = _job("job_state", _G)
"""A code of model.state.JOB_STATES."""
TASKS_TOTAL = _job("tasks_total", _G)
TASKS_RUNNING = _job("tasks_running", _G)
"""Tasks that run or have finished: FINISHED tasks are normal."""
TASKS_SCHEDULED = _job("tasks_scheduled", _G)
"""Tasks that wait for a slot."""
RESTARTS = _job("restarts_total", _C, "numRestarts")
CHECKPOINTS_COMPLETED = _job("checkpoints_completed_total", _C, "numberOfCompletedCheckpoints")
CHECKPOINTS_FAILED = _job("checkpoints_failed_total", _C, "numberOfFailedCheckpoints")
CHECKPOINTS_IN_PROGRESS = _job("checkpoints_in_progress", _G, "numberOfInProgressCheckpoints")

TASK_STATUS = _task("task_status", _G)
"""A code of model.state.TASK_STATES."""
BUSY_MS = _task("busy_ms", _C, "accumulateBusyTimeMs")
BACKPRESSURED_MS = _task("backpressured_ms", _C, "accumulateBackPressuredTimeMs")
IDLE_MS = _task("idle_ms", _C, "accumulateIdleTimeMs")
RECORDS_IN = _task("records_in", _C, "numRecordsIn")
RECORDS_OUT = _task("records_out", _C, "numRecordsOut")
BYTES_IN = _task("bytes_in", _C, "numBytesIn")
BYTES_OUT = _task("bytes_out", _C, "numBytesOut")
INPUT_QUEUE_BUFFERS = _task(
    "input_queue_buffers", _G, "Shuffle.Netty.Input.Buffers.inputQueueLength"
)
TASK_CPU_NS = _task("task_cpu_ns", _C)
"""Of the thread that runs the task; the plugin tells it."""
OUT_POOL_MICRO = _task(
    "out_pool_micro", _G, "Shuffle.Netty.Output.Buffers.outPoolUsage", factor=MICRO
)

PENDING_RECORDS = _operator("pending_records", _G, "pendingRecords")
RECORDS_LAG_MAX = _operator(
    "records_lag_max",
    _G,
    "KafkaSourceReader.KafkaConsumer.records-lag-max",
    "KafkaConsumer.records-lag-max",
)
EMIT_LAG_MS = _operator("emit_lag_ms", _G, "currentEmitEventTimeLag")
SOURCE_RECORDS_IN = _operator("source_records_in", _C, "numRecordsIn")
RECORDS_SENT = _operator("records_sent", _C, "numRecordsSend")
SEND_ERRORS = _operator("send_errors", _C, "numRecordsSendErrors")
SEND_TIME_MS = _operator("send_time_ms", _G, "currentSendTime")

CPU_TIME_NS = _container("cpu_time_ns", _C, "Status.JVM.CPU.Time")
HEAP_USED_BYTES = _container("heap_used_bytes", _G, "Status.JVM.Memory.Heap.Used")
HEAP_MAX_BYTES = _container("heap_max_bytes", _G, "Status.JVM.Memory.Heap.Max")
METASPACE_USED_BYTES = _container("metaspace_used_bytes", _G, "Status.JVM.Memory.Metaspace.Used")
METASPACE_MAX_BYTES = _container("metaspace_max_bytes", _G, "Status.JVM.Memory.Metaspace.Max")
THREADS = _container("threads", _G, "Status.JVM.Threads.Count")
HEARTBEAT_AGE_MS = _container("heartbeat_age_ms", _G)
"""How long ago the JobManager last heard from this TaskManager; live, never from a cache."""
SLOTS_TOTAL = _container("slots_total", _G)
SLOTS_FREE = _container("slots_free", _G)
RSS_BYTES = _container("rss_bytes", _G)
"""What the process takes of the machine's memory; this and the following the plugin tells."""
CGROUP_MEMORY_USED_BYTES = _container("cgroup_memory_used_bytes", _G)
CGROUP_MEMORY_LIMIT_BYTES = _container("cgroup_memory_limit_bytes", _G)
CGROUP_CPU_LIMIT_MICRO = _container("cgroup_cpu_limit_micro", _G)
"""Of one core."""
CGROUP_THROTTLED_MS = _container("cgroup_throttled_ms", _C)
PUBLISHER_SENT = _container("publisher_sent_total", _C)
"""Messages of the plugin that Kafka has taken; those it has lost, and those that wait."""
PUBLISHER_DROPPED = _container("publisher_dropped_total", _C)
DROPPED_BY_REASON: dict[str, Metric] = {
    reason: _container(f"publisher_dropped_{reason}_total", _C)
    for reason in (
        "queue_full",
        "bytes_full",
        "too_large",
        "no_topic",
        "refused",
        "closed",
        "unreadable",
    )
}
PUBLISHER_QUEUED = _container("publisher_queued", _G)
GC_COUNT = Metric("gc_count", _C, Scope.COLLECTOR, ("Count",))
GC_TIME_MS = Metric("gc_time_ms", _C, Scope.COLLECTOR, ("Time",))

COLLECTOR_PREFIX = "Status.JVM.GarbageCollector."
"""Flink's name of a collector's metric is this, the collector's name, a dot, Count or Time."""
COLLECTOR_TOTAL = "All"
"""Flink 1.20 and later add this sum over all collectors; we add up ourselves and skip it."""

METRICS: tuple[Metric, ...] = (
    *(v for v in list(globals().values()) if isinstance(v, Metric)),
    *DROPPED_BY_REASON.values(),
)
BY_NAME: dict[str, Metric] = {m.name: m for m in METRICS}
BY_FLINK_NAME: dict[tuple[Scope, str], Metric] = {
    (m.scope, flink): m for m in METRICS for flink in m.flink
}
GAUGES: frozenset[str] = frozenset(m.name for m in METRICS if m.kind is Kind.GAUGE)

OLD_COLLECTORS: dict[str, bool] = {
    "G1_Old_Generation": True,
    "G1_Young_Generation": False,
    "G1_Concurrent_GC": False,
    "MarkSweepCompact": True,
    "Copy": False,
    "PS_MarkSweep": True,
    "PS_Scavenge": False,
}
"""Collectors that stop the world, and whether they collect the old generation (or everything).

G1's mixed collections count as young and its old one is a full collection. G1_Concurrent_GC does
not stop the world but for short pauses (JDK 20 and later). A name that is not here (ZGC,
Shenandoah) is unknown: its share is not assessed."""
