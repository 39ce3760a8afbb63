"""Write one batch: each kind of thing into its tables. All of it runs inside one transaction."""

from collections import defaultdict
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, LogEvent
from drsquirrel.model.identity import container_id, job_id, run_id
from drsquirrel.model.state import CHECKPOINT_STATES, code_of
from drsquirrel.model.verdict import WORST_FIRST
from drsquirrel.store import logs, sql
from drsquirrel.store.body import encoded, packed
from drsquirrel.store.connection import Connection, Values
from drsquirrel.store.error import FencedError
from drsquirrel.store.interface import HOUR_MS, Batch, Claim, RenderedReport

EVENTS_PER_SUBJECT = 5_000
"""Failures, checkpoints and changes of one run or container, each; the newest are kept."""
SUBJECTS_AT_ONCE = 500
"""Of so many runs and containers log chunks are in memory together."""
FAILURE, CHECKPOINT, CHANGE = "failure", "checkpoint", "change"


def write_batch(connection: Connection, batch: Batch) -> None:
    """Write everything of the batch; raises FencedError."""
    claim = batch.claim or Claim(0, 0)
    if batch.claim and not connection.execute(sql.HOLD_CLAIM, (claim.part, claim.term)).rowcount:
        raise FencedError("Another Dr. Squirrel on the same database has taken over.")
    _write_runs(connection, batch)
    _write_facts(connection, batch)
    connection.executemany(sql.PUT_SNAPSHOT, _snapshot_rows(batch))
    _write_events(connection, batch)
    _write_logs(connection, batch)
    _write_reports(connection, batch)
    connection.executemany(
        sql.PUT_MEMORY, ((m.run, batch.time_ms, packed(m.body)) for m in batch.memories)
    )
    connection.executemany(
        sql.PUT_OFFSET, ((at.topic, at.partition, at.next) for at in batch.offsets)
    )
    # Last the rows that every writer writes: whoever comes second waits for the first to commit.
    clusters = sorted({run.cluster for run in batch.runs})
    connection.executemany(
        sql.SEE_CLUSTER, ({"cluster": c, "time_ms": batch.time_ms} for c in clusters)
    )
    if batch.job_list is not None:
        row = claim.part, batch.time_ms, etag(batch.job_list), packed(batch.job_list)
        connection.execute(sql.PUT_JOB_LIST, row)


def etag(body: bytes) -> str:
    """A word that changes whenever the bytes do."""
    return blake2b(body, digest_size=12).hexdigest()


def _write_runs(connection: Connection, batch: Batch) -> None:
    jobs = {(job_id(run.cluster, run.name), run.cluster, run.name) for run in batch.runs}
    connection.executemany(sql.SEE_JOB, sorted(jobs))
    rows = (
        {
            "id": run_id(run.cluster, run.job, run.start_ms),
            "job": job_id(run.cluster, run.name),
            "cluster": run.cluster,
            "flink_job": run.job,
            "start_ms": run.start_ms,
            "end_ms": run.end_ms,
            "state": run.state,
            "job_type": run.job_type,
            "is_heard": run.is_heard,
            "time_ms": batch.time_ms,
        }
        for run in batch.runs
    )
    connection.executemany(sql.SEE_RUN, rows)


def _write_facts(connection: Connection, batch: Batch) -> None:
    of_jobs = (
        (
            run_id(facts.cluster, facts.job, facts.start_ms),
            facts.flink_version,
            batch.time_ms,
            packed(encoded(facts)),
        )
        for facts in batch.job_facts
    )
    connection.executemany(sql.PUT_JOB_FACTS, of_jobs)
    of_containers = (
        (facts.cluster, facts.id, batch.time_ms, packed(encoded(facts)))
        for facts in batch.containers
    )
    connection.executemany(sql.PUT_CONTAINER_FACTS, of_containers)


def _snapshot_rows(batch: Batch) -> Iterator[Values]:
    for snapshot in batch.snapshots:
        subject = snapshot.subject
        yield (
            subject.cluster,
            snapshot.window_ms,
            subject.job,
            subject.start_ms,
            subject.container,
            snapshot.reports_seen,
            batch.time_ms,
            packed(encoded(snapshot)),
        )


def _write_events(connection: Connection, batch: Batch) -> None:
    told: list[tuple[str, FailureEvent | CheckpointEvent | ChangeEvent, int]] = [
        *((FAILURE, failure, 0) for failure in batch.failures),
        *(
            (CHECKPOINT, checkpoint, code_of(CHECKPOINT_STATES, checkpoint.status))
            for checkpoint in batch.checkpoints
        ),
        *((CHANGE, change, 0) for change in batch.changes),
    ]
    rows = (
        (
            kind,
            _subject(event),
            event.identity,
            event.time_ms,
            progress,
            batch.time_ms,
            packed(encoded(event)),
        )
        for kind, event, progress in told
    )
    connection.executemany(sql.PUT_EVENT, rows)
    touched = sorted({(kind, _subject(event)) for kind, event, _ in told})
    connection.executemany(
        sql.TRIM_EVENTS, ((*group, *group, EVENTS_PER_SUBJECT - 1) for group in touched)
    )


def _write_logs(connection: Connection, batch: Batch) -> None:
    by_subject: dict[str, list[LogEvent]] = defaultdict(list)
    for event in batch.logs:
        by_subject[_subject(event)].append(event)
    subjects = iter(by_subject.items())
    while part := dict(islice(subjects, SUBJECTS_AT_ONCE)):
        logs.add(connection, part, batch.time_ms)


def _subject(event: FailureEvent | CheckpointEvent | ChangeEvent | LogEvent) -> str:
    """The run an event belongs to, else the container."""
    if event.job:
        return run_id(event.origin.cluster, event.job, event.start_ms)
    return container_id(event.origin.cluster, event.origin.container)


def _write_reports(connection: Connection, batch: Batch) -> None:
    def judged() -> Iterator[tuple[RenderedReport, str, int, int]]:
        for rendered in batch.reports:
            report = rendered.report
            yield rendered, report.run.id, report.made_ms, WORST_FIRST.index(report.verdict)

    reports = (
        (run, made_ms, severity, etag(rendered.body), packed(rendered.body))
        for rendered, run, made_ms, severity in judged()
    )
    connection.executemany(sql.PUT_REPORT, reports)
    hours = (
        (run, made_ms - made_ms % HOUR_MS, severity, made_ms, rendered.first_cause)
        for rendered, run, made_ms, severity in judged()
    )
    connection.executemany(sql.PUT_HOUR, hours)
    incidents = (
        (run, incident.began_ms, made_ms, packed(encoded(incident)))
        for rendered, run, made_ms, _ in judged()
        for incident in rendered.report.incidents
    )
    connection.executemany(sql.PUT_INCIDENT, incidents)
