"""Delete rows that are too old, in steps so small that a write never waits long."""

from drsquirrel.store import sql
from drsquirrel.store.connection import Connection
from drsquirrel.store.interface import Retention

STEP_ROWS = 200


def expire_rows(connection: Connection, retention: Retention, now_ms: int) -> bool:
    """Delete some rows of all but snapshots and logs, inside a transaction; true if there may be
    more to delete."""
    for statement in sql.BRING_TO_NOW:
        # The clock was set back: what bears a later time would refuse everything newer.
        connection.execute(statement, {"now_ms": now_ms})
    full = False
    for statement, keep_ms in (
        (sql.EXPIRE_MEMORIES, retention.snapshots_ms),
        (sql.EXPIRE_EVENTS, retention.events_ms),
        (sql.EXPIRE_HOURS, retention.history_ms),
        (sql.EXPIRE_INCIDENTS, retention.history_ms),
        (sql.EXPIRE_CONTAINER_FACTS, retention.history_ms),
        (sql.EXPIRE_CLUSTERS, retention.history_ms),
    ):
        full |= delete(connection, statement, now_ms - keep_ms) == STEP_ROWS
    return full | (delete_runs(connection, now_ms - retention.history_ms) == STEP_ROWS)


def delete(connection: Connection, statement: str, before_ms: int) -> int:
    """Delete at most STEP_ROWS rows of before that time; how many."""
    return connection.execute(statement, (before_ms, STEP_ROWS)).rowcount


def delete_runs(connection: Connection, before_ms: int, most: int = STEP_ROWS) -> int:
    """Delete runs last seen before that time, with all that is known of them; how many."""
    old = connection.execute(sql.OLD_RUNS, (before_ms, most)).fetchall()
    for statement in sql.DELETE_RUN:
        connection.executemany(statement, [(run,) for run, _ in old])
    connection.executemany(sql.DELETE_JOB, [(job,) for _, job in old])
    return len(old)
