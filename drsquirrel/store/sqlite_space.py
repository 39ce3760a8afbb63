"""Keep the file of SQLite small: what is too old or too much goes row by row, and its pages back.

In steps so small that a write never waits long.
"""

import sqlite3

from drsquirrel.store import sql
from drsquirrel.store.interface import HOUR_MS, Retention
from drsquirrel.store.retention import STEP_ROWS, delete, delete_runs, expire_rows
from drsquirrel.store.sqlite_opening import SqliteConnection

STEP_PAGES = 1_000
STEP_RUNS = 20
"""Of a database that is full only of runs: with each a job may go from the list."""
USED_BYTES = """
SELECT (page_count - freelist_count) * page_size
FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
_LARGE = (
    sql.EXPIRE_SNAPSHOTS,
    sql.EXPIRE_LOG_CHUNKS,
    sql.EXPIRE_EVENTS,
    sql.EXPIRE_CONTAINER_FACTS,
)
"""What fills the disk, in the order in which it can be missed."""


def expire_step(connection: SqliteConnection, retention: Retention, now_ms: int) -> bool:
    """Delete some rows, inside a transaction; true if there may be more to delete."""
    full = expire_rows(connection, retention, now_ms)
    for statement, keep_ms in (
        (sql.EXPIRE_LOG_CHUNKS, retention.logs_ms),
        (sql.EXPIRE_SNAPSHOTS, retention.snapshots_ms),
    ):
        full |= delete(connection, statement, now_ms - keep_ms) == STEP_ROWS
    return full | _shrink(connection, retention.max_bytes, now_ms - HOUR_MS)


def give_back(connection: sqlite3.Connection) -> bool:
    """Return some free pages to the disk, outside a transaction; true if there are more."""
    # As a script: `execute` ends this pragma after its first page.
    connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")
    # Only a checkpoint makes the file itself shorter.
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    ((free,),) = connection.execute("PRAGMA freelist_count")
    return bool(free)


def _shrink(connection: SqliteConnection, max_bytes: int, before_ms: int) -> bool:
    """Delete the oldest of the first large table that has any, at last runs that are gone; true if
    it did."""
    ((used,),) = connection.execute(USED_BYTES)
    if used <= max_bytes:
        return False
    if any(delete(connection, statement, before_ms) for statement in _LARGE):
        return True
    return bool(delete_runs(connection, before_ms, STEP_RUNS))
