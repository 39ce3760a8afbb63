"""The tasks of one run, as its processes alone tell of them, and how many of them run.

A task that is missing where its process goes on reporting does not run; of those of a process that
is silent nothing is known. Where others run on, a task that is missing has failed if a failure was
told at that time, or if its process took its leave; else it may have finished, or gone with a
rescale.
"""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from drsquirrel.deep import FRESH_MS
from drsquirrel.model import metric
from drsquirrel.model.event import MetricReport, Place
from drsquirrel.model.facts import NAME_CHARACTERS

FAILURES_MAX = 20
"""Of one run, the newest."""
FORGOTTEN_MS = 600_000
"""Of whom nothing was heard for so long is forgotten."""
TWO_ROUNDS_MS = 20_000
"""Who reports every 10 s has told of a task again by then."""
FAILED_MS = 60_000
"""A task that stops so long before or after a failure was told has failed."""
RESCALED_MS = 120_000
"""A subtask above those that run, and silent for so long, has gone with a rescale."""


class Told(NamedTuple):
    """Of one task: which process told of it last, when by its clock and by Kafka's, and up to when
    we had listened then; since when it is in this attempt there, by Kafka's clock."""

    container: str
    told_ms: int
    heard_ms: int
    listened_ms: int
    attempt: int
    since_ms: int


class Listed(NamedTuple):
    """What else is known of a run: its start, the parallelism of its plan by vertex (empty where
    it is not known), and whether its tasks run one after another."""

    start_ms: int
    plan: Mapping[str, int] = {}
    is_batch: bool = False


@dataclass
class Process:
    """One that reports of itself."""

    heard_ms: int
    epoch: str
    sequence: int
    rounds_ms: tuple[int, int, int]
    """When it told of itself, by its clock: last, before that, and before that."""
    lost: int
    lost_ms: int = 0
    """How many messages it has lost, and in which round it first told so."""
    is_gone: bool = False

    def take(self, report: MetricReport, arrival_ms: int) -> None:
        """Note what it tells of itself, in order."""
        origin, time_ms = report.origin, report.time_ms
        if origin.epoch == self.epoch:
            is_old = origin.sequence <= self.sequence
        else:
            is_old = arrival_ms < self.heard_ms
        if is_old:
            return
        last_ms, before_ms, _ = self.rounds_ms
        # By a clock that was put back nothing is older.
        self.rounds_ms = (time_ms, last_ms, before_ms) if time_ms > last_ms else (time_ms, 0, 0)
        lost = lost_by(report)
        if lost != self.lost:
            self.lost, self.lost_ms = lost, time_ms
        self.epoch, self.sequence = origin.epoch, origin.sequence
        self.heard_ms, self.is_gone = max(self.heard_ms, arrival_ms), False

    def tells(self, task: Told, now_ms: int, listened_ms: int) -> bool | None:
        """Whether it still tells of a task; None where that is not known. In a round a task may be
        told before or after the process, so one is missing that was in neither of two rounds."""
        if self.is_gone:
            return False
        told_ms = task.told_ms
        if now_ms - self.heard_ms > FRESH_MS or told_ms > self.rounds_ms[0] + FRESH_MS:
            return None
        if told_ms > self.rounds_ms[2] or listened_ms - task.listened_ms <= TWO_ROUNDS_MS:
            return True
        return None if self.rounds_ms[0] - self.lost_ms <= TWO_ROUNDS_MS else False


def lost_by(report: MetricReport) -> int:
    """How many messages the process says that it has lost."""
    told = (dict(zip(t.names, t.numbers, strict=False)) for t in report.tables)
    return max((int(values.get(metric.PUBLISHER_DROPPED.name) or 0) for values in told), default=0)


