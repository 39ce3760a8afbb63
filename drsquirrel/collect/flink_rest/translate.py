"""Turns Flink's answers into scopes of metric values; pure.

REST has its own keys for some metrics: they get the names they have in Flink's metric system, so
that whoever reads a report needs to know only those.
"""

from collections.abc import Iterable, Mapping, Sequence

from drsquirrel.collect.flink_rest.answer import (
    IoMetrics,
    Job,
    MetricValue,
    Subtask,
    TaskManager,
    numeric,
    whole,
)
from drsquirrel.model import metric
from drsquirrel.model.event import Place, Values
from drsquirrel.model.metric import BY_FLINK_NAME, Metric, Scope
from drsquirrel.model.state import JOB_STATES, TASK_STATES, code_of

WAITING = ("created", "scheduled", "deploying", "reconciling")
NOT_SUMMED = (metric.EMIT_LAG_MS, metric.SEND_TIME_MS, metric.RECORDS_LAG_MAX)
"""Of these the highest over all subtasks says something, and the sum nothing."""
TIMES = ("accumulateBackPressuredTimeMs", "accumulateIdleTimeMs", "accumulateBusyTimeMs")
JOB_METRICS = ("numRestarts", "uptime")
CHECKPOINT_COUNTS = {
    "completed": "numberOfCompletedCheckpoints",
    "failed": "numberOfFailedCheckpoints",
    "in_progress": "numberOfInProgressCheckpoints",
}
CONTAINER_METRICS = frozenset(name for scope, name in BY_FLINK_NAME if scope is Scope.CONTAINER)
SOURCE_PREFIX = "Source_"
"""Of "Source: orders", as metric ids write an operator's name."""


def job_values(job: Job) -> Values:
    """What the live overview says of a run."""
    tasks = job.tasks
    return Values(
        {
            metric.JOB_STATE.name: code_of(JOB_STATES, job.state),
            metric.TASKS_TOTAL.name: tasks.get("total", 0),
            metric.TASKS_RUNNING.name: tasks.get("running", 0) + tasks.get("finished", 0),
            metric.TASKS_SCHEDULED.name: tasks.get("scheduled", 0),
        }
    )


def checkpoint_values(counts: Mapping[str, int]) -> Values:
    """The counts of /checkpoints by the names of the metrics that say the same."""
    return Values({CHECKPOINT_COUNTS[k]: n for k, n in counts.items() if k in CHECKPOINT_COUNTS})


def restart_values(answer: Iterable[MetricValue]) -> Values:
    return Values(_numbers(v for v in answer if v.id == "numRestarts"))


def uptime_ms(answer: Iterable[MetricValue]) -> int | None:
    """How long the job ran without interruption when Flink last brought its metrics up to date."""
    found = [whole(v.value) for v in answer if v.id == "uptime"]
    return found[0] if found and found[0] is not None and found[0] > 0 else None


def status_values(vertex: str, subtask: Subtask) -> Values:
    status = code_of(TASK_STATES, subtask.status)
    return _of_subtask(vertex, subtask, {metric.TASK_STATUS.name: status})


def io_values(vertex: str, subtask: Subtask) -> Values:
    """What was counted in this attempt, as far as it is complete."""
    return _of_subtask(vertex, subtask, io_numbers(subtask.metrics))


def io_numbers(io: IoMetrics) -> dict[str, int | float]:
    """The complete numbers by the names of Flink's metrics.

    The times have no flag of their own. They come from the same store as the rest, so all else has
    to be complete; and three zeros are a task whose times were not there yet.
    """
    flags = (
        ("numBytesIn", io.read_bytes, io.read_bytes_complete),
        ("numBytesOut", io.write_bytes, io.write_bytes_complete),
        ("numRecordsIn", io.read_records, io.read_records_complete),
        ("numRecordsOut", io.write_records, io.write_records_complete),
    )
    numbers = {name: whole(value) for name, value, complete in flags if complete}
    counted = (
        io.accumulated_backpressured_time,
        io.accumulated_idle_time,
        io.accumulated_busy_time,
    )
    times = dict(zip(TIMES, map(whole, counted), strict=True))
    if len(numbers) == len(flags) and any(times.values()):
        numbers |= times
    return {name: value for name, value in numbers.items() if value is not None}


def clock_ms(io: IoMetrics) -> int | None:
    """Busy, idle and backpressured time together: what passed since the attempt ran."""
    numbers = io_numbers(io)
    return int(sum(numbers[name] for name in TIMES)) if numbers.keys() >= set(TIMES) else None


