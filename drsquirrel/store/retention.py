"""Delete what is too old or too much, in steps so small that a write never waits long."""

import sqlite3

from drsquirrel.store import sql
from drsquirrel.store.interface import HOUR_MS, Retention

STEP_ROWS = 200
STEP_PAGES = 1_000
STEP_RUNS = 20
"""Of a database that is full only of runs: with each a job may go from the list."""

_LARGE = (
    sql.EXPIRE_SNAPSHOTS,
    sql.EXPIRE_LOG_CHUNKS,
    sql.EXPIRE_EVENTS,
    sql.EXPIRE_CONTAINER_FACTS,
)
"""What fills the disk, in the order in which it can be missed."""


def expire_step(connection: sqlite3.Connection, retention: Retention, now_ms: int) -> bool:
    """Delete some rows, inside a transaction; true if there may be more to delete."""
    for statement in sql.BRING_TO_NOW:
        # The clock was set back: what bears a later time would refuse everything newer.
        connection.execute(statement, {"now_ms": now_ms})
    full = False
    for statement, keep_ms in (
        (sql.EXPIRE_LOG_CHUNKS, retention.logs_ms),
        (sql.EXPIRE_SNAPSHOTS, retention.snapshots_ms),
        (sql.EXPIRE_MEMORIES, retention.snapshots_ms),
        (sql.EXPIRE_EVENTS, retention.events_ms),
        (sql.EXPIRE_HOURS, retention.history_ms),
        (sql.EXPIRE_INCIDENTS, retention.history_ms),
        (sql.EXPIRE_CONTAINER_FACTS, retention.history_ms),
        (sql.EXPIRE_CLUSTERS, retention.history_ms),
    ):
        full |= _delete(connection, statement, now_ms - keep_ms) == STEP_ROWS
    full |= _delete_runs(connection, now_ms - retention.history_ms) == STEP_ROWS
    full |= _shrink(connection, retention.max_bytes, now_ms - HOUR_MS)
    return full


def give_back(connection: sqlite3.Connection) -> bool:
    """Return some free pages to the disk, outside a transaction; true if there are more."""
    # As a script: `execute` ends this pragma after its first page.
    connection.executescript(sql.GIVE_BACK.format(pages=STEP_PAGES))
    # Only a checkpoint makes the file itself shorter.
    connection.execute(sql.CHECKPOINT).fetchall()
    ((free,),) = connection.execute(sql.FREE_PAGES)
    return bool(free)


def _delete(connection: sqlite3.Connection, statement: str, before_ms: int) -> int:
    return connection.execute(statement, (before_ms, STEP_ROWS)).rowcount


def _delete_runs(connection: sqlite3.Connection, before_ms: int, most: int = STEP_ROWS) -> int:
    old = connection.execute(sql.OLD_RUNS, (before_ms, most)).fetchall()
    for run, job in old:
        for statement in sql.DELETE_RUN:
            connection.execute(statement, (run,))
        connection.execute(sql.DELETE_JOB, (job,))
    return len(old)


def _shrink(connection: sqlite3.Connection, max_bytes: int, before_ms: int) -> bool:
    """Delete the oldest of the first large table that has any, at last runs that are gone; true if
    it did."""
    ((used,),) = connection.execute(sql.USED_BYTES)
    if used <= max_bytes:
        return False
    if any(_delete(connection, statement, before_ms) for statement in _LARGE):
        return True
    return bool(_delete_runs(connection, before_ms, STEP_RUNS))
