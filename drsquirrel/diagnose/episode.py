"""Episodes of a run: from all tasks running to all running again. DIAGNOSIS.md section 4.

A minute keeps its first and last reading of the tasks, so a recovery may fall between readings:
then the job's state RUNNING, or a later attempt of a task that failed, tells that there was one.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from drsquirrel.diagnose.fault import NEAR_MS, could_not_deploy, first_of, naming
from drsquirrel.diagnose.minute import RunMinute, Tasks
from drsquirrel.model.case import ContainerNow, Episode, Fault
from drsquirrel.model.event import ChangeEvent
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.model.twin import Twins

HISTORY = 16
"""Entries of Flink's exception history."""
HISTORY_MS = 30_000
"""So many within the time of some looks: earlier ones may have been pushed out unseen."""
HELD_MS = 180_000
"""A TaskManager is lost to a run that had subtasks in it so shortly before."""
START_MS = 60_000
"""A run that is not up after so long does not just start."""

DOWN_STATES = frozenset({"FAILING", "FAILED", "RESTARTING"})
OVER_STATES = frozenset({"CANCELLING", "CANCELED", "FINISHED"})


@dataclass(frozen=True)
class History:
    """Episodes of the hour, oldest first, and since when all tasks have run (None: they do not).

    `saw_start`: it was seen that they did not run before; if not, they may have run for longer.
    """

    episodes: tuple[Episode, ...]
    up_since_ms: int | None
    saw_start: bool
    waiting_since_ms: int | None = None
    """Since when tasks have waited for a slot."""


def is_restart(episode: Episode) -> bool:
    """Whether the run recovered from something that failed, or is about to. Restarting without an
    exception is a rescale."""
    told = episode.faults or episode.lost or episode.entries_lost is True
    is_final = any(c.subject == "FAILED" for c in episode.changes)
    return episode.restarted and bool(told) and not is_final


def is_rescale(episode: Episode, now_ms: int) -> bool:
    """Whether the run restarts or restarted without an exception, and not for long."""
    over = episode.ended_ms is not None or now_ms - episode.began_ms < START_MS
    return episode.restarted and over and not (episode.faults or episode.lost)


def history_of(
    minutes: Iterable[RunMinute],
    containers: Mapping[str, ContainerNow],
    started_ms: int,
    since_ms: int,
) -> History:
    """Group what failed and changed into the episodes that were not over before `since_ms`.

    `minutes` by time; `containers` are those the run had subtasks in.
    """
    known = list(minutes)
    walk = _Walk(started_ms)
    names = {c.id for c in containers.values() if c.is_taskmanager}
    for time_ms, what in _events(known, names):
        walk.take(time_ms, what)
    episodes = [_finished(o, known, containers) for o in _joined(walk.all())]
    kept = tuple(e for e in episodes if _tells(e) and (e.ended_ms or since_ms) >= since_ms)
    return History(
        episodes=kept,
        up_since_ms=None if walk.open else walk.up_since_ms,
        saw_start=walk.saw_start,
        waiting_since_ms=_waiting_since_ms(known),
    )


def _waiting_since_ms(minutes: Iterable[RunMinute]) -> int | None:
    since_ms: int | None = None
    for tasks in (t for m in minutes for t in m.tasks):
        since_ms = (since_ms or tasks.time_ms) if tasks.waiting else None
    return since_ms


def _tells(episode: Episode) -> bool:
    """A first start that went well is no incident."""
    took_ms = (episode.ended_ms or episode.began_ms) - episode.began_ms
    is_open = episode.ended_ms is None
    return episode.restarted or bool(episode.faults) or is_open or took_ms > START_MS


def _events(
    minutes: Iterable[RunMinute], containers: Iterable[str]
) -> list[tuple[int, Fault | ChangeEvent | Tasks]]:
    """All by time; at equal times faults, then changes, then readings. A fault that was told again
    by another clock, or by REST as well, counts once."""
    ordered: list[tuple[int, int, int, Fault | ChangeEvent | Tasks]] = []
    told: set[tuple[str, int, str]] = set()
    known = list(minutes)
    events = [fault.event for minute in known for fault in minute.faults]
    by_rest = Twins(event for event in events if event.origin.producer != "plugin")
    for minute in known:
        for fault in minute.faults:
            event = fault.event
            if event.origin.producer == "plugin" and event in by_rest:
                continue  # REST was silent when it was told
            same = (event.task, event.attempt, event.signature)
            if event.attempt < 0 or not event.task or same not in told:
                told.add(same)
                ordered.append((event.time_ms, 0, len(ordered), naming(fault, containers)))
        for change in minute.changes:
            if change.what == "job-state":
                ordered.append((change.time_ms, 1, len(ordered), change))
        for tasks in minute.tasks:
            ordered.append((tasks.time_ms, 2, len(ordered), tasks))
    return [(time_ms, what) for time_ms, _, _, what in sorted(ordered, key=lambda e: e[:3])]


@dataclass
class _Open:
    """An episode while its events are walked through."""

    began_ms: int
    restarted: bool
    down_ms: int
    """When it was last known to be down."""
    back_ms: int | None = None
    """When its job's state last became RUNNING, if no reading since told that tasks are missing."""
    ended_ms: int | None = None
    was_read_up: bool = False
    """A reading told that all tasks run again."""
    faults: list[Fault] = field(default_factory=list)
    changes: list[ChangeEvent] = field(default_factory=list)

    def is_of_later_attempt(self, fault: Fault) -> bool:
        """The same subtask failed in a later attempt: a recovery lies between."""
        new = fault.event
        return new.attempt >= 0 and any(
            (old.vertex, old.subtask) == (new.vertex, new.subtask) and old.attempt < new.attempt
            for old in (f.event for f in self.faults)
        )


