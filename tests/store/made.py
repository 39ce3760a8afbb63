"""Things to store, made from a few numbers."""

from collections.abc import Callable
from pathlib import Path

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, LogEvent, Origin
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen
from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.report import (
    Answer,
    Culprit,
    Data,
    Incident,
    JobRef,
    LastHour,
    Report,
    RunRef,
)
from drsquirrel.model.snapshot import WINDOW_MS, Reading, Rollup, Snapshot, Subject, Track, TrackKey
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.store.body import encoded
from drsquirrel.store.interface import Batch, Memory, Offset, RenderedReport, Retention, Store

Opener = Callable[[Path, Retention], Store]

START_MS = 1_800_000_000_000
"""Divisible by an hour and a window."""
CLUSTER = "prod"
JOB = "a" * 32
NAME = "orders"
RUN_ID = run_id(CLUSTER, JOB, START_MS)
JOB_ID = job_id(CLUSTER, NAME)


def origin(sequence: int = 1, container: str = "", epoch: str = "e") -> Origin:
    return Origin(
        cluster=CLUSTER, producer="flink-rest", epoch=epoch, sequence=sequence, container=container
    )


def run(
    job: str = JOB,
    start_ms: int = START_MS,
    name: str = NAME,
    state: str = "RUNNING",
    end_ms: int | None = None,
) -> RunSeen:
    return RunSeen(
        cluster=CLUSTER, job=job, start_ms=start_ms, name=name, state=state, end_ms=end_ms
    )


def job_facts(restart_strategy: str = "exponential-delay", version: str = "2.3.0") -> JobFacts:
    return JobFacts(
        cluster=CLUSTER,
        job=JOB,
        start_ms=START_MS,
        name=NAME,
        flink_version=version,
        restart_strategy=restart_strategy,
    )


def container(id: str = "tm-1", slots: int = 2) -> ContainerFacts:
    return ContainerFacts(cluster=CLUSTER, id=id, is_taskmanager=True, slots=slots)


