"""Since when a condition has held: an interval, from the minutes in which it was seen or not."""

from collections.abc import Sequence

from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.model.report import Onset
from drsquirrel.model.snapshot import MINUTE_MS


def onset_of(hour: MeasuredHour, held: Sequence[bool | None], started_ms: int) -> Onset | None:
    """The onset of a condition from its minutes (None: not seen), newest last; None if neither of
    the two newest held.

    Latest is the end of the first minute of the stretch up to now, a gap of one bridged. Earliest
    is the start of the last minute before it that is known to be calm, or of the run.
    """
    first = stretch_start(held)
    if first is None:
        return None
    calm = next((i for i in range(first - 1, -1, -1) if held[i] is False), None)
    latest_ms = min((hour.first_minute + first + 1) * MINUTE_MS, hour.now_ms)
    earliest_ms = started_ms if calm is None else (hour.first_minute + calm) * MINUTE_MS
    return Onset(earliest_ms=min(max(started_ms, earliest_ms), latest_ms), latest_ms=latest_ms)


def stretch_start(held: Sequence[bool | None]) -> int | None:
    """Where the stretch of true up to the end began; one other minute at a time is bridged.

    None if neither of the two last is true.
    """
    first, misses = None, 0
    for i in range(len(held) - 1, -1, -1):
        if held[i]:
            first, misses = i, 0
        else:
            misses += 1
            if misses > 1:
                break
    return first
