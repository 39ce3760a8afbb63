"""Runs as their processes alone tell of them: what is known while Flink's REST says nothing.

That the JobManager reports about a run tells that it is there; what TaskManagers report, which of
its tasks run.

Clocks differ, and topics are read at different speeds: two processes are compared by when Kafka got
what they told, one with itself by its own clock.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from drsquirrel.deep import FRESH_MS, PROCESSES_MAX, moment
from drsquirrel.heard_tasks import (
    FORGOTTEN_MS,
    TWO_ROUNDS_MS,
    HeardTasks,
    Listed,
    Process,
    lost_by,
)
from drsquirrel.model import metric
from drsquirrel.model.event import (
    ChangeEvent,
    ContainerEvent,
    FailureEvent,
    Message,
    MetricReport,
    Origin,
    Values,
    tables,
)
from drsquirrel.model.facts import bounded

RUNS_MAX = 1_000
TASKS_MAX = 100_000
"""Of one cluster, as of processes; of more nothing is known."""
ONE_ROUND_MS = 1_000
"""What a process tells in one round lies so close together."""


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
    tasks: HeardTasks = field(default_factory=HeardTasks)
    read_ms: int = 0
    """Up to when its tasks were counted, by Kafka's clock."""

    def is_told_after(self, time_ms: int) -> bool:
        """Whether the JobManager told of it after that, and not only in the same moment."""
        return self.told_ms > time_ms + ONE_ROUND_MS

    def goes_on_after(self, ended_ms: int) -> bool:
        """Whether it is told of though a run of its job ended then: another has begun, and is known
        since it was told of."""
        if self.since_ms <= ended_ms < self.told_ms - TWO_ROUNDS_MS:
            self.since_ms = self.told_ms
        return self.since_ms > ended_ms


class HeardRuns:
    """Of one cluster, by Flink's JobID. What is too much is counted in `dropped`."""

    def __init__(self, cluster: str, dropped: Counter[str]) -> None:
        self.runs: dict[str, HeardRun] = {}
        self._cluster = cluster
        self._dropped = dropped
        self._processes: dict[str, Process] = {}
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
                self.runs[message.job].tasks.note_failure(moment(arrival_ms, message))
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
        self._tasks -= run.tasks.size if run else 0

    def _note_process(self, report: MetricReport, arrival_ms: int) -> None:
        origin = report.origin
        known = self._processes.get(origin.container)
        if known is not None:
            known.take(report, arrival_ms)
        elif origin.container and self._has_room("processes", len(self._processes), PROCESSES_MAX):
            self._processes[origin.container] = Process(
                heard_ms=arrival_ms,
                epoch=origin.epoch,
                sequence=origin.sequence,
                rounds_ms=(report.time_ms, 0, 0),
                lost=lost_by(report),
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
        before = run.tasks.size
        for place in (place for table in report.tables for place in table.places):
            if not place.vertex or place.operator:
                continue
            tasks = self._tasks + run.tasks.size - before
            if run.tasks.knows(place) or self._has_room("tasks", tasks, TASKS_MAX):
                run.tasks.note(place, container, time_ms, arrival_ms, self._listened_ms)
            else:
                run.cut_ms = self._listened_ms
        self._tasks += run.tasks.size - before

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
            # That all run was so up to when each had told so.
            ago_ms = max(0, run.heard_ms - run.tasks.stalest_ms()) if running == total else 0
            values = {metric.TASKS_RUNNING.name: running, metric.TASKS_TOTAL.name: total}
            yield MetricReport(
                origin=Origin(
                    cluster=self._cluster,
                    producer="plugin",
                    epoch=f"tasks-{run.since_ms}",
                    sequence=self._sequence,
                ),
                time_ms=run.told_ms - ago_ms,
                tables=tables([Values(values)]),
                job=job,
                start_ms=about.start_ms,
            )

    def _count(self, run: HeardRun, about: Listed, now_ms: int) -> tuple[int, int] | None:
        if run.cut_ms is not None and self._listened_ms - run.cut_ms <= TWO_ROUNDS_MS:
            return None
        before = run.tasks.size
        counted = run.tasks.count(self._processes, about, now_ms, self._listened_ms)
        self._tasks += run.tasks.size - before
        return counted
