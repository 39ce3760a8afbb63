"""The last hour as strips on one clock, and the sentence on what led what."""

from drsquirrel.diagnose.bottleneck import sources_of
from drsquirrel.diagnose.checkpoint import ended_ms
from drsquirrel.diagnose.episode import is_restart
from drsquirrel.diagnose.hour import Measured, MeasuredHour, MinuteValues, labels
from drsquirrel.diagnose.onset import stretch_start
from drsquirrel.diagnose.standing import clock
from drsquirrel.model import series
from drsquirrel.model.case import CheckpointsNow, Episode
from drsquirrel.model.facts import CheckpointSettings, JobFacts
from drsquirrel.model.report import HOUR_MINUTES, LastHour, Strip, quoted
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

UNSEEN_ROW: MinuteValues = (None,) * HOUR_MINUTES


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
    vertices, at_limit = (
        _vertex_strips(hour, facts, measured, culprit_vertices) if facts else ([], {})
    )
    containers = _gc_strips(hour, measured, culprit_containers)
    events = []
    if facts and facts.checkpoints:
        events.append(_checkpoint_strip(hour, checkpoints, facts.checkpoints))
    events.append(_restart_strip(hour, measured, episodes))
    return LastHour(
        from_ms=hour.first_minute * MINUTE_MS,
        strips=(*vertices, *containers, *events),
        sentence=what_led_what(hour, vertices, at_limit, containers),
        records_per_s=_records(facts, measured) if facts else (),
    )


def _records(facts: JobFacts, measured: Measured) -> MinuteValues:
    """What left the sources together, in the minutes in which all of them tell it."""
    name = labels(facts)
    rates = measured[series.RECORDS_PER_S]
    rows = [rates.get(name[v.id], UNSEEN_ROW) for v in sources_of(facts)]
    return tuple(
        None if None in column else sum(v for v in column if v is not None)
        for column in zip(*rows, strict=True)
    )


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
    """The minute in which the high up to now began; None if it is not high now."""
    return stretch_start([c == HIGH for c in cells])


def _says(cells: str) -> str:
    """How many of the minutes that were seen are high: "17 of 60 min high"."""
    seen = HOUR_MINUTES - cells.count(UNSEEN)
    if not seen:
        return "not seen"
    high, some = cells.count(HIGH), cells.count(SOME)
    if high:
        return f"{high} of {seen} min high"
    return f"{some} of {seen} min raised" if some else f"calm in {seen} min"


def _worst(minutes: MinuteValues) -> int | None:
    seen = [(v, i) for i, v in enumerate(minutes) if v]
    return max(seen)[1] if seen else None


def _vertex_strips(
    hour: MeasuredHour, facts: JobFacts, measured: Measured, culprits: frozenset[str]
) -> tuple[list[Strip], dict[str, int]]:
    """The strips, and per culprit that is at its limit now the minute since when."""
    name = labels(facts)
    rows = []
    for vertex in facts.vertices[:SHOWN_VERTICES]:
        pressure = measured[series.BACKPRESSURED_SHARE].get(name[vertex.id], UNSEEN_ROW)
        limits = measured[series.BOTTLENECK].get(name[vertex.id], UNSEEN_ROW)
        rows.append((vertex.id, pressure, cells_of(pressure, PRESSURE_SOME, PRESSURE_HIGH), limits))
    onsets = {id_: i for id_, _, cells, _ in rows if (i := high_since(cells)) is not None}
    earliest = min(onsets.values(), default=None)
    strips, at_limit = [], {}
    for id_, pressure, cells, limits in rows:
        told, since = _says(cells), stretch_start([v == 1 for v in limits])
        is_first = earliest is not None and onsets.get(id_) == earliest and id_ not in culprits
        if id_ in culprits and since is not None:
            at_limit[id_] = since
            told = f"works at its limit since {_minute_clock(hour, since)}"
            cells = "".join(HIGH if v else c for v, c in zip(limits, cells, strict=True))
        elif is_first and earliest is not None:
            told += f" · first, {_minute_clock(hour, earliest)}"
        strips.append(
            Strip(
                kind="backpressure",
                id=id_,
                name=name[id_],
                cells=cells,
                sentence=told,
                culprit=id_ in culprits,
                first=is_first,
                worst_minute=_worst(pressure),
            )
        )
    return strips, at_limit


