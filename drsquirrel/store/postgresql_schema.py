"""The tables in PostgreSQL, as numbered forward migrations.

A released one is never changed, only followed. What the columns mean is told in sqlite_schema.py.
Texts are compared by their bytes, whatever the database's language; bodies are compressed already.
Snapshots and log chunks are divided by day (postgresql_days.py).
"""

from psycopg import sql as written

from drsquirrel.store.error import NewerError, NotOursError, OlderError
from drsquirrel.store.interface import Condition
from drsquirrel.store.postgresql_connection import SCHEMA, PostgresConnection
from drsquirrel.store.postgresql_error import explained

LOCK = 0x44725371
"""Whoever holds it changes tables: "DrSq"."""

NUMBER = "SELECT number FROM schema_version"
WRONG = (
    (
        "SELECT 1 WHERE pg_is_in_recovery()",
        "it is a standby, in which nothing can be written: give the address of the primary.",
    ),
    (
        "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') "
        "AND setting = 'off'",
        "{} is off, so a power failure can take what was acknowledged, or all: set it to on.",
    ),
    (
        f"SELECT current_user, current_database() WHERE to_regnamespace('{SCHEMA}') IS NULL "
        "AND NOT has_database_privilege(current_database(), 'CREATE')",
        "{0} may not make a schema in {1}: let an administrator run CREATE SCHEMA drsquirrel "
        "AUTHORIZATION {0}.",
    ),
    (
        "SELECT current_user, relname FROM pg_class "
        f"WHERE relnamespace = to_regnamespace('{SCHEMA}') "
        "AND relkind IN ('r', 'p') AND NOT pg_has_role(relowner, 'USAGE') LIMIT 1",
        "the table {1} does not belong to {0}: let it own the schema drsquirrel and all in it.",
    ),
)
"""What is found where something is wrong, and what that means."""

_FIRST = """
CREATE DOMAIN word AS TEXT COLLATE "C";

CREATE TABLE clusters (
    id word PRIMARY KEY, first_seen_ms BIGINT NOT NULL, last_seen_ms BIGINT NOT NULL
);

CREATE TABLE jobs (id word PRIMARY KEY, cluster word NOT NULL, name word NOT NULL);

CREATE TABLE runs (
    id word PRIMARY KEY, job word NOT NULL, cluster word NOT NULL, flink_job word NOT NULL,
    start_ms BIGINT NOT NULL, end_ms BIGINT, state word NOT NULL, job_type word NOT NULL,
    first_seen_ms BIGINT NOT NULL, last_seen_ms BIGINT NOT NULL, is_heard BOOLEAN NOT NULL
);
CREATE INDEX runs_by_job ON runs (job);
CREATE INDEX runs_by_flink_job ON runs (flink_job);
CREATE INDEX runs_by_cluster ON runs (cluster, last_seen_ms);
CREATE INDEX runs_by_time ON runs (last_seen_ms);

CREATE TABLE job_facts (
    run word PRIMARY KEY, flink_version word NOT NULL, written_ms BIGINT NOT NULL,
    body BYTEA NOT NULL
);

CREATE TABLE container_facts (
    cluster word NOT NULL, container word NOT NULL, written_ms BIGINT NOT NULL,
    body BYTEA NOT NULL, PRIMARY KEY (cluster, container)
);

CREATE TABLE snapshots (
    cluster word NOT NULL, window_ms BIGINT NOT NULL, job word NOT NULL, start_ms BIGINT NOT NULL,
    container word NOT NULL, reports_seen BIGINT NOT NULL, written_ms BIGINT NOT NULL,
    body BYTEA NOT NULL, PRIMARY KEY (cluster, window_ms, job, start_ms, container)
) PARTITION BY RANGE (window_ms);

CREATE TABLE events (
    kind word NOT NULL, subject word NOT NULL, identity word NOT NULL, time_ms BIGINT NOT NULL,
    progress BIGINT NOT NULL, written_ms BIGINT NOT NULL, body BYTEA NOT NULL,
    PRIMARY KEY (kind, subject, identity)
);
CREATE INDEX events_by_subject ON events (kind, subject, time_ms);
CREATE INDEX events_by_time ON events (time_ms);

CREATE TABLE log_chunks (
    subject word NOT NULL, first_ms BIGINT NOT NULL, last_ms BIGINT NOT NULL,
    events INTEGER NOT NULL, body BYTEA NOT NULL, written_ms BIGINT NOT NULL
) PARTITION BY RANGE (written_ms);
CREATE INDEX log_chunks_by_subject ON log_chunks (subject, last_ms);
CREATE INDEX log_chunks_by_size ON log_chunks (subject, events);

CREATE TABLE reports (
    run word PRIMARY KEY, made_ms BIGINT NOT NULL, severity BIGINT NOT NULL, etag word NOT NULL,
    body BYTEA NOT NULL
);

CREATE TABLE report_hours (
    run word NOT NULL, hour_ms BIGINT NOT NULL, severity BIGINT NOT NULL, made_ms BIGINT NOT NULL,
    cause word NOT NULL, PRIMARY KEY (run, hour_ms)
);
CREATE INDEX report_hours_by_time ON report_hours (hour_ms);

CREATE TABLE incidents (
    run word NOT NULL, began_ms BIGINT NOT NULL, made_ms BIGINT NOT NULL, body BYTEA NOT NULL,
    PRIMARY KEY (run, began_ms)
);
CREATE INDEX incidents_by_time ON incidents (began_ms);

CREATE TABLE memories (run word PRIMARY KEY, written_ms BIGINT NOT NULL, body BYTEA NOT NULL);

CREATE TABLE job_list (
    "only" BIGINT PRIMARY KEY CHECK ("only" = 1), made_ms BIGINT NOT NULL, etag word NOT NULL,
    body BYTEA NOT NULL
);

CREATE TABLE offsets (
    topic word NOT NULL, part BIGINT NOT NULL, next BIGINT NOT NULL, PRIMARY KEY (topic, part)
);

DO $$ DECLARE holder REGCLASS; BEGIN
    FOR holder IN SELECT attrelid::REGCLASS FROM pg_attribute JOIN pg_class c ON c.oid = attrelid
        WHERE relnamespace = current_schema()::REGNAMESPACE AND relkind IN ('r', 'p')
            AND attname = 'body'
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER body SET STORAGE EXTERNAL', holder);
    END LOOP;
END $$;
"""