def snapshot(
    window_ms: int = START_MS, seen: int = 1, container: str = "", operator: str = ""
) -> Snapshot:
    subject = (
        Subject(cluster=CLUSTER, container=container)
        if container
        else Subject(cluster=CLUSTER, job=JOB, start_ms=START_MS)
    )
    reading = Reading(window_ms, seen, {"busy_ms": 1000 + seen, "records_in": 17 * seen})
    track = Track(TrackKey("tm-1", "e", "v", 0, operator), (reading,), (reading,), {}, {})
    rollup = Rollup(subject=subject, minute=window_ms // 60_000, tracks=(track,))
    return Snapshot(
        subject=subject,
        window_ms=window_ms,
        rollups=(rollup,),
        reports_seen=seen,
        reports_expected=30,
    )


def failure(number: int, text: str = "java.lang.IllegalStateException: no") -> FailureEvent:
    return FailureEvent(
        origin=origin(number),
        time_ms=START_MS + number * 1000,
        job=JOB,
        start_ms=START_MS,
        throwable=text,
        signature="IllegalStateException|Mapper.map",
        task="Map (1/2)",
    )


def checkpoint(number: int, status: str = "COMPLETED") -> CheckpointEvent:
    return CheckpointEvent(
        origin=origin(number),
        time_ms=START_MS + number * 1000,
        job=JOB,
        start_ms=START_MS,
        id=number,
        status=status,
    )


def change(number: int, state: str = "RESTARTING") -> ChangeEvent:
    return ChangeEvent(
        origin=origin(number),
        time_ms=START_MS + number * 1000,
        what="job-state",
        job=JOB,
        start_ms=START_MS,
        subject=state,
    )


def container_change(number: int) -> ChangeEvent:
    return ChangeEvent(
        origin=origin(number, "tm-1"), time_ms=START_MS, what="container-gone", subject="tm-1"
    )


def log(
    sequence: int, message: str = "slow", time_ms: int = -1, container: str = "tm-1"
) -> LogEvent:
    return LogEvent(
        origin=origin(sequence, container),
        time_ms=START_MS + sequence * 10 if time_ms < 0 else time_ms,
        level="WARN",
        logger="org.apache.flink.X",
        message=message,
        job=JOB,
        start_ms=START_MS,
    )


def answer(code: str) -> Answer:
    return Answer(
        code=code,
        question="q",
        title="t",
        confidence=Confidence.LIKELY,
        culprit=Culprit(),
        onset=None,
        evidence=(),
        advice=(),
    )


def report(
    made_ms: int = START_MS,
    verdict: Verdict = Verdict.HEALTHY,
    cause: str = "",
    run: str = RUN_ID,
    incidents: tuple[Incident, ...] = (),
) -> RenderedReport:
    document = Report(
        made_ms=made_ms,
        job=JobRef(id=JOB_ID, cluster=CLUSTER, name=NAME),
        run=RunRef(id=run, job_id=JOB_ID, start_ms=START_MS, state="RUNNING"),
        verdict=verdict,
        headline=f"made at {made_ms}",
        causes=[answer(cause)] if cause else [],
        incidents=list(incidents),
        hour=LastHour(from_ms=made_ms - 3_600_000),
        data=Data(age_ms=0, observed_minutes=60),
    )
    return RenderedReport(report=document, body=encoded(document))


def incident(began_ms: int, ended_ms: int | None = None) -> Incident:
    return Incident(
        began_ms=began_ms, ended_ms=ended_ms, cause="user-exception", title="t", culprit=Culprit()
    )


def tick(number: int, logs: int = 3) -> Batch:
    """A batch with something of everything, 10 s after the one before."""
    time_ms = START_MS + number * 10_000
    window_ms = time_ms - time_ms % WINDOW_MS
    began_ms = START_MS + number // 5
    return Batch(
        time_ms=time_ms,
        runs=(run(),),
        job_facts=(job_facts(f"strategy {number}"),),
        containers=(container(slots=number),),
        snapshots=(
            snapshot(window_ms, number + 1),
            snapshot(window_ms, number + 1, container="tm-1"),
        ),
        failures=(failure(number),),
        checkpoints=(checkpoint(number, "IN_PROGRESS"), checkpoint(number - 1)),
        changes=(change(number),),
        logs=tuple(log(number * logs + i, f"line {number}/{i}") for i in range(logs)),
        reports=(
            report(
                time_ms,
                Verdict.FAILING if number % 3 else Verdict.WARNING,
                f"cause-{number}",
                incidents=(incident(began_ms, time_ms),),
            ),
        ),
        memories=(Memory(run=RUN_ID, body=f"memory {number}".encode()),),
        job_list=f'{{"made":{number}}}'.encode(),
        offsets=(Offset("flink-logs", 0, 10 * number + 1), Offset("flink-logs", 1, 5)),
    )


def everything(store: Store) -> dict[str, object]:
    """All that a reader can see of the run, cluster and containers made here."""
    return {
        "job lists": store.job_lists(),
        "report": store.report(RUN_ID),
        "runs": store.runs(CLUSTER),
        "run of job": store.run_of_job(JOB_ID),
        "run of Flink job": store.run_of_flink_job(JOB),
        "snapshots": list(store.load_hour(CLUSTER, 0)),
        "failures": store.failures(RUN_ID, 10_000),
        "checkpoints": store.checkpoints(RUN_ID, 10_000),
        "changes": store.changes(RUN_ID, 10_000),
        "logs": store.logs(RUN_ID, 100_000),
        "incidents": store.incidents(RUN_ID, 10_000),
        "hours": store.hours(RUN_ID),
        "memory": store.memory(RUN_ID),
        "job facts": store.job_facts(RUN_ID),
        "offsets": sorted(store.offsets(), key=lambda at: at.partition),
        "container facts": store.container_facts(CLUSTER),
    }