def _minute_clock(hour: MeasuredHour, index: int) -> str:
    return clock((hour.first_minute + index) * MINUTE_MS)


def _gc_strips(hour: MeasuredHour, measured: Measured, culprits: frozenset[str]) -> list[Strip]:
    strips = []
    for container in sorted(hour.containers, key=lambda c: (not c, c))[:SHOWN_CONTAINERS]:
        minutes = measured[series.GC_OLD_SHARE].get(container, UNSEEN_ROW)
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
    told = "durations not told" if checkpoints.completed else "none completed"
    if durations:
        took = dict.fromkeys((duration(durations[0]), duration(durations[-1])))
        told = " → ".join(took)
    last_ms = max(map(ended_ms, checkpoints.completed), default=None)
    last = f", last at {clock(last_ms)}" if last_ms else ""
    failed = len(checkpoints.failed)
    return Strip(
        kind="checkpoints",
        id="checkpoints",
        name="checkpoints",
        cells="".join(cells),
        sentence=f"{told}, {failed or 'none'} failed{last}",
    )


def _restart_strip(hour: MeasuredHour, measured: Measured, episodes: tuple[Episode, ...]) -> Strip:
    running = measured[series.ALL_RUNNING].get("", UNSEEN_ROW)
    restarts = measured[series.RESTARTS].get("", UNSEEN_ROW)
    cells = "".join(
        HIGH if began else UNSEEN if up is None else CLEAR if up else SOME
        for up, began in zip(running, restarts, strict=True)
    )
    count = sum(map(is_restart, episodes))
    return Strip(
        kind="restarts",
        id="restarts",
        name="restarts",
        cells=cells,
        sentence="none" if not count else "once" if count == 1 else f"{count} times",
    )


def what_led_what(
    hour: MeasuredHour, vertices: list[Strip], at_limit: dict[str, int], containers: list[Strip]
) -> str:
    """The sentence under the strips: what began when, and whether collections took part."""
    culprit = next((s for s in vertices if s.id in at_limit), None)
    first = next((s for s in vertices if s.first), None)
    parts = []
    if culprit:
        began = at_limit[culprit.id]
        since = f"{quoted(culprit.name)} has worked at its limit since"
        parts.append(f"{since} {_minute_clock(hour, began)}{_against(first, began)}")
    elif first:
        began = high_since(first.cells) or 0
        parts.append(f"Backpressure began at {quoted(first.name)}, {_minute_clock(hour, began)}")
    if not parts:
        return ""
    loud = [(i, s) for s in containers if (i := high_since(s.cells)) is not None]
    seen = {cell for s in containers for cell in s.cells} - {UNSEEN}
    if loud:
        at, strip = min(loud, key=lambda p: p[0])
        where = quoted(strip.name) if strip.id else "the JobManager"
        parts.append(
            f"Old-generation garbage collection is high in {where} since {_minute_clock(hour, at)}"
        )
    elif seen == {CLEAR}:
        parts.append("Old-generation garbage collection stayed quiet")
    return ". ".join(parts) + "."


def _against(first: Strip | None, began: int) -> str:
    """When the first backpressure began, against the minute of the culprit; a minute is the grain
    of both."""
    if first is None:
        return ""
    gap = (high_since(first.cells) or 0) - began
    when = "within a minute of"
    if abs(gap) > 1:
        when = f"{abs(gap)} min {'before' if gap > 0 else 'after'}"
    return f", {when} the first backpressure ({quoted(first.name)})"
