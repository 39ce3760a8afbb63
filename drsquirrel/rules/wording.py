"""Numbers and names as a person reads them: one unit, no more digits than were measured."""

from drsquirrel.model.report import HOUR_MINUTES, quoted

SECOND_MS = 1_000.0
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def _short(value: float) -> str:
    """One decimal below ten, none above; no ".0"."""
    text = f"{value:.1f}" if abs(value) < 9.95 else f"{value:,.0f}"
    return text.removesuffix(".0")


def percent(share: float) -> str:
    """A share of 1 in percent: "35 %", "0.4 %"."""
    return f"{_short(share * 100)} %"


def count(number: float) -> str:
    """A number of things: "902,000", "1.5"."""
    return _short(number)


def about(number: float) -> str:
    """A number that is measured roughly, to two digits: "14,000"."""
    digits = max(0, len(f"{abs(number):.0f}") - 2)
    return count(round(number, -digits)) if digits else count(number)


def times(ratio: float) -> str:
    """A ratio: "3.1×"."""
    return f"{_short(ratio)}×"


def plural(number: float, noun: str) -> str:
    """A number with its noun: "1 restart", "3 restarts"."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def duration(ms: float) -> str:
    """A time span in the unit that gives it few digits: "340 ms", "41 s", "3.7 min", "9 h"."""
    if ms < SECOND_MS:
        return f"{_short(ms)} ms"
    if ms < 100 * SECOND_MS:
        return f"{_short(ms / SECOND_MS)} s"
    if ms < 100 * MINUTE_MS:
        return f"{_short(ms / MINUTE_MS)} min"
    if ms < 48 * HOUR_MS:
        return f"{_short(ms / HOUR_MS)} h"
    return f"{_short(ms / DAY_MS)} days"


def option_time(ms: float) -> str:
    """A time span as Flink's options take it, in whole minutes or seconds: "10 min", "41 s"."""
    whole, rest = divmod(ms, MINUTE_MS)
    return f"{whole:.0f} min" if whole and not rest else f"{ms / SECOND_MS:.0f} s"


def record_time(us: float) -> str:
    """What one record takes: "850 µs", "3.1 ms", "2 s"."""
    return f"{_short(us)} µs" if us < 1_000 else duration(us / 1_000)


def per_second(number: float) -> str:
    """A rate of records: "41,000 records/s"."""
    return f"{count(number)} records/s"


def mebibytes(size: float, *, unit: str = " MB") -> str:
    """A size in memory: "512 MB"; with `unit` "m" as Flink's options take it."""
    return f"{size / 2**20:.0f}{unit}"


def last_seen(minute: int) -> str:
    """How long ago a minute of the hour was."""
    ago = HOUR_MINUTES - 1 - minute
    return f"{ago} min ago" if ago else "in the last minute"


def process_name(container: str) -> str:
    """A process by its id, quoted; Flink's JobManager has none."""
    return quoted(container) if container else "the JobManager"


def sentence(text: str) -> str:
    """With a capital letter at its beginning."""
    return text[:1].upper() + text[1:]
