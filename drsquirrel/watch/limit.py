"""How much of one minute, one message and one hour is kept: the bounds of every set here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """What exceeds a limit is dropped: flagged in the rollup, or counted by reason beside it.

    Rollups that are merged must have been folded under the same limits.
    """

    skew_ms: int = 60_000
    """A source time that is further from arrival is replaced by arrival (DESIGN.md section 2)."""
    message_bytes: int = 4 << 20
    """A report of 1,000 subtasks is about 1 MiB."""
    places_per_report: int = 20_000
    tracks_per_minute: int = 50_000
    """1,000 TaskManagers with 50 subtasks and operators each."""
    reports_per_minute: int = 20_000
    """1,000 containers that report every 10 s, and some room."""
    failures_per_minute: int = 100
    checkpoints_per_minute: int = 200
    changes_per_minute: int = 1_000
    """A cluster of 1,000 containers may come up within one minute."""
    signatures_per_minute: int = 200
    lines_per_signature: int = 100
    skewed_per_minute: int = 1_000
    names_per_minute: int = 4
    """A run has one; starts of a job may differ."""
    text_chars: int = 16_384
    """Of a throwable or message; a Flink trace with its causes has 5 to 15 thousand."""
    subjects: int = 5_000
    """Runs and containers of one cluster that are watched at once."""
    hour_minutes: int = 63
    """The hour that is judged, and the minutes before it in which its counters begin."""


LIMITS = Limits()
