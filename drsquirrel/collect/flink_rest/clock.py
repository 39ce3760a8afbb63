"""How far the JobManager's clock is off, and its events by ours."""

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.model.event import CheckpointEvent, Event, MetricReport

WRONG_CLOCK_MS = 5_000
"""A JobManager whose clock is further off than this is told by ours."""


def ahead_ms(found: Round, known_ms: int) -> int:
    """How far the JobManager's clock is ahead of ours, as a round shows; 0 for a few seconds.

    What is told as of now was read between the round's beginning and its end. A small change is
    jitter: what was found before stays, so that an event that is told again keeps its time.
    """
    newest_ms = max((e.time_ms for e in found.events if isinstance(e, MetricReport)), default=None)
    if newest_ms is None:
        return known_ms
    began_ms = found.arrival_ms - found.took_ms
    if began_ms - WRONG_CLOCK_MS <= newest_ms <= found.arrival_ms + WRONG_CLOCK_MS:
        return 0
    told_ms = newest_ms - began_ms
    return known_ms if abs(told_ms - known_ms) <= WRONG_CLOCK_MS else told_ms


def by_our_clock(event: Event, ahead_ms: int) -> Event:
    """The event with its times by our clock."""
    if not ahead_ms:
        return event
    if isinstance(event, CheckpointEvent) and event.ended_ms is not None:
        event = replace(event, ended_ms=event.ended_ms - ahead_ms)
    return replace(event, time_ms=event.time_ms - ahead_ms)