_PARTS = """
CREATE TABLE claims (part BIGINT PRIMARY KEY, term BIGINT NOT NULL);
ALTER TABLE job_list RENAME TO job_lists;
ALTER TABLE job_lists RENAME "only" TO part;
ALTER TABLE job_lists DROP CONSTRAINT job_list_only_check;
ALTER TABLE job_lists RENAME CONSTRAINT job_list_pkey TO job_lists_pkey;
UPDATE job_lists SET part = 0;
"""

MIGRATIONS: tuple[str, ...] = (_FIRST, _PARTS)
"""Migration i brings a database of version i to version i + 1."""


def is_current(connection: PostgresConnection) -> bool:
    """Whether what we write still fits: somebody may have upgraded the database meanwhile."""
    return connection.execute(NUMBER).fetchone() == (len(MIGRATIONS),)


def require_current(connection: PostgresConnection, place: str) -> None:
    """Make the tables where there are none. Raises OlderError where others may still write into
    those of an older release, NotOursError and NewerError."""
    number = _version(connection, place)
    if number == 0:
        migrate(connection, place)
    elif number < len(MIGRATIONS):
        raise OlderError(
            f"The database at {place} was written by an older release (its schema is {number}, "
            f"this one needs {len(MIGRATIONS)}): stop all of that release, then run "
            "`drsquirrel db upgrade`."
        )


def migrate(connection: PostgresConnection, place: str) -> None:
    """Bring the database to the latest version, all steps in one transaction.

    Raises NotOursError and NewerError.
    """
    with explained(place), connection.driver.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
        # A large table takes its time; whoever writes has been asked to stop.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.driver.has_time = True
        number = _version(connection, place)
        if number == 0:
            _make_schema(connection)
        for statements in MIGRATIONS[number:]:
            connection.driver.execute(written.SQL(statements))
        connection.execute("UPDATE schema_version SET number = ?", (len(MIGRATIONS),))
        connection.driver.has_time = False


def condition(connection: PostgresConnection, place: str) -> Condition:
    """How a database is that can be reached. Raises NotOursError and NewerError."""
    number = _version(connection, place)
    with explained(place):
        wrong = tuple(
            f"PostgreSQL at {place}: {words.format(*row)}"
            for statement, words in WRONG
            for row in connection.execute(statement).fetchall()
        )
    return Condition(number, len(MIGRATIONS), wrong)


def _make_schema(connection: PostgresConnection) -> None:
    known = "SELECT 1 FROM pg_namespace WHERE nspname = ?"
    if connection.execute(known, (SCHEMA,)).fetchone() is None:
        connection.execute(f"CREATE SCHEMA {SCHEMA}")
    connection.execute("CREATE TABLE schema_version (number INTEGER NOT NULL)")
    connection.execute("INSERT INTO schema_version VALUES (0)")


def _version(connection: PostgresConnection, place: str) -> int:
    with explained(place):
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(?)", (SCHEMA,)
        ).fetchall()
        if not found:
            return 0
        if ("schema_version",) not in found:
            raise NotOursError(
                f"The schema {SCHEMA} at {place} belongs to another program: choose another "
                "database."
            )
        ((number,),) = connection.execute(NUMBER).fetchall()
    if number > len(MIGRATIONS):
        raise NewerError(
            f"The database at {place} was written by a newer release (its schema is {number}, this "
            f"one knows {len(MIGRATIONS)}): start that release again, or choose another database."
        )
    return int(number)
