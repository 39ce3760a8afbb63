"""The last hour of a run, minute by minute: what was measured, and the series checks read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter

from drsquirrel.diagnose.checkpoint import ended_ms, patience_ms
from drsquirrel.diagnose.container import JOBMANAGER, ContainerMinute
from drsquirrel.diagnose.episode import is_rescale, is_restart
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import Minutes, RunMinute, run_minute
from drsquirrel.diagnose.vertex import UNSEEN
from drsquirrel.model import series
from drsquirrel.model.case import CheckpointsNow, Episode
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import HOUR_MINUTES
from drsquirrel.model.series import Series
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.model.unknown import Number, Truth, Unknown

MinuteValues = tuple[float | None, ...]
Measured = Mapping[Series, Mapping[str, MinuteValues]]
BEFORE = 3
"""Minutes before the hour in which what happens in it may have begun."""
START_MINUTES = 1
"""A run may take so long, beside the minute it starts in, before it is not running."""


@dataclass(frozen=True)
class MeasuredHour:
    """60 minutes, oldest first; the last one is open. None: the minute was not seen."""

    now_ms: int
    first_minute: int
    earlier: tuple[RunMinute | None, ...]
    """The minutes before the hour."""
    run: tuple[RunMinute | None, ...]
    containers: Mapping[str, tuple[ContainerMinute | None, ...]]
    """Those in which the run had subtasks, and the JobManager."""

    @property
    def observed(self) -> int:
        return sum(m is not None for m in self.run)

    @property
    def seen(self) -> list[RunMinute]:
        """All minutes that were seen, by time."""
        return [m for m in self.earlier + self.run if m is not None]

    def index(self, time_ms: int) -> int | None:
        """The minute of the hour a time falls into; None outside."""
        i = time_ms // MINUTE_MS - self.first_minute
        return i if 0 <= i < HOUR_MINUTES else None


def minutes_of_hour(now_ms: int) -> range:
    """The minutes of the hour that ends now."""
    newest = now_ms // MINUTE_MS
    return range(newest - HOUR_MINUTES + 1, newest + 1)


def measure(inquiry: Inquiry, minutes: Minutes[RunMinute], now_ms: int) -> MeasuredHour:
    """Measure each minute of the hour that has a rollup."""
    hour = minutes_of_hour(now_ms)
    measured = minutes.of(
        inquiry.rollups,
        range(hour.start - BEFORE, hour.stop),
        inquiry.facts,
        partial(run_minute, facts=inquiry.facts, batch=inquiry.is_batch),
    )
    used = {JOBMANAGER}.union(*(m.containers for m in measured if m is not None))
    return MeasuredHour(
        now_ms=now_ms,
        first_minute=hour.start,
        earlier=measured[:BEFORE],
        run=measured[BEFORE:],
        containers={c: p.minutes for c, p in inquiry.processes.items() if c in used},
    )


def labels(facts: JobFacts) -> dict[str, str]:
    """Vertex id to the name shown: the short id is added where two share a name."""
    names = [v.name for v in facts.vertices]
    return {
        v.id: v.name if names.count(v.name) == 1 else f"{v.name} {v.id[:6]}" for v in facts.vertices
    }


def series_of(
    hour: MeasuredHour,
    facts: JobFacts | None,
    checkpoints: CheckpointsNow,
    episodes: tuple[Episode, ...],
    up_since_ms: int | None,
    started_ms: int,
) -> Measured:
    """Every series of model.series, by the name of its entity. What has no sample is left out."""
    found: dict[Series, Mapping[str, MinuteValues]] = {
        series.ALL_RUNNING: {"": _all_running(hour, episodes, started_ms)},
        series.JOB_FAILED: {"": _each(hour, lambda m: float(m.failed))},
        series.RESTARTS: {"": _counts(hour, [e.began_ms for e in episodes if is_restart(e)])},
    }
    columns = {
        label: [m.vertices.get(v, UNSEEN) if m else UNSEEN for m in hour.run]
        for v, label in (labels(facts) if facts else {}).items()
    }
    for of in _OF_VERTEX:
        value = attrgetter(of.name)
        found[of] = _seen({label: tuple(map(value, column)) for label, column in columns.items()})
    for of, pick in _OF_CONTAINER.items():
        rows = {
            c: tuple(None if m is None else _number(pick(m)) for m in minutes)
            for c, minutes in hour.containers.items()
        }
        found[of] = _seen(rows)
    found.update(_checkpoint_series(hour, facts, checkpoints, up_since_ms))
    return found


_OF_VERTEX = (
    series.BOTTLENECK,
    series.BACKPRESSURED_SHARE,
    series.BUSY_SHARE,
    series.RECORD_SKEW,
    series.HOT_SATURATED,
    series.RECORDS_PER_S,
    series.LAG_RECORDS,
    series.LAG_MS,
    series.LAG_RISING,
)
"""Each is a field of VertexMinute."""
_OF_CONTAINER: dict[Series, Callable[[ContainerMinute], Number]] = {
    series.GC_SHARE: lambda m: m.gc_share,
    series.GC_OLD_SHARE: lambda m: m.gc_old_share,
    series.HEAP_FLOOR_SHARE: lambda m: m.heap_floor_share,
}


def _each(hour: MeasuredHour, measured: Callable[[RunMinute], float | None]) -> MinuteValues:
    return tuple(None if m is None else measured(m) for m in hour.run)


def _seen(rows: Mapping[str, MinuteValues]) -> dict[str, MinuteValues]:
    """The entities that have a value at all."""
    return {k: row for k, row in rows.items() if row.count(None) < len(row)}


def _number(value: Number) -> float | None:
    return None if isinstance(value, Unknown) else value


def _truth(value: Truth) -> float | None:
    return None if isinstance(value, Unknown) else float(value)


def _all_running(hour: MeasuredHour, episodes: Sequence[Episode], started_ms: int) -> MinuteValues:
    """Not judged where some tasks did not run: the first minute of a run, which is its start,
    minutes of a rescale, and those after the run was ended on purpose."""
    started = started_ms // MINUTE_MS + START_MINUTES - hour.first_minute
    down = [
        (e.began_ms, e.ended_ms or hour.now_ms) for e in episodes if not is_rescale(e, hour.now_ms)
    ]
    values = []
    for i, minute in enumerate(hour.run):
        value = None if minute is None else _truth(minute.all_running)
        from_ms = (hour.first_minute + i) * MINUTE_MS
        is_down = any(a < from_ms + MINUTE_MS and b >= from_ms for a, b in down)
        values.append(None if value == 0 and (i <= started or not is_down) else value)
    return tuple(values)


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
