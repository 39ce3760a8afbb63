"""Bursts: records that come in many at a time, and are worked off each time after a short while."""

from itertools import groupby

from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.model.case import PRESSURED_SHARE

LONGEST_MINUTES = 5
LEAST = 2
"""So many bursts that drained by themselves make the next one no news."""


def is_in_burst(hour: MeasuredHour) -> bool:
    """Whether the run is held back now as it was before in the hour, and not for longer; before, it
    had time left again each time. DIAGNOSIS.md section 3 asks for a window of two bursts."""
    stretches = [(held, len(list(minutes))) for held, minutes in groupby(_held_back(hour))]
    now = stretches.pop()[1] if stretches and stretches[-1][0] else 0
    past = [minutes for held, minutes in stretches if held]
    return now > 0 and len(past) >= LEAST and max(past) <= LONGEST_MINUTES and now <= max(past)


def _held_back(hour: MeasuredHour) -> list[bool]:
    """Minute by minute, those left out in which it is not known: whether some vertex waited for
    those behind it, or the lag of a source rose."""
    found = []
    for minute in hour.run:
        vertices = minute.vertices.values() if minute else ()
        shares = [v.backpressured_share for v in vertices if v.backpressured_share is not None]
        if shares:
            rising = any(v.lag_rising == 1 for v in vertices)
            found.append(rising or max(shares) >= PRESSURED_SHARE)
    return found