class HeardTasks:
    """Those of one run, by vertex and subtask."""

    def __init__(self) -> None:
        self.size = 0
        self._told: dict[str, dict[int, Told]] = {}
        self._failures_ms: deque[int] = deque(maxlen=FAILURES_MAX)
        """When they were, as told; the newest."""

    def knows(self, place: Place) -> bool:
        return place.subtask in self._told.get(place.vertex, ())

    def note(
        self, place: Place, container: str, time_ms: int, arrival_ms: int, listened_ms: int
    ) -> None:
        """Take in that a process told of a task."""
        if len(place.vertex) > NAME_CHARACTERS:
            return
        of_vertex = self._told.setdefault(place.vertex, {})
        known = of_vertex.get(place.subtask)
        since_ms = arrival_ms
        if known is None:
            self.size += 1
        elif known.heard_ms > arrival_ms:
            return
        elif (known.container, known.attempt) == (container, place.attempt):
            since_ms = known.since_ms
        of_vertex[place.subtask] = Told(
            container, time_ms, arrival_ms, listened_ms, place.attempt, since_ms
        )

    def note_failure(self, time_ms: int) -> None:
        self._failures_ms.append(time_ms)

    def stalest_ms(self) -> int:
        """When the task was told of last of which nothing came for longest, by Kafka's clock."""
        told = (task.heard_ms for of_vertex in self._told.values() for task in of_vertex.values())
        return min(told)

    def count(
        self, processes: Mapping[str, Process], about: Listed, now_ms: int, listened_ms: int
    ) -> tuple[int, int] | None:
        """(running tasks, all that are known); None where that is not known."""

        def runs(task: Told) -> bool | None:
            process = processes.get(task.container)
            return None if process is None else process.tells(task, now_ms, listened_ms)

        found = {
            vertex: {subtask: runs(task) for subtask, task in of_vertex.items()}
            for vertex, of_vertex in self._told.items()
        }
        begun_ms = self._begun_ms(found)
        if begun_ms is not None:
            self._forget(found, begun_ms, now_ms)
        states = Counter[bool | None]()
        for of_vertex in found.values():
            states.update(of_vertex.values())
        running, unclear, stopped = states[True], states[None], states[False]
        total = max(running + unclear + stopped, sum(about.plan.values()))
        down = not running + unclear or self._have_failed(found, processes, begun_ms or 0)
        if stopped and (about.is_batch or down):
            return running + unclear, total
        widths = {vertex: len(of_vertex) for vertex, of_vertex in found.items()}
        if stopped or unclear or not running or (about.plan and about.plan != widths):
            return None
        return running, total

    def _begun_ms(self, found: Mapping[str, Mapping[int, bool | None]]) -> int | None:
        """When the newest attempt began of those that run; None where none does."""
        running = (
            self._told[vertex][subtask].since_ms
            for vertex, of_vertex in found.items()
            for subtask, runs in of_vertex.items()
            if runs
        )
        return max(running, default=None)

    def _has_failed(self, task: Told, begun_ms: int) -> bool:
        """Whether a failure was told when the task was told of last. What others began anew after
        is over."""
        near = (ms for ms in self._failures_ms if abs(ms - task.heard_ms) <= FAILED_MS)
        return any(ms > begun_ms for ms in near)

    def _have_failed(
        self,
        found: Mapping[str, Mapping[int, bool | None]],
        processes: Mapping[str, Process],
        begun_ms: int,
    ) -> bool:
        """Whether one of those that have stopped failed, or was in a process that has left."""
        stopped = (
            self._told[vertex][subtask]
            for vertex, of_vertex in found.items()
            for subtask, runs in of_vertex.items()
            if runs is False
        )
        return any(self._has_failed(t, begun_ms) or processes[t.container].is_gone for t in stopped)

    def _forget(self, found: dict[str, dict[int, bool | None]], begun_ms: int, now_ms: int) -> None:
        """Forget, while others run, tasks that a rescale took away, and those of which nothing was
        told for long: they are of another plan, or have finished."""
        for vertex, of_vertex in [*found.items()]:
            if all(of_vertex.values()):
                continue
            tasks = self._told[vertex]
            gone = {
                subtask
                for subtask, runs in of_vertex.items()
                if not runs
                and now_ms - tasks[subtask].heard_ms > FORGOTTEN_MS
                and not self._has_failed(tasks[subtask], begun_ms)
            }
            for subtask in gone | _rescaled(tasks, of_vertex):
                del tasks[subtask], of_vertex[subtask]
                self.size -= 1
            if not tasks:
                del self._told[vertex], found[vertex]


def _rescaled(tasks: Mapping[int, Told], found: Mapping[int, bool | None]) -> set[int]:
    """The subtasks of a vertex that a rescale took away: the last ones. Those that are left began
    anew with it."""
    left = {subtask: tasks[subtask] for subtask, runs in found.items() if runs}
    if not left:
        return set()
    last, newest_ms = max(left), max(task.heard_ms for task in left.values())
    attempt = min(task.attempt for task in left.values())
    return {
        subtask
        for subtask, runs in found.items()
        if subtask > last
        and not runs
        and (newest_ms - tasks[subtask].heard_ms > RESCALED_MS or tasks[subtask].attempt < attempt)
    }
