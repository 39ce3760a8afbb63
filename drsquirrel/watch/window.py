"""Windows of arrival, and the hour: where minute rollups are kept and merged."""

from collections.abc import Iterable, Mapping

from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject
from drsquirrel.watch.merge import merge

HOUR_MINUTES = 60
SLACK_MINUTES = 3
"""Kept beyond the hour: the minute before the first is where its counters begin."""


class Hours:
    """The newest minutes of every subject, each the merge of all that came in about it."""

    def __init__(self) -> None:
        self._of: dict[Subject, dict[int, Rollup]] = {}

    def add(self, rollups: Iterable[Rollup]) -> None:
        """Merge rollups into their minutes."""
        for rollup in rollups:
            minutes = self._of.setdefault(rollup.subject, {})
            before = minutes.get(rollup.minute)
            minutes[rollup.minute] = merge(before, rollup) if before else rollup

    def of(self, subject: Subject) -> Mapping[int, Rollup]:
        """The minutes of a subject; empty if nothing is known."""
        return self._of.get(subject, {})

    def expire(self, now_ms: int) -> None:
        """Forget what is older than the hour."""
        oldest = now_ms // MINUTE_MS - HOUR_MINUTES - SLACK_MINUTES
        for subject, minutes in list(self._of.items()):
            for minute in [m for m in minutes if m < oldest]:
                del minutes[minute]
            if not minutes:
                del self._of[subject]


class Windows:
    """What arrived in each window of 5 minutes, for the store: grown windows are told again."""

    def __init__(self) -> None:
        self._open: dict[tuple[Subject, int], dict[int, Rollup]] = {}
        self._grown: set[tuple[Subject, int]] = set()

    def add(self, arrival_ms: int, rollups: Iterable[Rollup]) -> None:
        """Put what arrived together into its window."""
        window_ms = arrival_ms // WINDOW_MS * WINDOW_MS
        for rollup in rollups:
            key = (rollup.subject, window_ms)
            minutes = self._open.setdefault(key, {})
            before = minutes.get(rollup.minute)
            minutes[rollup.minute] = merge(before, rollup) if before else rollup
            self._grown.add(key)

    def grown(self, now_ms: int) -> list[Snapshot]:
        """The windows that have grown since the last call; those that are over are let go."""
        found = [_snapshot(key, self._open[key]) for key in sorted(self._grown)]
        self._grown.clear()
        for key in [k for k in self._open if k[1] + WINDOW_MS <= now_ms]:
            del self._open[key]
        return found


def _snapshot(key: tuple[Subject, int], minutes: Mapping[int, Rollup]) -> Snapshot:
    subject, window_ms = key
    rollups = tuple(minutes[m] for m in sorted(minutes))
    seen = sum(s.last - s.first + 1 for r in rollups for s in r.seen)
    return Snapshot(
        subject=subject,
        window_ms=window_ms,
        rollups=rollups,
        reports_seen=seen,
        reports_expected=None,
    )
