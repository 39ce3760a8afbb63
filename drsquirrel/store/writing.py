"""Write one batch: each kind of thing into its tables. All of it runs inside one transaction."""

import sqlite3
from collections import defaultdict
from hashlib import blake2b

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, LogEvent
from drsquirrel.model.identity import container_id, job_id, run_id
from drsquirrel.model.state import CHECKPOINT_STATES, code_of
from drsquirrel.model.verdict import WORST_FIRST
from drsquirrel.store import logs, sql
from drsquirrel.store.body import encoded, packed
from drsquirrel.store.interface import HOUR_MS, Batch

EVENTS_PER_SUBJECT = 5_000
"""Failures, checkpoints and changes of one run or container, each; the newest are kept."""
FAILURE, CHECKPOINT, CHANGE = "failure", "checkpoint", "change"


def write_batch(connection: sqlite3.Connection, batch: Batch) -> None:
    """Write everything of the batch."""
    _write_runs(connection, batch)
    _write_facts(connection, batch)
    _write_snapshots(connection, batch)
    _write_events(connection, batch)
    _write_logs(connection, batch)
    _write_reports(connection, batch)
    connection.executemany(
        sql.PUT_MEMORY, ((m.run, batch.time_ms, packed(m.body)) for m in batch.memories)
    )
    connection.executemany(
        sql.PUT_OFFSET, ((at.topic, at.partition, at.next) for at in batch.offsets)
    )
    if batch.job_list is not None:
        row = batch.time_ms, etag(batch.job_list), packed(batch.job_list)
        connection.execute(sql.PUT_JOB_LIST, row)


def etag(body: bytes) -> str:
    """A word that changes whenever the bytes do."""
    return blake2b(body, digest_size=12).hexdigest()


def _write_runs(connection: sqlite3.Connection, batch: Batch) -> None:
    for run in batch.runs:
        row = {
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
        connection.execute(sql.SEE_CLUSTER, row)
        connection.execute(sql.SEE_JOB, (row["job"], run.cluster, run.name))
        connection.execute(sql.SEE_RUN, row)


def _write_facts(connection: sqlite3.Connection, batch: Batch) -> None:
    for facts in batch.job_facts:
        run = run_id(facts.cluster, facts.job, facts.start_ms)
        row = run, facts.flink_version, batch.time_ms, packed(encoded(facts))
        connection.execute(sql.PUT_JOB_FACTS, row)
    for container in batch.containers:
        body = packed(encoded(container))
        connection.execute(
            sql.PUT_CONTAINER_FACTS, (container.cluster, container.id, batch.time_ms, body)
        )


def _write_snapshots(connection: sqlite3.Connection, batch: Batch) -> None:
    for snapshot in batch.snapshots:
        subject = snapshot.subject
        row = (
            subject.cluster,
            snapshot.window_ms,
            subject.job,
            subject.start_ms,
            subject.container,
            snapshot.reports_seen,
            batch.time_ms,
            packed(encoded(snapshot)),
        )
        connection.execute(sql.PUT_SNAPSHOT, row)


def _write_events(connection: sqlite3.Connection, batch: Batch) -> None:
    touched = set()

    def put(kind: str, event: FailureEvent | CheckpointEvent | ChangeEvent, progress: int) -> None:
        group = kind, _subject(event)
        touched.add(group)
        body = packed(encoded(event))
        row = *group, event.identity, event.time_ms, progress, batch.time_ms, body
        connection.execute(sql.PUT_EVENT, row)

    for failure in batch.failures:
        put(FAILURE, failure, 0)
    for checkpoint in batch.checkpoints:
        put(CHECKPOINT, checkpoint, code_of(CHECKPOINT_STATES, checkpoint.status))
    for change in batch.changes:
        put(CHANGE, change, 0)
    for group in touched:
        connection.execute(sql.TRIM_EVENTS, (*group, *group, EVENTS_PER_SUBJECT - 1))


def _write_logs(connection: sqlite3.Connection, batch: Batch) -> None:
    by_subject: dict[str, list[LogEvent]] = defaultdict(list)
    for event in batch.logs:
        by_subject[_subject(event)].append(event)
    for subject, events in by_subject.items():
        logs.add(connection, subject, events)


def _subject(event: FailureEvent | CheckpointEvent | ChangeEvent | LogEvent) -> str:
    """The run an event belongs to, else the container."""
    if event.job:
        return run_id(event.origin.cluster, event.job, event.start_ms)
    return container_id(event.origin.cluster, event.origin.container)


def _write_reports(connection: sqlite3.Connection, batch: Batch) -> None:
    for rendered in batch.reports:
        report, run = rendered.report, rendered.report.run.id
        made_ms, severity = report.made_ms, WORST_FIRST.index(report.verdict)
        connection.execute(
            sql.PUT_REPORT, (run, made_ms, severity, etag(rendered.body), packed(rendered.body))
        )
        cause = report.causes[0].code if report.causes else ""
        hour_ms = made_ms - made_ms % HOUR_MS
        connection.execute(sql.PUT_HOUR, (run, hour_ms, severity, made_ms, cause))
        for incident in report.incidents:
            row = run, incident.began_ms, made_ms, packed(encoded(incident))
            connection.execute(sql.PUT_INCIDENT, row)
