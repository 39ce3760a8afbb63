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
"""A minute is measured over so much."""
FROZEN_SHARE = 0.2
"""Measured time below this share of the elapsed time: the counters stand still."""
DOUBLED_SHARE = 1.05
"""Idle plus backpressured time above this multiple of the elapsed time, by more than the refresh
interval: Flink 1.18 counts it twice (FLINK-35764)."""
TWICE = 2.2
"""Up to this multiple half of it is the truth; above, a wait of hours has just been added."""
REFRESH_MS = 10_000

BUSY, PRESSURED, IDLE = metric.BUSY_MS.name, metric.BACKPRESSURED_MS.name, metric.IDLE_MS.name
TIMES = frozenset((PRESSURED, IDLE))
"""What a subtask must tell. Busy time is a residual, and sources of the old kind leave it out."""
RECORDS = (metric.RECORDS_IN.name, metric.RECORDS_OUT.name)


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

    __slots__ = ()


FROZEN = Untrusted("their counters stand still")
TOO_SHORT = Untrusted("seen for less than 30 s in this attempt")
UNTOLD = Untrusted("their times are not reported")
TWICE_COUNTED = Untrusted("this Flink counts times twice (FLINK-35764)")


def work(line: Line, since_ms: int = 0, target_ms: int = TARGET_MS) -> Work | Untrusted:
    """Shares and record rates of a subtask over its newest span; the reason where none can be."""
    between = span(line.readings, TIMES, least_ms=LEAST_MS, target_ms=target_ms, since_ms=since_ms)
    if between is None:
        told = any(r.time_ms >= since_ms and r.values.keys() >= TIMES for r in line.readings)
        return TOO_SHORT if told else UNTOLD
    times = _times(between)
    if isinstance(times, Untrusted):
        return times
    busy, pressured, idle = times
    measured = busy + pressured + idle
    rates = [_per_second(name, measured, between) for name in RECORDS]
    return Work(
        line.container,
        line.attempt,
        busy / measured,
        pressured / measured,
        idle / measured,
        round(measured),
        *rates,
    )


def _times(between: Span) -> tuple[float, float, float] | Untrusted:
    """(busy, backpressured, idle) in ms of a span."""
    pressured, idle = between.rise(PRESSURED), between.rise(IDLE)
    waited, elapsed = pressured + idle, between.elapsed_ms
    if min(pressured, idle) < 0:
        return Untrusted("their counters went backwards")
    told = BUSY in between.a.values and BUSY in between.b.values
    busy = between.rise(BUSY) if told else max(0, elapsed - waited)
    if busy < 0 or waited > DOUBLED_SHARE * elapsed + REFRESH_MS:
        # Long waits were counted twice, and busy time, the residual, shrank by as much.
        if waited > TWICE * elapsed:
            return TWICE_COUNTED
        return max(0.0, elapsed - waited / 2), pressured / 2, idle / 2
    if busy + waited >= FROZEN_SHARE * elapsed:
        return busy, pressured, idle
    if waited == 0 and any(_rise(name, between) > 0 for name in RECORDS):
        # It works and does not wait: the residual cannot grow while it makes up for the above.
        return elapsed, 0, 0
    return FROZEN


def _rise(name: str, between: Span) -> int:
    """A counter's rise over a span; 0 where it was not reported at both ends."""
    there = name in between.a.values and name in between.b.values
    return between.rise(name) if there else 0


def _per_second(name: str, measured_ms: float, between: Span) -> Number:
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


def counter_rate(lines: list[Line], name: str, since_ms: int = 0) -> Number:
    """A counter's rise per elapsed second in the newest line that has two readings of it."""
    wanted = frozenset((name,))
    for line in reversed(lines):
        between = span(
            line.readings, wanted, least_ms=LEAST_MS, target_ms=TARGET_MS, since_ms=since_ms
        )
        if between is not None:
            rise = between.rise(name)
            return (
                rise * 1000 / between.elapsed_ms if rise >= 0 else Unknown(f"{name} started again")
            )
    return Unknown(f"fewer than two readings of {name}")


def gc_shares(collectors: dict[str, list[Line]], since_ms: int = 0) -> tuple[Number, Number]:
    """Shares of time in stop-the-world collections: (all, old generation or full)."""
    if not collectors:
        return Unknown("no collector reported"), Unknown("no collector reported")
    every: Number = 0.0
    old: Number = 0.0
    for name, lines in collectors.items():
        if name not in OLD_COLLECTORS:
            unknown = Unknown(f"the collector {name} does not stop the world in a known way")
            return unknown, unknown
        share = counter_rate(lines, metric.GC_TIME_MS.name, since_ms) * (1 / 1000)
        every = every + share
        if OLD_COLLECTORS[name]:
            old = old + share
    return every, old
