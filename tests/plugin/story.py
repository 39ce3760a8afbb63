"""A Flink with the plugin, from its start to its end, with four jobs; kept for tests to look at."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from demo import jvm, plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, ConfigEvent, FailureEvent, LogEvent
from tests.plugin import planted, talkative
from tests.plugin.listener import Listener, numbers, places

NAME = "shop"
HEALTHY = SCENARIOS["healthy"]
SICK = SCENARIOS["slow-sink"]
LOOP = replace(
    SCENARIOS["restart-loop"],
    args="--rate 400 --enrich reject:100",
    config={"restart-strategy.fixed-delay.delay": "1 s"},
)
INTERVAL_S = 2
DEBUG = "logger.client.name = io.drsquirrel.flink.shaded.kafka\nlogger.client.level = DEBUG\n"
TASKMANAGERS = 2
QUIET_S = 2.0
END_S = 30.0
REST_S = 20.0


@dataclass(frozen=True)
class Compared:
    """A number of the plugin's, and what REST said before and after it."""

    what: str
    before: int
    told: float | None
    after: int


@dataclass
class Story:
    """What was heard and seen. Jobs are by name, their vertices by id."""

    version: str
    listener: Listener
    jobs: Mapping[str, str] = field(default_factory=dict)
    vertices: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By the id of the job: the parallelism of each."""
    taskmanagers: tuple[str, ...] = ()
    serving: dict[str, set[str]] = field(default_factory=dict)
    """By the id of a job that runs on: the processes that it runs in."""
    compared: list[Compared] = field(default_factory=list)
    logs: Mapping[str, str] = field(default_factory=dict)

    @property
    def tells_checkpoints(self) -> bool:
        """Flink has trace reporters from 1.19 on."""
        return not self.version.startswith("1.18")

    @property
    def tells_states(self) -> bool:
        """Flink has event reporters from 2.0 on."""
        return self.version.startswith("2.")

    @property
    def names_jobs_in_logs(self) -> bool:
        """In 1.18 the context of a thread does not name its job."""
        return not self.version.startswith("1.18")

    @property
    def all_containers(self) -> set[str]:
        return {"", *self.taskmanagers}


def told(version: str, jar: Path, folder: Path) -> Story:
    """Let it happen; takes about a minute. What did not happen the story does not hold."""
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        listener = Listener(broker.address)
        stack.callback(listener.close)
        story = Story(version, listener)
        cluster = stack.enter_context(_cluster(version, jar, broker.address))
        _start_one_with_kafkas_client_at_debug(cluster)
        _run(story, cluster, talkative.compiled(folder))
        _compare(story, cluster)
        cluster.cancel(story.jobs[HEALTHY.job_name])
        listener.until(lambda: any(c.what == "run-ended" for c in listener.of(ChangeEvent)))
        _end(cluster)
        listener.until(lambda: listener.said("goodbye").keys() >= story.all_containers, END_S)
        quiet_from = time.monotonic()
        while time.monotonic() < quiet_from + QUIET_S:
            if listener.listen():
                quiet_from = time.monotonic()
        story.logs = {
            path.name: path.read_text(errors="replace")
            for path in (cluster.folder / "log").iterdir()
        }
        return story


def _cluster(version: str, jar: Path, brokers: str) -> Cluster:
    return Cluster(
        version,
        taskmanagers=TASKMANAGERS - 1,
        fast_start=True,
        plugins={"drsquirrel": jar},
        jvm_args=dict.fromkeys(range(TASKMANAGERS), planted.JVM_ARGS),
        config={
            **plugin.options(NAME, brokers),
            "metrics.reporter.squirrel.interval": f"{INTERVAL_S} SECONDS",
            # REST answers from what it fetched; a test has no 10 s to wait for fresh numbers.
            "metrics.fetcher.update-interval": "500",
            **planted.OPTIONS,
        },
    )


def _start_one_with_kafkas_client_at_debug(cluster: Cluster) -> None:
    (cluster.folder / "conf" / "log4j.properties").write_text(jvm.LOG4J + DEBUG)
    cluster.start_taskmanager()
    cluster.wait_registered()


def _run(story: Story, cluster: Cluster, jar: Path) -> None:
    jobs = {s.job_name: submit(cluster, s) for s in (HEALTHY, SICK, LOOP)}
    jobs[talkative.JOB] = talkative.submit(cluster, jar, planted.TOLD)
    story.jobs = jobs
    story.taskmanagers = tuple(
        taskmanager["id"] for taskmanager in cluster.rest.get("/taskmanagers")["taskmanagers"]
    )
    story.vertices = {
        job: {v["id"]: v["parallelism"] for v in cluster.job(job)["vertices"]}
        for job in jobs.values()
    }
    for job in (jobs[HEALTHY.job_name], jobs[SICK.job_name]):
        cluster.wait_running(job)
        story.serving[job] = _serving(cluster, job)
    story.listener.until(lambda: _all_was_heard(story))


def _serving(cluster: Cluster, job: str) -> set[str]:
    vertices = [v["id"] for v in cluster.job(job)["vertices"]]
    answers = [cluster.rest.get(f"/jobs/{job}/vertices/{v}/taskmanagers") for v in vertices]
    return {t["taskmanager-id"] for answer in answers for t in answer["taskmanagers"]}


def _vertices_heard(story: Story, job: str) -> set[str]:
    reports = story.listener.reports(job)
    return {place.vertex for report in reports for place in places(report)} - {""}


def _all_was_heard(story: Story) -> bool:
    listener, jobs = story.listener, story.jobs
    failed = [f.job for f in listener.of(FailureEvent)]
    of_tasks = {e.job for e in listener.of(LogEvent) if e.throwable and e.task}
    checkpoints = {c.job for c in listener.of(CheckpointEvent) if c.status == "COMPLETED"}
    states = {c.job for c in listener.of(ChangeEvent) if c.subject == "RESTARTING"}
    return (
        len(listener.of(ConfigEvent)) == len(story.all_containers)
        and all(len(listener.reports(job)) > 6 for job in jobs.values())
        and failed.count(jobs[LOOP.job_name]) > 1
        and jobs[talkative.JOB] in failed
        and {jobs[LOOP.job_name], jobs[talkative.JOB]} <= of_tasks
        and (jobs[HEALTHY.job_name] in checkpoints or not story.tells_checkpoints)
        and (jobs[LOOP.job_name] in states or not story.tells_states)
        and all(_vertices_heard(story, job) == story.vertices[job].keys() for job in jobs.values())
    )


@dataclass(frozen=True)
class _Question:
    """A number that REST knows too: of a run, or (job empty) of a process."""

    job: str
    name: str
    path: str
    vertex: str = ""
    container: str = ""

    def told_since(self, listener: Listener, since_ms: float) -> float | None:
        """What the plugin told first after this time."""
        for report in listener.reports(self.job):
            if report.time_ms > since_ms and self.container in ("", report.origin.container):
                for place, name, told in numbers(report):
                    is_subtask = place.vertex == self.vertex and not place.operator
                    if name == self.name and is_subtask and place.subtask <= 0:
                        return told
        return None

    def rest(self, cluster: Cluster) -> int:
        """-1 where REST does not know it yet."""
        answer: Any = cluster.rest.get(f"{self.path}/metrics?get={self.name}")
        return int(answer[0]["value"]) if answer else -1


def _questions(story: Story) -> Iterator[_Question]:
    """For numbers that only grow, or stay."""
    job, loop = story.jobs[HEALTHY.job_name], story.jobs[LOOP.job_name]
    for vertex in story.vertices[job]:
        path = f"/jobs/{job}/vertices/{vertex}/subtasks/0"
        yield _Question(job, "numRecordsIn", path, vertex=vertex)
        yield _Question(job, "numRecordsOut", path, vertex=vertex)
    yield _Question(loop, "numRestarts", f"/jobs/{loop}")
    for container in story.taskmanagers:
        path = f"/taskmanagers/{container}"
        yield _Question("", "Status.JVM.Memory.Heap.Max", path, container=container)
        yield _Question("", "Status.JVM.CPU.Time", path, container=container)


def _compare(story: Story, cluster: Cluster) -> None:
    """Ask REST before and after a report of the plugin's."""
    questions = [*_questions(story)]
    before = [question.rest(cluster) for question in questions]
    asked_ms = time.time() * 1000

    def told() -> list[float | None]:
        return [question.told_since(story.listener, asked_ms) for question in questions]

    def after() -> list[int]:
        return [question.rest(cluster) for question in questions]

    story.listener.until(lambda: None not in told())
    now = told()
    story.listener.until(
        lambda: all(a >= (n or 0) for a, n in zip(after(), now, strict=True)), REST_S
    )
    for question, *answers in zip(questions, before, now, after(), strict=True):
        story.compared.append(Compared(f"{question.name} of {question.path}", *answers))


def _end(cluster: Cluster) -> None:
    """End the JobManager first: one that waits for lost TaskManagers is halted by Flink itself."""
    for name in sorted(cluster.pids):
        os.kill(cluster.pids[name], signal.SIGTERM)
        deadline = time.monotonic() + END_S
        while name in cluster.pids and time.monotonic() < deadline:
            time.sleep(0.05)
