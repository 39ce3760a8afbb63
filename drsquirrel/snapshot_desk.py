"""A desk that hears of processes through the watcher's snapshots, minutes after they spoke.

REST goes on telling all that it can meanwhile. What a snapshot brings of a minute is merged into
it, whenever it comes. While REST is silent a moment is judged once all is told of it.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from msgspec import structs

from drsquirrel.collect.kafka.source import Arrival
from drsquirrel.deep import EARLY_MS, FRESH_MS, FURTHEST_MS, PROCESSES_MAX, WAITS_MS
from drsquirrel.desk import LATEST_MS, RUNS_MAX, Desk
from drsquirrel.diagnose.inquiry import Expected
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.diagnose.standing import clock
from drsquirrel.heard import HeardRun, HeardRuns
from drsquirrel.heard_tasks import TWO_ROUNDS_MS
from drsquirrel.model.event import Event, Message
from drsquirrel.model.facts import bounded
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot
from drsquirrel.on_desk import ClusterDesk, RunDesk
from drsquirrel.rules.load import Rules
from drsquirrel.same_run import began_of, ended_ms, was_there
from drsquirrel.watch.told_again import rounds

WAITING_MAX = 500_000
"""Tracks and the like that wait for their run; beyond, nothing more is read."""
SENDING_MS = 2 * WINDOW_MS + MINUTE_MS
"""Who is in no snapshot for so long does not send any more."""
UNTOLD_MINUTES = WINDOW_MS // MINUTE_MS + 3
"""Of so many minutes before the newest that was told not all is told yet: windows close one after
the other, minutes are told to their end, and clocks differ."""
OLDEST_MS = 4 * WINDOW_MS
"""No moment is judged that was so long ago."""
UNTOLD = (
    "What its processes send meanwhile comes through the watcher: a moment is judged once all is "
    "told of it, 8 to 13 minutes later."
)
SILENT = (
    "The watcher has told nothing of this cluster since {at}: `drsquirrel watcher status` says "
    "whether it runs."
)
AGAIN_MINUTES, BEFORE_MINUTES = 10, 3
"""So many are told again at once, at most, and at first."""


class Waiting(NamedTuple):
    """What is about a run that nobody has listed yet."""

    since_ms: int
    rollup: Rollup


class SnapshotDesk(Desk):
    """Hears events, and metrics in snapshots. To those all starts of a job are one: which of them
    is meant is found out here."""

    plugin_interval_ms = WINDOW_MS
    silent_ms = OLDEST_MS

    def __init__(self, rules: Rules, shorten: Callable[[str], str] = str) -> None:
        super().__init__(rules, shorten)
        self._waiting: dict[str, deque[Waiting]] = {}
        self._waits = 0
        self._sent_ms: dict[str, dict[str, int]] = {}
        """By cluster and process, up to when it is in snapshots."""
        self._newest_ms: dict[str, int] = {}
        """By cluster, up to when any of its processes was told of."""
        self._again: dict[str, int] = {}
        """By cluster whose REST is silent, the minute that was told again last."""

    def hear(self, cluster: str, arrivals: Iterable[Arrival], now_ms: int) -> list[Event]:
        told: list[tuple[int, Message]] = []
        rollups: list[Rollup] = []
        for arrival_ms, what in arrivals:
            if isinstance(what, Snapshot):
                rollups += what.rollups
            else:
                told.append((arrival_ms, what))
        desk = self.clusters[cluster]
        # The piece that tells of a run may come a window later than what is about it.
        waits = desk.is_silent(now_ms) and self._waits < WAITING_MAX // 2
        desk.deep.waits_ms = SENDING_MS if waits else WAITS_MS
        usable = [*self._usable(rollups, now_ms)]
        self._note_senders(desk, usable)
        self._merge(now_ms, [*self._placed(desk, usable, now_ms)])
        return super().hear(cluster, told, now_ms)

    def forget(self, cluster: str) -> None:
        super().forget(cluster)
        self._waits -= sum(_weight(told.rollup) for told in self._waiting.pop(cluster, ()))
        self._sent_ms.pop(cluster, None)
        self._newest_ms.pop(cluster, None)
        self._again.pop(cluster, None)

    def waiting(self) -> dict[str, int]:
        found = super().waiting()
        for cluster, waiting in self._waiting.items():
            if waiting:
                since_ms = waiting[0].since_ms
                found[cluster] = min(since_ms, found.get(cluster, since_ms))
        return found

    def is_full(self) -> bool:
        return super().is_full() or self._waits > WAITING_MAX

    def judged_ms(self, desk: ClusterDesk, now_ms: int) -> int:
        at_ms = (self._again.get(desk.id, -1) + 1) * MINUTE_MS - 1
        is_told = desk.is_silent(now_ms) and desk.is_silent(at_ms)
        return at_ms if is_told and now_ms - at_ms <= OLDEST_MS else now_ms

    def reporting(self, desk: ClusterDesk, now_ms: int) -> Mapping[str, int]:
        at_ms = self.judged_ms(desk, now_ms)
        sent = self._sent_ms.get(desk.id, {}) if at_ms < now_ms else {}
        return {c: min(ms, at_ms) for c, ms in sent.items() if at_ms - ms <= FRESH_MS}

    def _listen(
        self, desk: ClusterDesk, arrived: Sequence[tuple[int, Message]], now_ms: int
    ) -> list[tuple[int, Event]]:
        """Once REST is silent, listen to what is told again of each minute."""
        if not desk.is_silent(now_ms):
            if self._again.pop(desk.id, None) is not None:
                desk.heard = HeardRuns(desk.id, self.dropped)
            return []
        last = self._newest_ms.get(desk.id, 0) // MINUTE_MS - UNTOLD_MINUTES - 1
        first = max(self._again.get(desk.id, last - BEFORE_MINUTES) + 1, last - AGAIN_MINUTES + 1)
        counted: list[tuple[int, Event]] = []
        for minute in range(first, last + 1):
            rollups = self._hours.minute(desk.id, minute)
            if rollups:
                self._again[desk.id] = minute
            for over_ms, told in rounds(rollups, minute):
                counted += super()._listen(desk, told, over_ms)
        return counted

    def _expected(
        self, desk: ClusterDesk, run: RunDesk, sending: Mapping[str, int], at_ms: int, now_ms: int
    ) -> Expected:
        expected = super()._expected(desk, run, sending, at_ms, now_ms)
        has_begun_since = not was_there(desk, run, self.judged_ms(desk, now_ms))
        return replace(
            expected,
            heard_ms=None if has_begun_since else expected.heard_ms,
            untold=self._untold(desk, now_ms) if at_ms == now_ms else "",
        )

    def _untold(self, desk: ClusterDesk, now_ms: int) -> str:
        newest_ms = self._newest_ms.get(desk.id, 0)
        told_ms = newest_ms or desk.began_ms
        if told_ms is None or not desk.is_silent(now_ms):
            return ""
        if now_ms - told_ms <= SENDING_MS:
            return UNTOLD
        return SILENT.format(at=clock(newest_ms)) if newest_ms else ""

    def _sending(self, desk: ClusterDesk, reporting: Mapping[str, int]) -> Mapping[str, int]:
        """Up to when each was told of; while REST is silent no longer than up to when all are."""
        sent = self._sent_ms.get(desk.id, {})
        again = self._again.get(desk.id)
        if again is None:
            return sent
        return {container: min(ms, again * MINUTE_MS) for container, ms in sent.items()}

    def _usable(self, rollups: Iterable[Rollup], now_ms: int) -> Iterator[Rollup]:
        """Those of minutes that can have been."""
        for rollup in rollups:
            late_ms = now_ms - rollup.minute * MINUTE_MS
            self.late_total += late_ms > LATEST_MS
            if late_ms < -MINUTE_MS:
                self.dropped["of the future"] += 1
            elif late_ms > FURTHEST_MS:
                self.dropped["too late"] += 1
            else:
                yield rollup

    def _placed(
        self, desk: ClusterDesk, rollups: Iterable[Rollup], now_ms: int
    ) -> Iterator[Rollup]:
        """Those of these, and of those that waited, of which it is known which run they are of."""
        before = self._waiting.get(desk.id, deque())
        waiting = self._waiting[desk.id] = deque()
        self._waits -= sum(_weight(waited.rollup) for waited in before)
        all_told = (*before, *(Waiting(now_ms, rollup) for rollup in rollups))
        if desk.is_silent(now_ms):
            self._note_runs(desk, (told.rollup for told in all_told), now_ms)
        starts = began_of(desk)
        for told in all_told:
            subject = told.rollup.subject
            known = starts.get(subject.job, {})
            if not subject.job:
                yield told.rollup
            elif known:
                over_ms = (told.rollup.minute + 1) * MINUTE_MS + EARLY_MS
                began = max((ms for ms in known if ms < over_ms), default=min(known))
                subject = structs.replace(subject, start_ms=known[began])
                yield structs.replace(told.rollup, subject=subject)
            elif now_ms - told.since_ms > desk.deep.waits_ms:
                self.dropped["unknown run"] += 1
            else:
                waiting.append(told)
                self._waits += _weight(told.rollup)

    def _note_runs(self, desk: ClusterDesk, rollups: Iterable[Rollup], now_ms: int) -> None:
        """Note runs that REST has not listed: their JobManager tells of them."""
        newest = desk.newest_runs()
        found: dict[str, HeardRun] = {}
        for rollup in sorted(rollups, key=lambda rollup: rollup.minute):
            job = rollup.subject.job
            run = newest.get(job)
            if not job or job in found or (run and not run.is_over):
                continue
            of_jobmanager = (t.first[0].time_ms for t in rollup.tracks if not t.key.container)
            began_ms = min(of_jobmanager, default=0)
            if began_ms <= (ended_ms(desk, run.seen) + TWO_ROUNDS_MS if run else 0):
                continue
            if len(desk.runs) + len(found) >= RUNS_MAX:
                self.dropped["too many runs"] += 1
                continue
            name, version = rollup.named[0] if rollup.named else (job, "")
            found[job] = HeardRun(
                since_ms=began_ms,
                told_ms=began_ms,
                heard_ms=began_ms,
                name=bounded(name),
                flink_version=bounded(version),
            )
        self._note_heard(desk, found, (), now_ms)

    def _note_senders(self, desk: ClusterDesk, rollups: Iterable[Rollup]) -> None:
        sent_ms = self._sent_ms.setdefault(desk.id, {})
        for rollup in rollups:
            over_ms = (rollup.minute + 1) * MINUTE_MS
            for seen in rollup.seen:
                if seen.container in sent_ms or len(sent_ms) < PROCESSES_MAX:
                    sent_ms[seen.container] = max(over_ms, sent_ms.get(seen.container, 0))
            container = rollup.subject.container
            if not rollup.subject.job and len(desk.minutes) < PROCESSES_MAX:
                desk.minutes.setdefault(container, Minutes())
        if sent_ms:
            newest_ms = self._newest_ms[desk.id] = max(sent_ms.values())
            for container in [c for c, ms in sent_ms.items() if ms < newest_ms - SENDING_MS]:
                del sent_ms[container]


def _weight(rollup: Rollup) -> int:
    return 1 + len(rollup.tracks) + len(rollup.logs) + len(rollup.seen)
