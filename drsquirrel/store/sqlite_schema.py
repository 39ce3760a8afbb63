"""The tables in SQLite, as numbered forward migrations.

A released one is never changed, only followed.

`body` columns hold packed JSON (body.py). Everything is found by the ids of model.identity:
`subject` is the id of a run or, for what belongs to no run, of a container.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from drsquirrel.store.error import NewerError, NotOursError

APPLICATION_ID = 0x44725371
"""Marks the file as ours: "DrSq"."""

_FIRST = """
CREATE TABLE clusters (
    id TEXT PRIMARY KEY, first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL
);

CREATE TABLE jobs (
    id TEXT PRIMARY KEY, cluster TEXT NOT NULL, name TEXT NOT NULL
);

CREATE TABLE runs (
    id TEXT PRIMARY KEY, job TEXT NOT NULL, cluster TEXT NOT NULL, flink_job TEXT NOT NULL,
    start_ms INTEGER NOT NULL, end_ms INTEGER, state TEXT NOT NULL, job_type TEXT NOT NULL,
    first_seen_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL
);
CREATE INDEX runs_by_job ON runs (job);
CREATE INDEX runs_by_flink_job ON runs (flink_job);
CREATE INDEX runs_by_cluster ON runs (cluster, last_seen_ms);
CREATE INDEX runs_by_time ON runs (last_seen_ms);

CREATE TABLE job_facts (
    run TEXT PRIMARY KEY, flink_version TEXT NOT NULL, written_ms INTEGER NOT NULL,
    body BLOB NOT NULL
);

CREATE TABLE container_facts (
    cluster TEXT NOT NULL, container TEXT NOT NULL, written_ms INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (cluster, container)
);

CREATE TABLE snapshots (
    cluster TEXT NOT NULL, window_ms INTEGER NOT NULL, job TEXT NOT NULL,
    start_ms INTEGER NOT NULL, container TEXT NOT NULL, reports_seen INTEGER NOT NULL,
    written_ms INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (cluster, window_ms, job, start_ms, container)
);
CREATE INDEX snapshots_by_time ON snapshots (window_ms);

CREATE TABLE events (
    kind TEXT NOT NULL, subject TEXT NOT NULL, identity TEXT NOT NULL, time_ms INTEGER NOT NULL,
    progress INTEGER NOT NULL, written_ms INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, subject, identity)
);
CREATE INDEX events_by_subject ON events (kind, subject, time_ms);
CREATE INDEX events_by_time ON events (time_ms);

CREATE TABLE log_chunks (
    id INTEGER PRIMARY KEY, subject TEXT NOT NULL, first_ms INTEGER NOT NULL,
    last_ms INTEGER NOT NULL, events INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE INDEX log_chunks_by_subject ON log_chunks (subject, last_ms);
CREATE INDEX log_chunks_by_time ON log_chunks (last_ms);

CREATE TABLE reports (
    run TEXT PRIMARY KEY, made_ms INTEGER NOT NULL, severity INTEGER NOT NULL,
    etag TEXT NOT NULL, body BLOB NOT NULL
);
CREATE TABLE report_hours (
    run TEXT NOT NULL, hour_ms INTEGER NOT NULL, severity INTEGER NOT NULL,
    made_ms INTEGER NOT NULL, cause TEXT NOT NULL, PRIMARY KEY (run, hour_ms)
);
CREATE INDEX report_hours_by_time ON report_hours (hour_ms);
CREATE TABLE incidents (
    run TEXT NOT NULL, began_ms INTEGER NOT NULL, made_ms INTEGER NOT NULL,
    body BLOB NOT NULL, PRIMARY KEY (run, began_ms)
);
CREATE INDEX incidents_by_time ON incidents (began_ms);
CREATE TABLE memories (
    run TEXT PRIMARY KEY, written_ms INTEGER NOT NULL, body BLOB NOT NULL
);
CREATE TABLE job_list (
    only INTEGER PRIMARY KEY CHECK (only = 1), made_ms INTEGER NOT NULL, etag TEXT NOT NULL,
    body BLOB NOT NULL
);
"""

_OFFSETS = """
CREATE TABLE offsets (
    topic TEXT NOT NULL, part INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic, part)
);
"""

_HEARD = "ALTER TABLE runs ADD is_heard INTEGER NOT NULL DEFAULT 0;"

_PARTS = """
CREATE TABLE claims (part INTEGER PRIMARY KEY, term INTEGER NOT NULL);
CREATE TABLE job_lists (
    part INTEGER PRIMARY KEY, made_ms INTEGER NOT NULL, etag TEXT NOT NULL, body BLOB NOT NULL
);
INSERT INTO job_lists SELECT 0, made_ms, etag, body FROM job_list;
DROP TABLE job_list;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _OFFSETS, _HEARD, _PARTS)
"""Migration i brings a database of version i to version i + 1."""


def migrate(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS
) -> None:
    """Bring the database to the latest version, each step in one transaction.

    Raises NotOursError and NewerError, and then has changed nothing.
    """
    before = version(connection, path, migrations)
    if before == 0:
        # Takes effect before the first table only; without it the file never shrinks.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for number, statements in enumerate(migrations[before:], start=before + 1):
        try:
            connection.executescript(
                f"BEGIN IMMEDIATE; {statements}; PRAGMA application_id = {APPLICATION_ID}; "
                f"PRAGMA user_version = {number}; COMMIT"
            )
        except sqlite3.Error:
            connection.rollback()
            raise


def version(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[str] = MIGRATIONS
) -> int:
    """The version of the database, 0 where there is none. Raises NotOursError and NewerError."""
    ((application,),) = connection.execute("PRAGMA application_id")
    ((number,),) = connection.execute("PRAGMA user_version")
    if application != APPLICATION_ID:
        ((tables,),) = connection.execute("SELECT count(*) FROM sqlite_master")
        if application or number or tables:
            raise NotOursError(
                f"{path} belongs to another program: move it away or choose another data directory."
            )
    if number > len(migrations):
        raise NewerError(
            f"{path} was written by a newer release (its schema is {number}, this one knows "
            f"{len(migrations)}): start that release again, or choose another data directory."
        )
    return int(number)
