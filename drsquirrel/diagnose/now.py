"""The newest minutes of a run, measured together: what holds now."""

from dataclasses import dataclass

from drsquirrel.diagnose.bottleneck import Walk, sources_of
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.lag import rising_of
from drsquirrel.diagnose.minute import RUNNING, Rates, do_run, of_plan, rates_of, walk_of
from drsquirrel.diagnose.rate import IDLE
from drsquirrel.diagnose.reading import RUN, Lines, latest, lines, recent
from drsquirrel.model import metric
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.unknown import Number, Truth, Unknown

FRESH_MS = 150_000
"""Readings of before are not of now. Of a large job each vertex is looked at in turn."""
SHORTEST_WINDOW_MS, LONGEST_WINDOW_MS = 30_000, 60_000
LAG_SHOWS_MS = 60_000
"""Metrics of a task that runs for less long may not all be there yet."""
LAG_ASKED_MS = 180_000
"""By then a source was asked for its lag, however many others there are to ask: one that says
nothing has none to tell."""


@dataclass(frozen=True)
class Now:
    """The newest rollups of the run, measured over about the last minute.

    `told_ms` is the time of the newest reading of any kind, by the clock of the readings.
    """

    rates: Rates
    walk: Walk | Unknown
    of_scope: Lines
    told_ms: int
    all_running: Truth
    waiting: Number
    counters_age_ms: int | None
    """How much older than what was told last the newest counters are; None without any."""


def now_of(inquiry: Inquiry, hour: MeasuredHour, up_ms: Number) -> Now | None:
    """What the newest minutes say; None where nothing came in. `up_ms`: since all tasks run."""
    newest = recent(inquiry.rollups, hour.now_ms)
    of_scope = of_plan(lines(newest), inquiry.facts)
    times = [of_line[-1].readings[-1].time_ms for of_line in of_scope.values()]
    if not times:
        return None
    told_ms = max(times)
    rates = rates_of(of_scope, inquiry.facts, told_ms - FRESH_MS, window_ms(inquiry.facts))
    answered = {key.vertex for key in of_scope if key.operator}
    rising = _missing_lags(inquiry, hour, up_ms, answered) | rising_of(rates.lags)
    running, waiting = _tasks(of_scope, batch=inquiry.is_batch)
    walk = walk_of(rates, inquiry.facts, rising)
    counted_ms = _counted_ms(of_scope)
    age_ms = None if counted_ms is None else told_ms - counted_ms
    return Now(rates, walk, of_scope, told_ms, running, waiting, age_ms)


def _counted_ms(of_scope: Lines) -> int | None:
    """When the newest counters of a subtask were read."""
    newest = (
        next((r.time_ms for r in reversed(found[-1].readings) if IDLE in r.values), 0)
        for key, found in of_scope.items()
        if key.vertex and not key.operator
    )
    return max(newest, default=0) or None


def window_ms(facts: JobFacts | None) -> int:
    """Over how much what holds now is measured: two checkpoint intervals, so that their rhythm
    does not show, from half a minute to one."""
    if facts is None or facts.checkpoints is None:
        return LONGEST_WINDOW_MS
    return max(SHORTEST_WINDOW_MS, min(LONGEST_WINDOW_MS, 2 * facts.checkpoints.interval_ms))


def _missing_lags(
    inquiry: Inquiry, hour: MeasuredHour, up_ms: Number, answered: set[str]
) -> dict[str, Truth]:
    """Sources that may yet report a lag, or did so before in the hour: it is not known then.
    `answered`: the vertices whose operators told something."""
    found: dict[str, Truth] = {}
    up_for_ms = LAG_ASKED_MS if isinstance(up_ms, Unknown) else up_ms
    for source in sources_of(inquiry.facts) if inquiry.facts else ():
        told = any(
            of_minute.lag_records is not None or of_minute.lag_ms is not None
            for minute in hour.run
            if minute and (of_minute := minute.vertices.get(source.id))
        )
        if told:
            found[source.id] = Unknown("its lag is no longer reported")
        elif up_for_ms < LAG_SHOWS_MS:
            found[source.id] = Unknown("it has run for less than a minute")
        elif up_for_ms < LAG_ASKED_MS and source.id not in answered:
            found[source.id] = Unknown("it was not asked yet")
    return found


def _tasks(of_scope: Lines, *, batch: bool) -> tuple[Truth, Number]:
    """(all tasks run, tasks that wait for a slot) at the newest reading."""
    own = of_scope.get(RUN, [])
    total = latest(own, metric.TASKS_TOTAL.name)
    running = latest(own, RUNNING)
    waiting = latest(own, metric.TASKS_SCHEDULED.name)
    nothing = Unknown("whether its tasks run was not told in the last minutes")
    if total is None or running is None:
        return nothing, nothing
    all_run = do_run(running, total, batch=batch)
    if batch and all_run:
        # In a batch job the later tasks wait for slots that the earlier ones hold.
        return True, 0.0
    return all_run, nothing if waiting is None else float(waiting)
