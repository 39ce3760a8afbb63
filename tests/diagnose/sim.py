"""A run that behaves as told, seen over REST every 10 s, folded and judged as the app does.

Times are seconds since the run's start. Nothing here knows how a diagnosis is made.
"""

from collections.abc import Callable

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.facts import ThreadSample
from drsquirrel.model.report import Report
from drsquirrel.model.signature import sign
from tests.diagnose.seen import STEP_S, Seen

USER = (
    "java.lang.IllegalStateException: no address\n"
    "\tat com.example.Enrich.map(Enrich.java:12)\n"
    "\tat org.apache.flink.streaming.api.operators.StreamMap.processElement(StreamMap.java:38)"
)


class Sim(Seen):
    """The same with what happens to it. Change its fields between calls of `run`."""

    def run(self, seconds: int, each: Callable[[], None] = lambda: None) -> Report:
        """Let time pass, with a round and a look every 10 s; returns the newest report."""
        for _ in range(seconds // STEP_S):
            self.pass_time()
            each()
            self.look()
        return self.reports[-1]

    def pass_time(self, seconds: int = STEP_S) -> None:
        """Nobody looks."""
        for sim in (self, *self.beside):
            sim.now_s += seconds
            sim._live(seconds)

    def set(
        self,
        name: str,
        *,
        subtasks: tuple[int, ...] | None = None,
        status: str | None = None,
        on: str | None = None,
        **values: float,
    ) -> None:
        """Change how a vertex behaves: busy, pressured, per_s, attempt."""
        vertex = self.names.index(name)
        for (v, s), task in self.tasks.items():
            if v == vertex and (subtasks is None or s in subtasks):
                task.status, task.on = status or task.status, on or task.on
                for key, value in values.items():
                    setattr(task, key, value)

    def fail(self, throwable: str = USER, task: str = "", **values: object) -> None:
        """An entry of the exception history now."""
        told: dict[str, object] = {
            "time_ms": self.ms(self.now_s),
            "task": task,
            "throwable": throwable,
            "signature": sign(throwable),
            **values,
        }
        self.events.append(
            FailureEvent(origin=self._origin(), job=self.job, start_ms=self.start_ms, **told)  # type: ignore[arg-type]
        )

    def fail_task(self, name: str, subtask: int = 0, throwable: str = USER) -> None:
        """A task fails now, in its attempt."""
        vertex = self.names.index(name)
        attempt = self.tasks[vertex, subtask].attempt
        self.fail(
            throwable,
            f"{name} ({subtask + 1}/{self.parallelism}) - execution #{attempt}",
            vertex=f"{vertex:032x}",
            subtask=subtask,
            attempt=attempt,
            on_container=self._held_by(vertex, subtask),
        )

    def turn(self, state: str) -> None:
        """The job's state changes now."""
        self.state = state
        self.change("job-state", state)
        if state in ("FINISHED", "CANCELED", "FAILED"):
            self.ended_s = self.now_s

    def change(self, what: str, subject: str, at_s: int | None = None, container: str = "") -> None:
        """Something changed, now or before."""
        is_of_run = what == "job-state"
        self.events.append(
            ChangeEvent(
                origin=self._origin(container),
                time_ms=self.ms(self.now_s if at_s is None else at_s),
                what=what,  # type: ignore[arg-type]
                subject=subject,
                job=self.job if is_of_run else "",
                start_ms=self.start_ms if is_of_run else 0,
            )
        )

    def stop(self) -> None:
        """All tasks stop, as when something failed."""
        self.running = 0
        self.turn("RESTARTING")

    def start(self) -> None:
        """All tasks run again, in a new attempt."""
        self.running = None
        self.turn("RUNNING")
        for task in self.tasks.values():
            task.attempt += 1

    def restart(self, name: str = "map", down_s: int = 10, throwable: str = USER) -> Report:
        """A task fails, and all run again after some time."""
        self.fail_task(name, throwable=throwable)
        self.stop()
        report = self.run(down_s)
        self.start()
        return report

    def checkpoint(self, number: int, status: str = "COMPLETED", **values: object) -> None:
        """A checkpoint that was triggered now."""
        told: dict[str, object] = {"time_ms": self.ms(self.now_s), "duration_ms": 500, **values}
        self.events.append(
            CheckpointEvent(
                origin=self._origin(),
                job=self.job,
                start_ms=self.start_ms,
                id=number,
                status=status,
                **told,  # type: ignore[arg-type]
            )
        )

    def lose(self, taskmanager: str, *, told: bool = True) -> None:
        """A TaskManager is no longer listed."""
        self.gone.add(taskmanager)
        if told:
            self.change("container-gone", taskmanager, container=taskmanager)

    def dump(self, task: str, frames: tuple[str, ...], state: str = "TIMED_WAITING") -> None:
        """Three thread dumps now, some samples each."""
        samples = [
            ThreadSample(
                container="tm-1",
                time_ms=self.ms(self.now_s) + 1_300 * i,
                task=task,
                subtask=s,
                state=state,
                frames=frames,
            )
            for i in range(3)
            for s in range(max(3, self.parallelism))
        ]
        self.of_run.note_threads(samples, ())
