"""The last hour as strips on one clock, and the sentence on what led what."""

from collections.abc import Mapping
from datetime import UTC, datetime

from drsquirrel.diagnose.bottleneck import sources_of
from drsquirrel.diagnose.checkpoint import ended_ms
from drsquirrel.diagnose.hour import MeasuredHour, MinuteValues, labels
from drsquirrel.model import series
from drsquirrel.model.case import CheckpointsNow, Episode
from drsquirrel.model.facts import CheckpointSettings, JobFacts
from drsquirrel.model.report import HOUR_MINUTES, LastHour, Strip, quoted
from drsquirrel.model.series import Series
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.rules.wording import duration

CLEAR, SOME, HIGH, UNSEEN = ".", "l", "h", "_"
PRESSURE_SOME, PRESSURE_HIGH = 0.1, 0.5
"""Flink's own bounds of low and high backpressure."""
GC_SOME, GC_HIGH = 0.05, 0.1
CHECKPOINT_SOME = 0.5
"""Of the time-out."""
SHOWN_VERTICES = 200
SHOWN_CONTAINERS = 60

Measured = Mapping[Series, Mapping[str, MinuteValues]]


def clock(time_ms: int) -> str:
    """A time of day in UTC, as sentences carry it."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%H:%M} UTC"


def last_hour(
    hour: MeasuredHour,
    facts: JobFacts | None,
    measured: Measured,
    checkpoints: CheckpointsNow,
    episodes: tuple[Episode, ...],
    culprit_vertices: frozenset[str],
    culprit_containers: frozenset[str],
) -> LastHour:
    """All strips: operators in the order of the data, containers, checkpoints, restarts."""
    vertices = _vertex_strips(hour, facts, measured, culprit_vertices) if facts else []
    containers = _gc_strips(hour, measured, culprit_containers)
    events = []
    if facts and facts.checkpoints:
        events.append(_checkpoint_strip(hour, checkpoints, facts.checkpoints))
    events.append(_restart_strip(hour, measured, episodes))
    return LastHour(
        from_ms=hour.first_minute * MINUTE_MS,
        strips=(*vertices, *containers, *events),
        sentence=what_led_what(hour, vertices, containers),
        records_per_s=_records(facts, measured) if facts else (),
    )


def _records(facts: JobFacts, measured: Measured) -> MinuteValues:
    """What left the sources together, in each minute."""
    name = labels(facts)
    rates = measured[series.RECORDS_PER_S]
    rows = [rates[name[v.id]] for v in sources_of(facts) if name[v.id] in rates]
    columns = ([v for row in rows if (v := row[i]) is not None] for i in range(HOUR_MINUTES))
    return tuple(sum(column) if column else None for column in columns)


def cells_of(minutes: MinuteValues, some: float, high: float) -> str:
    """One cell a minute: from `some` some, from `high` high."""
    return "".join(
        UNSEEN if v is None else HIGH if v >= high else SOME if v >= some else CLEAR
        for v in minutes
    )


def worst_cells(strips: tuple[Strip, ...]) -> str:
    """The worst cell of each minute over all strips."""
    rank = (HIGH, SOME, CLEAR)
    columns = (
        {s.cells[i] for s in strips if len(s.cells) == HOUR_MINUTES} for i in range(HOUR_MINUTES)
    )
    return "".join(next((c for c in rank if c in column), UNSEEN) for column in columns)


def high_since(cells: str) -> int | None:
    """The minute in which the unbroken high up to now began; one other minute is bridged.

    None if neither of the two newest minutes is high.
    """
    first, misses = None, 0
    for i in range(len(cells) - 1, -1, -1):
        if cells[i] == HIGH:
            first, misses = i, 0
        else:
            misses += 1
            if misses > 1:
                break
    return first


def _says(cells: str, what: str = "high") -> str:
    """ "17 of 60 min high", and how many were not seen."""
    unseen = cells.count(UNSEEN)
    if unseen == HOUR_MINUTES:
        return "not seen"
    seen = HOUR_MINUTES - unseen
    return f"{cells.count(HIGH)} of {seen} min {what}"


def _worst(minutes: MinuteValues) -> int | None:
    seen = [(v, i) for i, v in enumerate(minutes) if v]
    return max(seen)[1] if seen else None


def _vertex_strips(
    hour: MeasuredHour, facts: JobFacts, measured: Measured, culprits: frozenset[str]
) -> list[Strip]:
    nothing: MinuteValues = (None,) * HOUR_MINUTES
    name = labels(facts)
    rows = []
    for vertex in facts.vertices[:SHOWN_VERTICES]:
        pressure = measured[series.BACKPRESSURED_SHARE].get(name[vertex.id], nothing)
        limits = measured[series.BOTTLENECK].get(name[vertex.id], nothing)
        cells = cells_of(pressure, PRESSURE_SOME, PRESSURE_HIGH)
        busy = "".join(HIGH if v else c for v, c in zip(limits, cells, strict=True))
        rows.append((vertex, pressure, cells, busy))
    onsets = {v.id: s for v, _, cells, _ in rows if (s := high_since(cells)) is not None}
    earliest = min(onsets.values(), default=None)
    strips = []
    for vertex, pressure, cells, busy in rows:
        is_culprit = vertex.id in culprits
        first = earliest is not None and onsets.get(vertex.id) == earliest
        told = _says(cells)
        if is_culprit and busy != cells:
            since = high_since(busy)
            at = "" if since is None else f" since {_minute_clock(hour, since)}"
            told = f"works at its limit{at}"
        elif first and earliest is not None:
            told += f" · first, {_minute_clock(hour, earliest)}"
        strips.append(
            Strip(
                kind="backpressure",
                id=vertex.id,
                name=name[vertex.id],
                cells=busy if is_culprit else cells,
                sentence=told,
                culprit=is_culprit,
                first=first and not is_culprit,
                worst_minute=_worst(pressure),
            )
        )
    return strips


def _minute_clock(hour: MeasuredHour, index: int) -> str:
    return clock((hour.first_minute + index) * MINUTE_MS)


def _gc_strips(hour: MeasuredHour, measured: Measured, culprits: frozenset[str]) -> list[Strip]:
    nothing: MinuteValues = (None,) * HOUR_MINUTES
    strips = []
    for container in sorted(hour.containers, key=lambda c: (not c, c))[:SHOWN_CONTAINERS]:
        minutes = measured[series.GC_OLD_SHARE].get(container, nothing)
        cells = cells_of(minutes, GC_SOME, GC_HIGH)
        strips.append(
            Strip(
                kind="gc",
                id=container,
                name=container or "JobManager",
                cells=cells,
                sentence=_says(cells),
                culprit=container in culprits,
                worst_minute=_worst(minutes),
            )
        )
    return strips


def _checkpoint_strip(
    hour: MeasuredHour, checkpoints: CheckpointsNow, settings: CheckpointSettings
) -> Strip:
    cells = [CLEAR if m is not None else UNSEEN for m in hour.run]
    for event in checkpoints.completed:
        i = hour.index(ended_ms(event))
        slow = (event.duration_ms or 0) >= CHECKPOINT_SOME * settings.timeout_ms
        if i is not None:
            cells[i] = SOME if slow else cells[i].replace(UNSEEN, CLEAR)
    for event in checkpoints.failed:
        i = hour.index(ended_ms(event))
        if i is not None:
            cells[i] = HIGH
    durations = [e.duration_ms for e in checkpoints.completed if e.duration_ms is not None]
    told = "none completed"
    if durations:
        told = f"{duration(durations[0])} → {duration(durations[-1])}"
    failed = len(checkpoints.failed)
    return Strip(
        kind="checkpoints",
        id="checkpoints",
        name="checkpoints",
        cells="".join(cells),
        sentence=f"{told}, {failed or 'none'} failed",
    )


def _restart_strip(hour: MeasuredHour, measured: Measured, episodes: tuple[Episode, ...]) -> Strip:
    nothing: MinuteValues = (None,) * HOUR_MINUTES
    running = measured[series.ALL_RUNNING].get("", nothing)
    restarts = measured[series.RESTARTS].get("", nothing)
    cells = "".join(
        HIGH if began else UNSEEN if up is None else CLEAR if up else SOME
        for up, began in zip(running, restarts, strict=True)
    )
    count = sum(e.restarted for e in episodes)
    return Strip(
        kind="restarts",
        id="restarts",
        name="restarts",
        cells=cells,
        sentence="none" if not count else "once" if count == 1 else f"{count} times",
    )


def what_led_what(hour: MeasuredHour, vertices: list[Strip], containers: list[Strip]) -> str:
    """The sentence under the strips: what began when, and whether collections took part."""
    culprit = next((s for s in vertices if s.culprit and high_since(s.cells) is not None), None)
    first = next((s for s in vertices if s.first), None)
    loud = [(i, s) for s in containers if (i := high_since(s.cells)) is not None]
    parts = []
    if culprit:
        began = high_since(culprit.cells) or 0
        parts.append(
            f"{quoted(culprit.name)} has worked at its limit since {_minute_clock(hour, began)}"
        )
        if first:
            gap = (high_since(first.cells) or 0) - began
            when = (
                "in the same minute as"
                if gap == 0
                else f"{abs(gap)} min {'before' if gap > 0 else 'after'}"
            )
            parts[-1] += f", {when} the first backpressure ({quoted(first.name)})"
    elif first:
        began = high_since(first.cells) or 0
        parts.append(f"Backpressure began at {quoted(first.name)}, {_minute_clock(hour, began)}")
    if not parts:
        return ""
    if loud:
        at, strip = min(loud, key=lambda p: p[0])
        parts.append(
            f"Garbage collection is high in {quoted(strip.name)} since {_minute_clock(hour, at)}"
        )
    elif any(set(s.cells) != {UNSEEN} for s in containers):
        parts.append("Old-generation garbage collection stayed quiet")
    return ". ".join(parts) + "."
