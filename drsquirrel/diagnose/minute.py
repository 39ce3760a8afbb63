"""One minute of a run measured: what its rollup and the one before say of tasks, rates and lags."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from drsquirrel.diagnose.bottleneck import Walk, Works, locate, outputs_of
from drsquirrel.diagnose.fault import fault_of
from drsquirrel.diagnose.lag import LagSeen, lags_of, rising_of
from drsquirrel.diagnose.rate import TARGET_MS, Untrusted, Work, work
from drsquirrel.diagnose.reading import RUN, Line, Lines, latest, lines
from drsquirrel.diagnose.vertex import VertexMinute, read_by_source, subtasks_of, vertex_minute
from drsquirrel.model import metric
from drsquirrel.model.case import Fault, SubtaskNow
from drsquirrel.model.event import ChangeEvent
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.snapshot import MINUTE_MS, Rollup
from drsquirrel.model.state import JOB_STATES, TASK_STATES, code_of
from drsquirrel.model.unknown import Truth, Unknown

T = TypeVar("T")
FINISHED = code_of(TASK_STATES, "FINISHED")
RUNNING, TOTAL = metric.TASKS_RUNNING.name, metric.TASKS_TOTAL.name
Rollups = tuple[Rollup, ...]


@dataclass(frozen=True)
class Rates:
    """What subtasks did over a window, and how far sources are behind."""

    works: Works
    untrusted: Mapping[tuple[str, int], Untrusted]
    """Subtasks that run and give no shares, and why."""
    finished: frozenset[tuple[str, int]]
    lags: tuple[LagSeen, ...]
    subtasks: Mapping[str, tuple[SubtaskNow, ...]]
    """Per vertex of the plan."""


class Tasks(NamedTuple):
    """One reading of how many tasks run. In a batch job the later ones wait for the earlier."""

    time_ms: int
    all_run: bool
    waiting: int
    """Tasks that wait for a slot."""


@dataclass(frozen=True)
class RunMinute:
    """What one minute says of a run."""

    all_running: Truth
    failed: bool
    tasks: tuple[Tasks, ...]
    walk: Walk | Unknown
    vertices: Mapping[str, VertexMinute]
    containers: frozenset[str]
    """Those that held subtasks."""
    faults: tuple[Fault, ...]
    changes: tuple[ChangeEvent, ...]
    entries_lost: bool


def run_minute(rollups: Rollups, facts: JobFacts | None, *, batch: bool) -> RunMinute:
    """Measure the newest of these rollups of a run (the one before it gives the starting point)."""
    newest = rollups[-1]
    since_ms = newest.minute * MINUTE_MS
    rates = rates_of(lines(rollups), facts, since_ms)
    walk: Walk | Unknown = Unknown("a batch job works as fast as it can")
    if not batch:
        walk = walk_of(rates, facts, rising_of(rates.lags))
    own = lines((newest,), only=RUN).get(RUN, [])
    limits = None if isinstance(walk, Unknown) else walk.limits
    return RunMinute(
        all_running=all_running(own, batch=batch),
        failed=latest(own, metric.JOB_STATE.name) == code_of(JOB_STATES, "FAILED"),
        tasks=tasks_of(own, batch=batch),
        walk=walk,
        vertices={
            v.id: vertex_minute(
                v, rates.subtasks[v.id], rates.lags, limits(v.id) if limits else None
            )
            for v in (facts.vertices if facts else ())
        },
        containers=frozenset(t.key.container for t in newest.tracks if t.key.vertex) - {""},
        faults=tuple(map(fault_of, newest.failures)),
        changes=newest.changes,
        entries_lost="failures" in newest.overflowed,
    )


def rates_of(
    of_scope: Lines, facts: JobFacts | None, since_ms: int, target_ms: int = TARGET_MS
) -> Rates:
    """Measure all subtasks and sources that were seen since `since_ms`, over about `target_ms`."""
    of_scope = of_plan(of_scope, facts)
    works: dict[str, dict[int, Work]] = {}
    untrusted: dict[tuple[str, int], Untrusted] = {}
    finished = set()
    for key, found in of_scope.items():
        if not key.vertex or key.operator:
            continue
        if _status(found[-1]) == FINISHED:
            finished.add((key.vertex, key.subtask))
            continue
        measured = work(found[-1], since_ms, target_ms)
        if isinstance(measured, Untrusted):
            untrusted[key.vertex, key.subtask] = measured
        else:
            works.setdefault(key.vertex, {})[key.subtask] = measured
    return Rates(
        works=works,
        untrusted=untrusted,
        finished=frozenset(finished),
        lags=lags_of(of_scope, since_ms),
        subtasks=_subtasks(of_scope, facts, works, since_ms) if facts else {},
    )


def _status(line: Line) -> int | None:
    """The newest state of a subtask."""
    name = metric.TASK_STATUS.name
    return next((r.values[name] for r in reversed(line.readings) if name in r.values), None)


def of_plan(of_scope: Lines, facts: JobFacts | None) -> Lines:
    """Without subtasks that the plan no longer has: a rescale took them away."""
    if facts is None:
        return of_scope
    parallelism = {v.id: v.parallelism for v in facts.vertices}
    if all(key.subtask < parallelism.get(key.vertex, 1) for key in of_scope):
        return of_scope
    return {
        key: found
        for key, found in of_scope.items()
        if key.subtask < parallelism.get(key.vertex, key.subtask + 1)
    }


def _subtasks(
    of_scope: Lines, facts: JobFacts, works: Works, since_ms: int
) -> dict[str, tuple[SubtaskNow, ...]]:
    outputs = outputs_of(facts)
    return {
        v.id: subtasks_of(
            v,
            works.get(v.id, {}),
            {} if v.inputs else read_by_source(of_scope, v.id, since_ms),
            is_last=not outputs[v.id],
        )
        for v in facts.vertices
    }


def walk_of(rates: Rates, facts: JobFacts | None, rising: Mapping[str, Truth]) -> Walk | Unknown:
    """The walk over these rates; unknown where nothing could be measured, and why."""
    if facts is None:
        return Unknown("the plan is not known")
    if not any(rates.works.values()) and rates.untrusted:
        reasons = list(rates.untrusted.values())
        most = max(sorted(set(reasons)), key=reasons.count)
        return Unknown(f"its tasks give no rates ({most})")
    return locate(facts, rates.works, rising)


def all_running(of_run: Iterable[Line], *, batch: bool) -> Truth:
    """Whether all tasks ran (or had finished) at every reading of these lines."""
    seen = [
        (lowest, line.highest(TOTAL) or 0)
        for line in of_run
        if (lowest := line.lowest(RUNNING)) is not None
    ]
    if not seen:
        return Unknown("the JobManager said nothing of the tasks")
    return all(do_run(running, total, batch=batch) for running, total in seen)


def do_run(running: int, total: int, *, batch: bool) -> bool:
    """Whether so many running tasks of so many are all that can run."""
    return running > 0 if batch else running >= total > 0


def tasks_of(of_run: Iterable[Line], *, batch: bool) -> tuple[Tasks, ...]:
    """The readings of the tasks by time."""
    return tuple(
        Tasks(
            r.time_ms,
            do_run(r.values[RUNNING], r.values[TOTAL], batch=batch),
            r.values.get(metric.TASKS_SCHEDULED.name, 0),
        )
        for line in of_run
        for r in line.readings
        if RUNNING in r.values and TOTAL in r.values
    )


class Minutes(Generic[T]):
    """The minutes of one subject as measured, each once while what it came from stays the same.

    A memo, not state: the same rollups give the same minutes with or without it.
    """

    def __init__(self) -> None:
        self._kept: dict[int, tuple[Rollup, Rollup | None, object, T]] = {}

    def of(
        self,
        rollups: Mapping[int, Rollup],
        wanted: range,
        basis: object,
        measure: Callable[[Rollups], T],
    ) -> tuple[T | None, ...]:
        """The wanted minutes, None where not seen; `basis` is what else `measure` depends on."""
        kept: dict[int, tuple[Rollup, Rollup | None, object, T]] = {}
        for minute in wanted:
            newest, before = rollups.get(minute), rollups.get(minute - 1)
            if newest is None:
                continue
            known = self._kept.get(minute)
            if known is None or not (
                known[0] is newest and known[1] is before and known[2] is basis
            ):
                result = measure((before, newest) if before else (newest,))
                known = (newest, before, basis, result)
            kept[minute] = known
        self._kept = kept
        return tuple(kept[m][3] if m in kept else None for m in wanted)
