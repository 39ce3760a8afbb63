"""Runs as their processes alone tell of them: what is known while Flink's REST says nothing.

That the JobManager reports about a run tells that it is there; what TaskManagers report, which of
its tasks run. A task that is missing where its process goes on reporting has stopped; of the tasks
of a process that is silent nothing is known.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drsquirrel.deep import FRESH_MS
from drsquirrel.model import metric
from drsquirrel.model.event import (
    ChangeEvent,
    ContainerEvent,
    Message,
    MetricReport,
    Origin,
    Values,
    tables,
)

RUNS_MAX = 1_000
TASKS_MAX = 100_000
PROCESSES_MAX = 10_000
"""Of one cluster; of more nothing is known."""
FORGOTTEN_MS = 600_000
"""Of whom nothing was heard for so long is forgotten."""
ONE_ROUND_MS = 1_000
"""What a process tells in one round lies so close together."""
RESCALED_MS = 120_000
"""A subtask that was not told for so much longer than its peers has gone with a rescale."""


@dataclass
class HeardRun:
    """One job. Times are by the clock of its processes; `heard_ms` is Kafka's."""

    since_ms: int
    """When the JobManager first told of it."""
    told_ms: int
    heard_ms: int
    name: str
    flink_version: str
    is_cut: bool = False
    """It has too many tasks to know them all."""
    tasks: dict[str, dict[int, tuple[str, int]]] = field(default_factory=dict)
    """By vertex and subtask: the process that told of it last, and when."""
    read_ms: int = 0
    """Up to when its tasks were counted."""


@dataclass
class _Process:
    heard_ms: int
    told_ms: int
    told_before_ms: int
    """When it told of itself last, and before that."""
    is_gone: bool = False

    def is_silent(self, now_ms: int) -> bool:
        return not self.is_gone and now_ms - self.heard_ms > FRESH_MS

    def still_tells(self, told_ms: int) -> bool:
        """Whether what was told then was told in one of its two newest rounds."""
        return not self.is_gone and told_ms >= self.told_before_ms - ONE_ROUND_MS


class HeardRuns:
    """Of one cluster, by Flink's JobID. What is too much is counted in `dropped`."""

    def __init__(self, cluster: str, dropped: Counter[str]) -> None:
        self.runs: dict[str, HeardRun] = {}
        self._cluster = cluster
        self._dropped = dropped
        self._processes: dict[str, _Process] = {}
        self._tasks = 0
        self._sequence = 0

    def note(self, arrival_ms: int, message: Message) -> None:
        """Take in one message."""
        process = message.origin.container
        if isinstance(message, ContainerEvent) and message.what == "goodbye":
            if process in self._processes:
                self._processes[process].is_gone = True
        elif isinstance(message, ChangeEvent) and message.what == "run-ended":
            self._forget(message.job)
        elif isinstance(message, MetricReport):
            if not message.job:
                self._note_process(message, arrival_ms)
            elif process:
                self._note_tasks(message)
            else:
                self._note_run(message, arrival_ms)

    def told(self, now_ms: int) -> dict[str, HeardRun]:
        """The runs of which the JobManager tells now; who has been silent for long is forgotten."""
        gone = [c for c, p in self._processes.items() if now_ms - p.heard_ms > FORGOTTEN_MS]
        for container in gone:
            del self._processes[container]
        for job in [j for j, run in self.runs.items() if now_ms - run.heard_ms > FORGOTTEN_MS]:
            self._forget(job)
        return {j: run for j, run in self.runs.items() if now_ms - run.heard_ms <= FRESH_MS}

    def _forget(self, job: str) -> None:
        run = self.runs.pop(job, None)
        self._tasks -= sum(map(len, run.tasks.values())) if run else 0

    def _note_process(self, report: MetricReport, arrival_ms: int) -> None:
        known = self._processes.get(report.origin.container)
        if known is not None:
            if report.time_ms > known.told_ms:
                known.heard_ms = arrival_ms
                known.told_before_ms, known.told_ms = known.told_ms, report.time_ms
        elif self._has_room("processes", len(self._processes), PROCESSES_MAX):
            process = _Process(arrival_ms, report.time_ms, report.time_ms)
            self._processes[report.origin.container] = process

    def _note_run(self, report: MetricReport, arrival_ms: int) -> None:
        run = self.runs.get(report.job)
        if run is not None:
            run.heard_ms, run.told_ms = arrival_ms, max(run.told_ms, report.time_ms)
        elif self._has_room("runs", len(self.runs), RUNS_MAX):
            self.runs[report.job] = HeardRun(
                since_ms=report.time_ms,
                told_ms=report.time_ms,
                heard_ms=arrival_ms,
                name=report.job_name or report.job,
                flink_version=report.origin.flink_version,
            )

    def _note_tasks(self, report: MetricReport) -> None:
        run = self.runs.get(report.job)
        if run is None:
            return
        told = (report.origin.container, report.time_ms)
        for place in (place for table in report.tables for place in table.places):
            if place.vertex and not place.operator:
                of_vertex = run.tasks.setdefault(place.vertex, {})
                known = of_vertex.get(place.subtask)
                if known is not None:
                    of_vertex[place.subtask] = max(known, told, key=lambda by: by[1])
                elif self._has_room("tasks", self._tasks, TASKS_MAX):
                    self._tasks += 1
                    of_vertex[place.subtask] = told
                else:
                    run.is_cut = True

    def _has_room(self, of: str, there: int, most: int) -> bool:
        if there >= most:
            self._dropped[f"too many {of}"] += 1
        return there < most

    def readings(
        self, starts: Mapping[str, int], totals: Mapping[str, int], now_ms: int
    ) -> Iterator[MetricReport]:
        """How many tasks of each run of `starts` (by JobID, its start) run, as often as the
        JobManager tells of it, and of how many: in its plan (`totals`), else that were ever told.
        """
        for job, run in self.runs.items():
            if job not in starts or run.told_ms <= run.read_ms:
                continue
            run.read_ms = run.told_ms
            counted = self._count(run, now_ms)
            if counted is None:
                continue
            running, told = counted
            self._sequence += 1
            values = {
                metric.TASKS_RUNNING.name: running,
                metric.TASKS_TOTAL.name: totals.get(job, told),
            }
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
                start_ms=starts[job],
            )

    def _count(self, run: HeardRun, now_ms: int) -> tuple[int, int] | None:
        """(running tasks, all that were told); None where that is not known."""
        if run.is_cut:
            return None
        running = total = 0
        for of_vertex in run.tasks.values():
            newest_ms = max(told_ms for _, told_ms in of_vertex.values())
            for subtask, (container, told_ms) in [*of_vertex.items()]:
                if newest_ms - told_ms > RESCALED_MS:
                    del of_vertex[subtask]
                    self._tasks -= 1
                    continue
                process = self._processes.get(container)
                if process is None or (
                    not process.is_gone and now_ms - process.heard_ms > FRESH_MS
                ):
                    return None
                total += 1
                is_told = told_ms >= process.told_before_ms - ONE_ROUND_MS
                running += is_told and not process.is_gone
        # Where some run, the others may as well have finished, or have gone with a rescale.
        return (running, total) if total and running in (0, total) else None
