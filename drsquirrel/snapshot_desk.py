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
from drsquirrel.diagnose.container import Process
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.diagnose.standing import clock
from drsquirrel.heard import HeardRun, HeardRuns
from drsquirrel.model.event import Event, Message
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Rollup, Snapshot
from drsquirrel.on_desk import ClusterDesk, RunDesk
from drsquirrel.rules.load import Rules
from drsquirrel.same_run import began_of
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
AGAIN_MINUTES = 10
"""So many are told again at once, at most."""


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
        usable = [*self._usable(rollups, now_ms)]
        self._note_senders(desk, usable)
        self._merge(now_ms, [*self._placed(desk, usable, now_ms)])
        return super().hear(cluster, told, now_ms)

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
        last = self._newest_ms(desk) // MINUTE_MS - UNTOLD_MINUTES - 1
        first = max(self._again.get(desk.id, last - 1) + 1, last - AGAIN_MINUTES + 1)
        counted = super()._listen(desk, arrived, first * MINUTE_MS)
        for minute in range(first, last + 1):
            rollups = self._hours.minute(desk.id, minute)
            if rollups:
                self._again[desk.id] = minute
            for over_ms, reports in rounds(rollups, minute):
                counted += super()._listen(desk, reports, over_ms)
        return counted

    def _inquiry(
        self,
        desk: ClusterDesk,
        run: RunDesk,
        processes: Mapping[str, Process],
        reporting: Mapping[str, int],
        at_ms: int,
        now_ms: int,
    ) -> Inquiry:
        inquiry = super()._inquiry(desk, run, processes, reporting, at_ms, now_ms)
        expected = replace(
            inquiry.expected,
            plugin=self._sending(desk) if self.listens else None,
            untold=self._untold(desk, now_ms) if at_ms == now_ms else "",
        )
        return replace(inquiry, expected=expected)

    def _untold(self, desk: ClusterDesk, now_ms: int) -> str:
        newest_ms = self._newest_ms(desk)
        if not (newest_ms and desk.is_silent(now_ms)):
            return ""
        return UNTOLD if now_ms - newest_ms <= SENDING_MS else SILENT.format(at=clock(newest_ms))

    def _newest_ms(self, desk: ClusterDesk) -> int:
        """Up to when any of its processes was told of; 0 where none was."""
        return max(self._sent_ms.get(desk.id, {}).values(), default=0)

    def _sending(self, desk: ClusterDesk) -> Mapping[str, int]:
        """The processes that have the plugin, and up to when each was told of; while REST is silent
        no longer than up to when all are."""
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
            self._note_runs(desk, [told.rollup for told in all_told], now_ms)
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
            elif now_ms - told.since_ms > WAITS_MS:
                self.dropped["unknown run"] += 1
            else:
                waiting.append(told)
                self._waits += _weight(told.rollup)

    def _note_runs(self, desk: ClusterDesk, rollups: list[Rollup], now_ms: int) -> None:
        """Note runs that REST has not listed: their JobManager tells of them."""
        known = {run.seen.job for run in desk.runs.values()}
        found: dict[str, HeardRun] = {}
        for rollup in sorted(rollups, key=lambda rollup: rollup.minute):
            job = rollup.subject.job
            readings = [r for t in rollup.tracks if not t.key.container for r in t.first]
            if not job or job in known or not readings or len(known) >= RUNS_MAX:
                continue
            known.add(job)
            since_ms = min(reading.time_ms for reading in readings)
            name, version = rollup.named[0] if rollup.named else (job, "")
            found[job] = HeardRun(
                since_ms=since_ms,
                told_ms=since_ms,
                heard_ms=since_ms,
                name=name,
                flink_version=version,
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
            oldest_ms = max(sent_ms.values()) - SENDING_MS
            for container in [c for c, ms in sent_ms.items() if ms < oldest_ms]:
                del sent_ms[container]


def _weight(rollup: Rollup) -> int:
    return 1 + len(rollup.tracks) + len(rollup.logs) + len(rollup.seen)
