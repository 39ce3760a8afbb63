"""Runs as their processes alone tell of them: what is known while Flink's REST says nothing.

That the JobManager reports about a run tells that it is there; what TaskManagers report, which of
its tasks run. A task that is missing where its process goes on reporting does not run; of those of
a process that is silent nothing is known. Where others run on, a task that is missing has failed if
a failure was told at that time, or its process took its leave; else it may have finished, or gone
with a rescale.

Clocks differ, and topics are read at different speeds: two processes are compared by when Kafka got
what they told, one with itself by its own clock.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from drsquirrel.deep import FRESH_MS, moment
from drsquirrel.model import metric
from drsquirrel.model.event import (
    ChangeEvent,
    ContainerEvent,
    FailureEvent,
    Message,
    MetricReport,
    Origin,
    Place,
    Values,
    tables,
)
from drsquirrel.model.facts import NAME_CHARACTERS, bounded

RUNS_MAX = 1_000
TASKS_MAX = 100_000
PROCESSES_MAX = 10_000
"""Of one cluster; of more nothing is known."""
FAILURES_MAX = 20
"""Of one run, the newest."""
FORGOTTEN_MS = 600_000
"""Of whom nothing was heard for so long is forgotten."""
ONE_ROUND_MS = 1_000
"""What a process tells in one round lies so close together."""
TWO_ROUNDS_MS = 20_000
"""Who reports every 10 s has told of a task again by then."""
FAILED_MS = 60_000
"""A task that stops so long before or after a failure was told has failed."""
RESCALED_MS = 120_000
"""A subtask above those that run, and silent for so long, has gone with a rescale."""


class Told(NamedTuple):
    """Of one task: which process told of it last, when by its clock and by Kafka's, and up to when
    we had listened then."""

    container: str
    told_ms: int
    heard_ms: int
    listened_ms: int
    attempt: int


@dataclass
class HeardRun:
    """One job. Times are by the clock of its processes; `heard_ms` is Kafka's."""

    since_ms: int
    """When the JobManager first told of it."""
    told_ms: int
    heard_ms: int
    name: str
    flink_version: str
    state_ms: int = 0
    """When its state was told that is known."""
    cut_ms: int | None = None
    """When it last had too many tasks to know them all, by how long we had listened."""
    tasks: dict[str, dict[int, Told]] = field(default_factory=dict)
    """By vertex and subtask."""
    failures_ms: deque[int] = field(default_factory=lambda: deque(maxlen=FAILURES_MAX))
    """When failures of it came to Kafka."""
    read_ms: int = 0
    """Up to when its tasks were counted, by Kafka's clock."""

    def is_told_after(self, time_ms: int) -> bool:
        """Whether the JobManager told of it after that, and not only in the same moment."""
        return self.told_ms > time_ms + ONE_ROUND_MS

    def has_failed(self, task: Told) -> bool:
        """Whether a failure was told when the task was told of last."""
        return any(abs(ms - task.heard_ms) <= FAILED_MS for ms in self.failures_ms)


@dataclass
class _Process:
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
        lost = _lost(report)
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


def _lost(report: MetricReport) -> int:
    """How many messages the process says that it has lost."""
    told = (dict(zip(t.names, t.numbers, strict=False)) for t in report.tables)
    return max((int(values.get(metric.PUBLISHER_DROPPED.name) or 0) for values in told), default=0)


class Listed(NamedTuple):
    """What else is known of a run: its start, the parallelism of its plan by vertex (empty where
    it is not known), and whether its tasks run one after another."""

    start_ms: int
    plan: Mapping[str, int] = {}
    is_batch: bool = False


