"""The last hour of a run, minute by minute: what was measured, and the series checks read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from drsquirrel.diagnose.bottleneck import is_saturated
from drsquirrel.diagnose.checkpoint import ended_ms, patience_ms
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import ContainerMinute, Minutes, RunMinute
from drsquirrel.model import series
from drsquirrel.model.case import CheckpointsNow, Episode
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.report import HOUR_MINUTES
from drsquirrel.model.series import Series
from drsquirrel.model.snapshot import MINUTE_MS, Rollup
from drsquirrel.model.unknown import Number, Unknown

MinuteValues = tuple[float | None, ...]
JOBMANAGER = ""
"""The JobManager's process has no id over REST."""
START_MINUTES = 1
"""A run may take so long, beside the minute it starts in, before it is not running."""
SKEW_FLOOR_PER_S = 100.0
"""Below this many records a second a vertex's skew says nothing."""


@dataclass(frozen=True)
class MeasuredHour:
    """60 minutes, oldest first; the last one is open. None: the minute was not seen."""

    now_ms: int
    first_minute: int
    run: tuple[RunMinute | None, ...]
    containers: Mapping[str, tuple[ContainerMinute | None, ...]]

    @property
    def observed(self) -> int:
        return sum(m is not None for m in self.run)

    def index(self, time_ms: int) -> int | None:
        """The minute of the hour a time falls into; None outside."""
        i = time_ms // MINUTE_MS - self.first_minute
        return i if 0 <= i < HOUR_MINUTES else None


def measure(inquiry: Inquiry, minutes: Minutes, now_ms: int) -> MeasuredHour:
    """Measure each minute of the hour that has a rollup."""
    first = now_ms // MINUTE_MS - HOUR_MINUTES + 1
    wanted = range(first, first + HOUR_MINUTES)
    run = tuple(
        minutes.run(parts, inquiry.facts) if (parts := _pair(inquiry.rollups, m)) else None
        for m in wanted
    )
    used = {JOBMANAGER} | {c for m in run if m is not None for c in m.containers}
    containers = {
        c: tuple(minutes.container(parts) if (parts := _pair(rollups, m)) else None for m in wanted)
        for c, rollups in inquiry.containers.items()
        if c in used
    }
    return MeasuredHour(now_ms, first, run, containers)


def _pair(rollups: Mapping[int, Rollup], minute: int) -> tuple[Rollup, ...]:
    """The rollup of a minute with the one before it; empty where the minute was not seen."""
    if minute not in rollups:
        return ()
    before = rollups.get(minute - 1)
    return (before, rollups[minute]) if before else (rollups[minute],)


def labels(facts: JobFacts) -> dict[str, str]:
    """Vertex id to the name shown: the short id is added where two share a name."""
    names = [v.name for v in facts.vertices]
    return {
        v.id: v.name if names.count(v.name) == 1 else f"{v.name} {v.id[:6]}" for v in facts.vertices
    }


def records_per_s(minute: RunMinute, vertex: Vertex) -> list[float]:
    """Records a second of each measured subtask: in, of a source out."""
    found = []
    for (vertex_id, _), work in minute.works.items():
        rate = work.records_in_per_s if vertex.inputs else work.records_out_per_s
        if vertex_id == vertex.id and not isinstance(rate, Unknown):
            found.append(rate)
    return found


