"""Windows of arrival, and the hour: where minute rollups are kept and merged."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias, TypeVar

from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot, Subject
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.merge import merge

K = TypeVar("K", bound=Hashable)
AT_ONCE = 2
"""Windows that all subjects of a cluster may have open: one is let go after the next has begun."""
Minutes: TypeAlias = dict[int, Rollup]
Reports: TypeAlias = Counter[tuple[str, str]]
"""How many reports came, by (container, epoch)."""


class Hours:
    """The newest minutes of every subject, each the merge of all that came in about it."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._of: dict[Subject, Minutes] = {}
        self._subjects: Counter[str] = Counter()
        """How many there are of each cluster: one with too many takes no other's place."""

    def add(self, rollups: Iterable[Rollup]) -> Counter[str]:
        """Merge rollups into their minutes; returns what was dropped, by reason."""
        dropped: Counter[str] = Counter()
        for rollup in rollups:
            subject = rollup.subject
            minutes = _place(
                self._of, subject, subject.cluster, self._subjects, self._limits.subjects
            )
            if minutes is None:
                dropped["too many subjects"] += 1
            else:
                add(minutes, rollup, self._limits)
        return dropped

    def of(self, subject: Subject) -> Mapping[int, Rollup]:
        """The minutes of a subject; empty if nothing is known."""
        return self._of.get(subject, {})

    def minute(self, cluster: str, minute: int) -> list[Rollup]:
        """What is known of a minute of all subjects of a cluster."""
        return [
            minutes[minute]
            for subject, minutes in self._of.items()
            if subject.cluster == cluster and minute in minutes
        ]

    def expire(self, now_ms: int) -> None:
        """Forget what is older than the hour."""
        oldest = now_ms // MINUTE_MS - self._limits.hour_minutes
        for subject, minutes in list(self._of.items()):
            for minute in [m for m in minutes if m < oldest]:
                del minutes[minute]
            if not minutes:
                del self._of[subject]
                self._subjects[subject.cluster] -= 1


class Windows:
    """What arrived in each window of 5 minutes, for the store: grown windows are told again."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._open: dict[tuple[Subject, int], Minutes] = {}
        self._subjects: Counter[str] = Counter()
        """How many are open of each cluster."""
        self._grown: set[tuple[Subject, int]] = set()
        self._over: dict[tuple[Subject, int], Reports] = {}
        """What came in the windows that were let go last."""
        self._first_open_ms = 0

    def add(self, arrival_ms: int, rollups: Iterable[Rollup]) -> Counter[str]:
        """Put what arrived together into its window, or into the next if that was let go.

        Returns what was dropped, by reason.
        """
        dropped: Counter[str] = Counter()
        window_ms = max(arrival_ms // WINDOW_MS * WINDOW_MS, self._first_open_ms)
        for rollup in rollups:
            key, cluster = (rollup.subject, window_ms), rollup.subject.cluster
            minutes = _place(
                self._open, key, cluster, self._subjects, AT_ONCE * self._limits.subjects
            )
            if minutes is None:
                dropped["too many subjects"] += 1
            else:
                add(minutes, rollup, self._limits)
                self._grown.add(key)
        return dropped

    def is_full(self) -> bool:
        """Whether so many are open of a cluster that soon something will be dropped, as where none
        are let go because they cannot be stored."""
        return max(self._subjects.values(), default=0) >= (AT_ONCE - 1 / 2) * self._limits.subjects

    def grown(
        self, now_ms: int, interval_ms: Mapping[str, int] = MappingProxyType({})
    ) -> list[Snapshot]:
        """The windows that have grown since the last call; those that are over are let go.

        `interval_ms` tells by cluster how often its producers report; without it a snapshot cannot
        say how many reports were expected.
        """
        found = [
            self._snapshot(key, now_ms, interval_ms.get(key[0].cluster))
            for key in sorted(self._grown)
        ]
        self._grown.clear()
        self._let_go(now_ms // WINDOW_MS * WINDOW_MS)
        return found

    def _let_go(self, first_open_ms: int) -> None:
        self._first_open_ms = max(self._first_open_ms, first_open_ms)
        before_ms = self._first_open_ms - WINDOW_MS
        for key in [key for key in self._open if key[1] <= before_ms]:
            self._over[key] = _reports(self._open.pop(key).values())
            self._subjects[key[0].cluster] -= 1
        self._over = {key: reports for key, reports in self._over.items() if key[1] == before_ms}

    def _snapshot(self, key: tuple[Subject, int], now_ms: int, interval_ms: int | None) -> Snapshot:
        subject, window_ms = key
        minutes = self._open[key]
        before = self._over.get((subject, window_ms - WINDOW_MS))
        expected = None
        # A full share of whoever reported in the window before, and what new producers sent.
        if before is not None and interval_ms:
            each = min(now_ms - window_ms, WINDOW_MS) // interval_ms
            reports = _reports(minutes.values()).items()
            new = sum(count for producer, count in reports if producer not in before)
            expected = len(before) * each + new
        return snapshot_of(subject, window_ms, minutes.values(), expected)


def add(minutes: Minutes, rollup: Rollup, limits: Limits) -> None:
    """Merge a rollup into its minute."""
    before = minutes.get(rollup.minute)
    minutes[rollup.minute] = merge(before, rollup, limits) if before else rollup


def snapshot_of(
    subject: Subject, window_ms: int, rollups: Iterable[Rollup], expected: int | None = None
) -> Snapshot:
    """The snapshot of what came in one window; `expected` reports should have."""
    of_minutes = tuple(sorted(rollups, key=lambda rollup: rollup.minute))
    return Snapshot(
        subject=subject,
        window_ms=window_ms,
        rollups=of_minutes,
        reports_seen=_reports(of_minutes).total(),
        reports_expected=expected,
    )


def _place(
    held: dict[K, Minutes], key: K, cluster: str, taken: Counter[str], most: int
) -> Minutes | None:
    """The minutes held under a key, new ones if its cluster has a place left; None if not."""
    if key not in held:
        if taken[cluster] >= most:
            return None
        taken[cluster] += 1
        held[key] = {}
    return held[key]


def _reports(rollups: Iterable[Rollup]) -> Reports:
    reports: Reports = Counter()
    for rollup in rollups:
        for seen in rollup.seen:
            reports[seen.container, seen.epoch] += seen.last - seen.first + 1
    return reports