class HeardRuns:
    """Of one cluster, by Flink's JobID. What is too much is counted in `dropped`."""

    def __init__(self, cluster: str, dropped: Counter[str]) -> None:
        self.runs: dict[str, HeardRun] = {}
        self._cluster = cluster
        self._dropped = dropped
        self._processes: dict[str, _Process] = {}
        self._ended_ms: dict[str, int] = {}
        """When the runs ended that were told to have, the one told first before."""
        self._tasks = 0
        self._sequence = 0
        self._now_ms = self._forgot_ms = 0
        self._listened_ms = 0
        """For how long we have listened, without the times in which nothing was read."""

    def note(self, arrivals: Iterable[tuple[int, Message]], now_ms: int) -> dict[str, HeardRun]:
        """Take in what was read at once; returns the runs of which the JobManager tells now."""
        if self._now_ms:
            self._listened_ms += max(0, min(now_ms - self._now_ms, TWO_ROUNDS_MS // 2))
        self._now_ms = now_ms
        told = set()
        for arrival_ms, message in arrivals:
            self._note(arrival_ms, message)
            if isinstance(message, MetricReport) and not message.origin.container:
                told.add(message.job)
        if now_ms - self._forgot_ms > FRESH_MS:
            self._forgot_ms = now_ms
            self._forget_silent(now_ms)
        runs = {job: self.runs[job] for job in told if job in self.runs}
        return {job: run for job, run in runs.items() if now_ms - run.heard_ms <= FRESH_MS}

    def _note(self, arrival_ms: int, message: Message) -> None:
        process = message.origin.container
        if isinstance(message, MetricReport):
            if not message.job:
                self._note_process(message, arrival_ms)
            elif process:
                self._note_tasks(message, arrival_ms)
            else:
                self._note_run(message, arrival_ms)
        elif isinstance(message, ContainerEvent):
            known = self._processes.get(process)
            if known is not None and message.what == "goodbye" and arrival_ms >= known.heard_ms:
                known.is_gone = True
        elif isinstance(message, FailureEvent):
            if message.job in self.runs:
                self.runs[message.job].failures_ms.append(arrival_ms)
        elif isinstance(message, ChangeEvent) and message.what == "run-ended":
            self._note_end(message.job, moment(arrival_ms, message))

    def quiet(self, now_ms: int) -> dict[str, int]:
        """When processes were last heard of that report no more, while the JobManager's does."""
        if all(now_ms - run.heard_ms > FRESH_MS for run in self.runs.values()):
            return {}
        return {
            container: process.heard_ms
            for container, process in self._processes.items()
            if process.is_gone or now_ms - process.heard_ms > FRESH_MS
        }

    def _forget_silent(self, now_ms: int) -> None:
        gone = [c for c, p in self._processes.items() if now_ms - p.heard_ms > FORGOTTEN_MS]
        for container in gone:
            del self._processes[container]
        for job in [j for j, run in self.runs.items() if now_ms - run.heard_ms > FORGOTTEN_MS]:
            self._forget(job)

    def _note_end(self, job: str, ended_ms: int) -> None:
        run = self.runs.get(job)
        if run is None or not run.is_told_after(ended_ms):
            self._forget(job)
            self._ended_ms[job] = max(ended_ms, self._ended_ms.pop(job, ended_ms))
            if len(self._ended_ms) > RUNS_MAX:
                del self._ended_ms[next(iter(self._ended_ms))]

    def _forget(self, job: str) -> None:
        run = self.runs.pop(job, None)
        self._tasks -= sum(map(len, run.tasks.values())) if run else 0

    def _note_process(self, report: MetricReport, arrival_ms: int) -> None:
        origin = report.origin
        known = self._processes.get(origin.container)
        if known is not None:
            known.take(report, arrival_ms)
        elif origin.container and self._has_room("processes", len(self._processes), PROCESSES_MAX):
            self._processes[origin.container] = _Process(
                heard_ms=arrival_ms,
                epoch=origin.epoch,
                sequence=origin.sequence,
                rounds_ms=(report.time_ms, 0, 0),
                lost=_lost(report),
            )

    def _note_run(self, report: MetricReport, arrival_ms: int) -> None:
        told_ms = moment(arrival_ms, report)
        ended_ms = self._ended_ms.get(report.job)
        if ended_ms is not None and told_ms <= ended_ms + ONE_ROUND_MS:
            return  # it was told before the end, and read after it
        run = self.runs.get(report.job)
        if run is not None:
            if arrival_ms > run.heard_ms:
                run.heard_ms, run.told_ms = arrival_ms, told_ms
        elif self._has_room("runs", len(self.runs), RUNS_MAX):
            self.runs[report.job] = HeardRun(
                since_ms=told_ms,
                told_ms=told_ms,
                heard_ms=arrival_ms,
                name=bounded(report.job_name or report.job),
                flink_version=bounded(report.origin.flink_version),
            )

    def _note_tasks(self, report: MetricReport, arrival_ms: int) -> None:
        run = self.runs.get(report.job)
        if run is None:
            return
        container, time_ms = report.origin.container, report.time_ms
        for table in report.tables:
            for place in table.places:
                if place.vertex and not place.operator:
                    self._note_task(run, place, container, time_ms, arrival_ms)

    def _note_task(
        self, run: HeardRun, place: Place, container: str, time_ms: int, arrival_ms: int
    ) -> None:
        of_vertex = run.tasks.get(place.vertex)
        if of_vertex is None:
            if len(place.vertex) > NAME_CHARACTERS:
                return
            of_vertex = run.tasks[place.vertex] = {}
        known = of_vertex.get(place.subtask)
        if known is None:
            if not self._has_room("tasks", self._tasks, TASKS_MAX):
                run.cut_ms = self._listened_ms
                return
            self._tasks += 1
        elif known.heard_ms > arrival_ms:
            return
        of_vertex[place.subtask] = Told(
            container, time_ms, arrival_ms, self._listened_ms, place.attempt
        )

    def _has_room(self, of: str, there: int, most: int) -> bool:
        if there >= most:
            self._dropped[f"too many {of}"] += 1
        return there < most

    def readings(
        self, listed: Callable[[str], Listed | None], now_ms: int
    ) -> Iterator[MetricReport]:
        """How many tasks of each run that is `listed` run, of how many, as often as the JobManager
        tells of it."""
        for job, run in self.runs.items():
            about = listed(job) if run.heard_ms > run.read_ms else None
            if about is None:
                continue
            run.read_ms = run.heard_ms
            counted = self._count(run, about, now_ms)
            if counted is None:
                continue
            running, total = counted
            self._sequence += 1
            values = {metric.TASKS_RUNNING.name: running, metric.TASKS_TOTAL.name: total}
            yield MetricReport(
                origin=Origin(
                    cluster=self._cluster,
                    producer="plugin",
                    epoch=f"tasks-{run.since_ms}",
                    sequence=self._sequence,
                ),
                time_ms=run.told_ms,
                tables=tables([Values(values)]),
                job=job,
                start_ms=about.start_ms,
            )

    def _count(self, run: HeardRun, about: Listed, now_ms: int) -> tuple[int, int] | None:
        """(running tasks, all that are known); None where that is not known."""
        if run.cut_ms is not None and self._listened_ms - run.cut_ms <= TWO_ROUNDS_MS:
            return None
        found = {
            vertex: {subtask: self._runs(task, now_ms) for subtask, task in of_vertex.items()}
            for vertex, of_vertex in run.tasks.items()
        }
        if any(True in of_vertex.values() for of_vertex in found.values()):
            self._forget_tasks(run, found, now_ms)
        states = Counter[bool | None]()
        for of_vertex in found.values():
            states.update(of_vertex.values())
        running, unclear, stopped = states[True], states[None], states[False]
        total = max(running + unclear + stopped, sum(about.plan.values()))
        if stopped and (about.is_batch or not running + unclear or self._has_failed(run, found)):
            return running + unclear, total
        widths = {vertex: len(of_vertex) for vertex, of_vertex in found.items()}
        if stopped or unclear or not running or (about.plan and about.plan != widths):
            return None
        return running, total

    def _runs(self, task: Told, now_ms: int) -> bool | None:
        process = self._processes.get(task.container)
        return None if process is None else process.tells(task, now_ms, self._listened_ms)

    def _has_failed(self, run: HeardRun, found: Mapping[str, Mapping[int, bool | None]]) -> bool:
        """Whether one of its tasks that have stopped failed, or was in a process that has left."""
        stopped = (
            run.tasks[vertex][subtask]
            for vertex, of_vertex in found.items()
            for subtask, runs in of_vertex.items()
            if runs is False
        )
        return any(run.has_failed(t) or self._processes[t.container].is_gone for t in stopped)

    def _forget_tasks(
        self, run: HeardRun, found: dict[str, dict[int, bool | None]], now_ms: int
    ) -> None:
        """Forget, while others run, tasks that a rescale took away, and those of which nothing was
        told for long: they are of another plan, or have finished."""
        for vertex, of_vertex in [*found.items()]:
            if all(of_vertex.values()):
                continue
            tasks = run.tasks[vertex]
            gone = {
                subtask
                for subtask, runs in of_vertex.items()
                if not runs
                and now_ms - tasks[subtask].heard_ms > FORGOTTEN_MS
                and not run.has_failed(tasks[subtask])
            }
            for subtask in gone | _rescaled(tasks, of_vertex):
                del tasks[subtask], of_vertex[subtask]
                self._tasks -= 1
            if not tasks:
                del run.tasks[vertex], found[vertex]


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