def skew(rates: list[float], vertex: Vertex) -> float | None:
    """Most over mean, over what max parallelism alone gives on a hash edge; None below the floor.

    Key groups are dealt out whole: with 128 groups on 100 subtasks some hold two, others one.
    """
    if len(rates) < 2 or sum(rates) < SKEW_FLOOR_PER_S:
        return None
    uneven = 1.0
    if vertex.max_parallelism > 0 and any(e.ship == "HASH" for e in vertex.inputs):
        groups = vertex.max_parallelism
        uneven = -(-groups // vertex.parallelism) * vertex.parallelism / groups
    return max(rates) * len(rates) / sum(rates) / uneven


def series_of(
    hour: MeasuredHour,
    facts: JobFacts | None,
    checkpoints: CheckpointsNow,
    episodes: tuple[Episode, ...],
    up_since_ms: int | None,
    start_ms: int,
) -> dict[Series, Mapping[str, MinuteValues]]:
    """Every series of model.series, by the name of its entity. What has no sample is all None."""
    found: dict[Series, Mapping[str, MinuteValues]] = {
        series.ALL_RUNNING: {"": _all_running(hour, start_ms)},
        series.JOB_FAILED: {"": _each(hour, lambda m: float(m.failed))},
        series.RESTARTS: {"": _counts(hour, [e.began_ms for e in episodes if e.restarted])},
    }
    vertices = facts.vertices if facts else ()
    name = labels(facts) if facts else {}
    of_vertex: dict[Series, Callable[[RunMinute, Vertex], float | None]] = {
        series.BACKPRESSURED_SHARE: _pressured,
        series.BUSY_SHARE: _busy,
        series.BOTTLENECK: _bottleneck,
        series.RECORD_SKEW: lambda m, v: skew(records_per_s(m, v), v),
        series.HOT_SATURATED: _hot_saturated,
        series.RECORDS_PER_S: lambda m, v: sum(rates) if (rates := records_per_s(m, v)) else None,
        series.LAG_RECORDS: lambda m, v: _lag(m, v, "records"),
        series.LAG_MS: lambda m, v: _lag(m, v, "behind_ms"),
        series.LAG_RISING: _lag_rising,
    }
    for of, measured in of_vertex.items():
        rows = {name[v.id]: _each(hour, lambda m, v=v, f=measured: f(m, v)) for v in vertices}  # type: ignore[misc]
        found[of] = {k: row for k, row in rows.items() if any(v is not None for v in row)}
    for of, pick in _OF_CONTAINER.items():
        rows = {
            c: tuple(None if m is None else _number(pick(m)) for m in minutes)
            for c, minutes in hour.containers.items()
        }
        found[of] = {k: row for k, row in rows.items() if any(v is not None for v in row)}
    found.update(_checkpoint_series(hour, facts, checkpoints, up_since_ms))
    return found


_OF_CONTAINER: dict[Series, Callable[[ContainerMinute], Number]] = {
    series.GC_SHARE: lambda m: m.gc_share,
    series.GC_OLD_SHARE: lambda m: m.gc_old_share,
    series.HEAP_FLOOR_SHARE: lambda m: m.heap_floor_share,
}


def _each(hour: MeasuredHour, measured: Callable[[RunMinute], float | None]) -> MinuteValues:
    return tuple(None if m is None else measured(m) for m in hour.run)


def _number(value: Number) -> float | None:
    return None if isinstance(value, Unknown) else value


def _truth(value: bool | Unknown) -> float | None:
    return None if isinstance(value, Unknown) else float(value)


def _all_running(hour: MeasuredHour, start_ms: int) -> MinuteValues:
    """The first minute of a run is its start: not judged unless all tasks ran in it."""
    started = start_ms // MINUTE_MS + START_MINUTES - hour.first_minute
    values = _each(hour, lambda m: _truth(m.all_running))
    return tuple(None if i <= started and not v else v for i, v in enumerate(values))


def _of(minute: RunMinute, vertex: Vertex) -> list[tuple[int, float, float]]:
    """(subtask, busy, pressured) of the measured subtasks of a vertex."""
    return [
        (i, w.busy, w.pressured)
        for (vertex_id, i), w in minute.works.items()
        if vertex_id == vertex.id
    ]


def _pressured(minute: RunMinute, vertex: Vertex) -> float | None:
    return max((p for _, _, p in _of(minute, vertex)), default=None)


def _busy(minute: RunMinute, vertex: Vertex) -> float | None:
    return max((b for _, b, _ in _of(minute, vertex)), default=None)


def _bottleneck(minute: RunMinute, vertex: Vertex) -> float | None:
    if isinstance(minute.walk, Unknown):
        return None
    return float(any(site.vertex == vertex.id for site in minute.walk.sites))


def _hot_saturated(minute: RunMinute, vertex: Vertex) -> float | None:
    works = [w for (vertex_id, _), w in minute.works.items() if vertex_id == vertex.id]
    rated = [(r, w) for w in works if not isinstance(r := w.records_in_per_s, Unknown)]
    return float(is_saturated(max(rated, key=lambda p: p[0])[1])) if rated else None


def _lag(minute: RunMinute, vertex: Vertex, what: str) -> float | None:
    values = [getattr(seen, what) for seen in minute.lags if seen.vertex == vertex.id]
    return max((v for v in values if v is not None), default=None)


def _lag_rising(minute: RunMinute, vertex: Vertex) -> float | None:
    values = [_truth(seen.rising) for seen in minute.lags if seen.vertex == vertex.id]
    return max((v for v in values if v is not None), default=None)


def _counts(hour: MeasuredHour, times_ms: list[int]) -> MinuteValues:
    """How many of these times fall into each minute; minutes not seen stay None but for a hit."""
    hits = [0] * HOUR_MINUTES
    for time_ms in times_ms:
        i = hour.index(time_ms)
        if i is not None:
            hits[i] += 1
    return tuple(
        None if m is None and not n else float(n) for m, n in zip(hour.run, hits, strict=True)
    )


def _checkpoint_series(
    hour: MeasuredHour,
    facts: JobFacts | None,
    checkpoints: CheckpointsNow,
    up_since_ms: int | None,
) -> dict[Series, Mapping[str, MinuteValues]]:
    settings = facts.checkpoints if facts else None
    if settings is None:
        return {s: {} for s in _CHECKPOINT_SERIES}
    longest: list[float | None] = [None] * HOUR_MINUTES
    for event in checkpoints.completed:
        i = hour.index(ended_ms(event))
        if i is not None and event.duration_ms is not None:
            longest[i] = max(longest[i] or 0.0, float(event.duration_ms))
    constant = {
        series.CHECKPOINT_TIMEOUT_MS: float(settings.timeout_ms),
        series.CHECKPOINT_PATIENCE_MS: float(patience_ms(settings)),
    }
    rows: dict[Series, MinuteValues] = {
        series.CHECKPOINTS_COMPLETED: _counts(hour, [ended_ms(e) for e in checkpoints.completed]),
        series.CHECKPOINTS_FAILED: _counts(hour, [ended_ms(e) for e in checkpoints.failed]),
        series.CHECKPOINT_DURATION_MS: tuple(longest),
        series.CHECKPOINT_FAILURES_IN_ROW: _failures_in_row(hour, checkpoints),
        series.CHECKPOINT_AGE_MS: _age(hour, checkpoints, up_since_ms),
    }
    rows.update({s: _each(hour, lambda _, v=v: v) for s, v in constant.items()})  # type: ignore[misc]
    return {s: {"": row} for s, row in rows.items()}


_CHECKPOINT_SERIES = tuple(s for s in series.SERIES if s.name.startswith("checkpoint"))


def _failures_in_row(hour: MeasuredHour, checkpoints: CheckpointsNow) -> MinuteValues:
    events = sorted(checkpoints.completed + checkpoints.failed, key=ended_ms)
    row, values, at = 0, [], 0
    for i, minute in enumerate(hour.run):
        end_ms = (hour.first_minute + i + 1) * MINUTE_MS
        while at < len(events) and ended_ms(events[at]) < end_ms:
            row = row + 1 if events[at].status == "FAILED" else 0
            at += 1
        values.append(None if minute is None else float(row))
    return tuple(values)


def _age(hour: MeasuredHour, checkpoints: CheckpointsNow, up_since_ms: int | None) -> MinuteValues:
    """Time since the last completed checkpoint at each minute's end, or since the run was up.

    Not known before the first of them.
    """
    done = sorted(ended_ms(e) for e in checkpoints.completed)
    if up_since_ms is not None:
        done = sorted([*done, up_since_ms])
    values = []
    for i, minute in enumerate(hour.run):
        end_ms = min(hour.now_ms, (hour.first_minute + i + 1) * MINUTE_MS)
        before = [t for t in done if t <= end_ms]
        values.append(None if minute is None or not before else float(end_ms - before[-1]))
    return tuple(values)
