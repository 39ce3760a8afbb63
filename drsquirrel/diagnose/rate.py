"""Rates: what subtasks and containers did between two readings.

Busy, backpressured and idle time come from Flink's accumulated counters, never from its 60 s
gauges; the three add up to the time the subtask was measured, which is the base of every rate (the
readings may be older than they say: Flink refreshes them every 10 s).
"""

from dataclasses import dataclass

from drsquirrel.diagnose.reading import Line, Span, span
from drsquirrel.model import metric
from drsquirrel.model.metric import OLD_COLLECTORS
from drsquirrel.model.unknown import Number, Unknown

LEAST_MS = 25_000
"""Flink brings its timers up to date every 5 s and its REST values every 10 s: a span of 30 s by
the clock may show 20 s of work. A window asks for 30 s; polling jitter may take 5 s off."""
TARGET_MS = 60_000
FROZEN_SHARE = 0.2
"""Measured time below this share of the elapsed time: the counters stand still."""
DOUBLED_SHARE = 1.05
"""Idle plus backpressured time above this multiple of the elapsed time, by more than the refresh
interval: Flink 1.18 counts it twice (FLINK-35764)."""
REFRESH_MS = 10_000

TIMES = frozenset((metric.BUSY_MS.name, metric.BACKPRESSURED_MS.name, metric.IDLE_MS.name))


@dataclass(frozen=True, slots=True)
class Work:
    """What one subtask did over a span; shares add up to 1."""

    container: str
    attempt: int
    busy: float
    pressured: float
    idle: float
    measured_ms: int
    records_in_per_s: Number
    records_out_per_s: Number


class Untrusted(str):
    """Why a span gives no shares."""


def work(line: Line, *, least_ms: int = LEAST_MS, target_ms: int = TARGET_MS) -> Work | Untrusted:
    """Shares and record rates of a subtask over its newest span; the reason where none can be."""
    between = span(line.readings, TIMES, least_ms=least_ms, target_ms=target_ms)
    if between is None:
        return Untrusted("seen for less than 30 s in this attempt")
    busy = between.rise(metric.BUSY_MS.name)
    pressured = between.rise(metric.BACKPRESSURED_MS.name)
    idle = between.rise(metric.IDLE_MS.name)
    measured = busy + pressured + idle
    if idle + pressured > DOUBLED_SHARE * between.elapsed_ms + REFRESH_MS:
        return Untrusted("this Flink counts times twice (FLINK-35764)")
    if min(busy, pressured, idle) < 0:
        return Untrusted("the counters went backwards")
    if measured < FROZEN_SHARE * between.elapsed_ms:
        return Untrusted("frozen")
    return Work(
        line.container,
        line.attempt,
        busy / measured,
        pressured / measured,
        idle / measured,
        measured,
        per_second(line, metric.RECORDS_IN.name, measured, between),
        per_second(line, metric.RECORDS_OUT.name, measured, between),
    )


def per_second(line: Line, name: str, measured_ms: int, between: Span) -> Number:
    """A counter's rise per second of measured time over a span."""
    if name not in between.a.values or name not in between.b.values:
        return Unknown(f"{name} was not reported")
    rise = between.rise(name)
    return rise * 1000 / measured_ms if rise >= 0 else Unknown(f"{name} started again")


def cost_us(busy: float, records_per_s: Number) -> Number:
    """Busy time per record in microseconds; unknown below one record a second."""
    if isinstance(records_per_s, Unknown):
        return records_per_s
    if records_per_s < 1:
        return Unknown("too few records")
    return busy * 1_000_000 / records_per_s


def counter_rate(
    lines: list[Line], name: str, *, least_ms: int = LEAST_MS, target_ms: int = TARGET_MS
) -> Number:
    """A counter's rise per elapsed second in the newest line that has two readings of it."""
    wanted = frozenset((name,))
    for line in reversed(lines):
        between = span(line.readings, wanted, least_ms=least_ms, target_ms=target_ms)
        if between is not None:
            rise = between.rise(name)
            return (
                rise * 1000 / between.elapsed_ms if rise >= 0 else Unknown(f"{name} started again")
            )
    return Unknown(f"fewer than two readings of {name}")


def latest(lines: list[Line], name: str) -> int | None:
    """The newest value of a metric over all lines of a scope."""
    newest = (
        next(
            ((r.time_ms, r.values[name]) for r in reversed(line.readings) if name in r.values), None
        )
        for line in lines
    )
    return max((found for found in newest if found), default=(0, None))[1]


def gc_shares(collectors: dict[str, list[Line]]) -> tuple[Number, Number]:
    """Shares of time in stop-the-world collections: (all, old generation or full)."""
    if not collectors:
        return Unknown("no collector reported"), Unknown("no collector reported")
    every: Number = 0.0
    old: Number = 0.0
    for name, lines in collectors.items():
        if name == metric.COLLECTOR_TOTAL:
            continue
        if name not in OLD_COLLECTORS:
            unknown = Unknown(f"the collector {name} does not stop the world in a known way")
            return unknown, unknown
        share = counter_rate(lines, metric.GC_TIME_MS.name) * (1 / 1000)
        every = every + share
        if OLD_COLLECTORS[name]:
            old = old + share
    return every, old