def _joined(episodes: Iterable[_Open]) -> list[_Open]:
    """Those in which tasks could not even be deployed belong to the one before them: to Flink the
    job was RUNNING between, but its tasks were not."""
    found: list[_Open] = []
    for episode in episodes:
        never_ran = bool(episode.faults) and could_not_deploy(episode.faults[0])
        if never_ran and found and not found[-1].was_read_up:
            before = found[-1]
            before.ended_ms, before.down_ms = episode.ended_ms, episode.down_ms
            before.was_read_up = episode.was_read_up
            before.faults += episode.faults
            before.changes += episode.changes
        else:
            found.append(episode)
    return found


class _Walk:
    """Goes through the events of a run in the order of time."""

    def __init__(self, started_ms: int) -> None:
        self.open: _Open | None = None
        self.closed: list[_Open] = []
        self.up_since_ms: int | None = None
        self.saw_start = False
        self._started_ms = started_ms
        self._was_read = False
        self._read_up_ms: int | None = None
        self._is_over = False

    def all(self) -> list[_Open]:
        return [*self.closed, *([self.open] if self.open else [])]

    def take(self, time_ms: int, what: Fault | ChangeEvent | Tasks) -> None:
        if self._is_over:
            return
        if isinstance(what, Fault):
            self._failed(time_ms, what)
        elif isinstance(what, ChangeEvent):
            self._changed(time_ms, what)
        elif what.all_run:
            self._up(time_ms)
        else:
            self._down(time_ms)
        self._was_read |= isinstance(what, Tasks)

    def _failed(self, time_ms: int, fault: Fault) -> None:
        if self.open and (self.open.back_ms is not None or self.open.is_of_later_attempt(fault)):
            self._close(self.open.back_ms or self.open.down_ms)
        self._opened(time_ms, by_fault=True).faults.append(fault)

    def _changed(self, time_ms: int, change: ChangeEvent) -> None:
        if change.subject == "RUNNING" and self.open:
            self.open.back_ms = time_ms
        elif change.subject in OVER_STATES:
            # Ended on purpose: tasks that stop from here on are no incident.
            self._is_over = True
            if self.open:
                self._close(time_ms)
        elif change.subject in DOWN_STATES and (self.open or self._was_up):
            if self.open and self.open.back_ms is not None:
                self._close(self.open.back_ms)
            self._opened(time_ms).changes.append(change)

    def _up(self, time_ms: int) -> None:
        self._read_up_ms = time_ms
        if self.open is None:
            self.up_since_ms = self.up_since_ms or time_ms
        elif time_ms > self.open.down_ms:
            self.open.was_read_up = True
            self._close(self.open.back_ms or time_ms)

    def _down(self, time_ms: int) -> None:
        # Of a minute only the last reading stays: the last one before that was up is steadier.
        up_ms = self._read_up_ms
        began_ms = up_ms if up_ms is not None and time_ms - up_ms <= MINUTE_MS else time_ms
        opened = self._opened(began_ms)
        opened.back_ms, opened.down_ms = None, time_ms

    def _opened(self, time_ms: int, *, by_fault: bool = False) -> _Open:
        """The open episode, begun now if there is none; the run is down now."""
        if self.open is None:
            # A fault of before the first reading: whatever ran for so long had been up.
            unseen = by_fault and not self._was_read and time_ms - self._started_ms > START_MS
            self.open = _Open(time_ms, self._was_up or unseen, time_ms)
            self.saw_start = True
        self.open.down_ms = time_ms
        return self.open

    @property
    def _was_up(self) -> bool:
        return self.up_since_ms is not None or bool(self.closed)

    def _close(self, ended_ms: int) -> None:
        assert self.open is not None
        self.open.ended_ms = self.up_since_ms = max(ended_ms, self.open.began_ms)
        self.closed.append(self.open)
        self.open = None


def _finished(
    episode: _Open, minutes: list[RunMinute], containers: Mapping[str, ContainerNow]
) -> Episode:
    until_ms = (episode.ended_ms or episode.down_ms) + NEAR_MS
    faults = tuple(sorted(episode.faults, key=lambda f: (f.event.time_ms, f.event.concurrent)))
    return Episode(
        began_ms=episode.began_ms,
        ended_ms=episode.ended_ms,
        faults=faults,
        first=first_of(faults),
        lost=tuple(_lost(containers.values(), minutes, episode.began_ms - NEAR_MS, until_ms)),
        changes=tuple(episode.changes),
        restarted=episode.restarted,
        entries_lost=_entries_lost(faults, minutes),
    )


def _lost(
    containers: Iterable[ContainerNow], minutes: list[RunMinute], from_ms: int, until_ms: int
) -> Iterator[ContainerNow]:
    """TaskManagers that went away in this time, soon after they had subtasks of the run."""
    for container in containers:
        gone_ms = container.gone_ms
        if gone_ms is None or not from_ms <= gone_ms <= until_ms:
            continue
        held_ms = (m.tasks[-1].time_ms for m in minutes if m.tasks and container.id in m.containers)
        if any(-MINUTE_MS <= gone_ms - last_ms <= HELD_MS for last_ms in held_ms):
            yield container


def _entries_lost(faults: tuple[Fault, ...], minutes: list[RunMinute]) -> bool:
    """Whether Flink's history, or what we keep of a minute, was too short for these."""
    own = {id(f.event) for f in faults}
    if any(m.entries_lost and any(id(f.event) in own for f in m.faults) for m in minutes):
        return True
    times = [f.event.time_ms for f in faults if not f.event.concurrent]
    spans = zip(times, times[HISTORY - 1 :], strict=False)
    return any(last - first <= HISTORY_MS for first, last in spans)