def taskmanager_values(taskmanager: TaskManager, now_ms: int) -> Values:
    """What the live list says of a process; `now_ms` is the JobManager's clock.

    A process that has just registered has sent no heartbeat yet: Flink says 0.
    """
    values = {
        metric.SLOTS_TOTAL.name: taskmanager.slots_number,
        metric.SLOTS_FREE.name: taskmanager.free_slots,
    }
    if taskmanager.last_heartbeat_ms > 0:
        age_ms = max(0, now_ms - taskmanager.last_heartbeat_ms)
        values[metric.HEARTBEAT_AGE_MS.name] = age_ms
    return Values(values)


def container_names(names: Iterable[str]) -> list[str]:
    """Those of a process's metrics that we read, garbage collectors included."""
    return sorted(n for n in names if n in CONTAINER_METRICS or _collector(n) is not None)


def collectors(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({c[0] for n in names if (c := _collector(n)) is not None}))


def container_values(answer: Iterable[MetricValue]) -> list[Values]:
    """One scope for the process and one per collector."""
    numbers = _numbers(answer)
    groups: dict[str, dict[str, int | float]] = {"": {}}
    for name, number in numbers.items():
        group, leaf = _collector(name) or ("", name)
        groups.setdefault(group, {})[leaf] = number
    return [Values(values, Place(group=group)) for group, values in groups.items() if values]


def _collector(name: str) -> tuple[str, str] | None:
    """Name of the collector and of its metric; None if it is another metric or the total."""
    if not name.startswith(metric.COLLECTOR_PREFIX):
        return None
    collector, _, leaf = name.removeprefix(metric.COLLECTOR_PREFIX).rpartition(".")
    wanted = (Scope.COLLECTOR, leaf) in BY_FLINK_NAME and collector != metric.COLLECTOR_TOTAL
    return (collector, leaf) if wanted else None


def operator_names(names: Iterable[str]) -> list[str]:
    """Those of a vertex's metrics that belong to an operator and that we read."""
    return sorted(n for n in names if _operator_metric(n) is not None)


def operator_values(
    answer: Iterable[MetricValue], vertex: str, subtasks: Mapping[int, Subtask]
) -> list[tuple[Subtask, Values]]:
    """Scopes from ids of the form "<subtask>.<operator>.<metric>", each with its subtask.

    Below zero is what Flink says where it does not know.
    """
    scopes: dict[tuple[int, str], dict[str, int | float]] = {}
    for name, number in _numbers(answer).items():
        index, _, rest = name.partition(".")
        parts = _operator_metric(rest)
        if index.isdecimal() and int(index) in subtasks and parts is not None and number >= 0:
            scopes.setdefault((int(index), parts[0]), {})[parts[1]] = number
    return [
        (subtasks[index], _of_subtask(vertex, subtasks[index], values, operator))
        for (index, operator), values in scopes.items()
    ]


def operator_totals(
    answer: Iterable[MetricValue], vertex: str, subtasks: Sequence[Subtask]
) -> list[Values]:
    """Scopes of whole operators, subtask -1, from sum and max over all subtasks.

    Their attempt is the sum of the subtasks' attempts: it changes when one of them starts again.
    """
    scopes: dict[str, dict[str, int | float]] = {}
    for entry in answer:
        parts = _operator_metric(entry.id)
        if parts is None:
            continue
        operator, leaf = parts
        highest = BY_FLINK_NAME[Scope.OPERATOR, leaf] in NOT_SUMMED
        number = numeric(entry.max if highest else entry.sum)
        if number is not None and number >= 0:
            scopes.setdefault(operator, {})[leaf] = number
    attempt = sum(s.attempt for s in subtasks)
    return [
        Values(values, Place(vertex=vertex, operator=operator, attempt=attempt))
        for operator, values in scopes.items()
    ]


def _operator_metric(name: str) -> tuple[str, str] | None:
    """Operator and Flink's name of a metric that we read, from "<operator>.<metric>"."""
    operator, _, leaf = name.partition(".")
    found: Metric | None = BY_FLINK_NAME.get((Scope.OPERATOR, leaf))
    if found is None or (
        found is metric.SOURCE_RECORDS_IN and not operator.startswith(SOURCE_PREFIX)
    ):
        return None
    return operator, leaf


def merged(told: Iterable[Values]) -> tuple[Values, ...]:
    """The same values with each place once."""
    by_place: dict[Place, dict[str, int | float]] = {}
    for v in told:
        by_place.setdefault(v.place, {}).update(v.values)
    return tuple(Values(values, place) for place, values in by_place.items() if values)


def _of_subtask(
    vertex: str, subtask: Subtask, values: Mapping[str, int | float], operator: str = ""
) -> Values:
    place = Place(
        vertex=vertex, subtask=subtask.subtask, operator=operator, attempt=subtask.attempt
    )
    return Values(values, place)


def _numbers(answer: Iterable[MetricValue]) -> dict[str, int | float]:
    return {v.id: n for v in answer if (n := numeric(v.value)) is not None}
