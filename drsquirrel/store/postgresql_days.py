"""The days of what fills the disk: each day of snapshots and of log chunks is a table of its own.

A day that is too old is dropped as a whole, which costs nothing and gives its space back at once.
So detail is kept up to a day longer than was asked for.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from drsquirrel.store.interface import DAY_MS, HOUR_MS, Batch, Retention
from drsquirrel.store.postgresql_connection import SCHEMA, PostgresConnection
from drsquirrel.store.postgresql_schema import LOCK

SNAPSHOTS, LOG_CHUNKS = "snapshots", "log_chunks"
DROP_LOCK_MS = 1_000
EPOCH = date(1970, 1, 1)
DAYS = """
SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent = CAST(? AS REGCLASS) ORDER BY relname
"""
USED_BYTES = f"""
SELECT CAST(sum(pg_total_relation_size(oid)) AS BIGINT) FROM pg_class
WHERE relnamespace = CAST('{SCHEMA}' AS REGNAMESPACE) AND relkind = 'r'
"""


def make_days(connection: PostgresConnection, batch: Batch) -> None:
    """Make the tables that the batch needs and that are not there, inside its transaction."""
    of_snapshots = {snapshot.window_ms // DAY_MS for snapshot in batch.snapshots}
    of_logs = {batch.time_ms // DAY_MS} if batch.logs else set()
    for table, wanted in ((SNAPSHOTS, of_snapshots), (LOG_CHUNKS, of_logs)):
        if wanted <= set(_days(connection, table)):
            continue
        connection.execute("SELECT pg_advisory_xact_lock(?)", (LOCK,))
        for day in wanted.difference(_days(connection, table)):
            _make(connection, table, day)


def drop_days(connection: PostgresConnection, retention: Retention, now_ms: int) -> bool:
    """Drop one day that is too old or too much, inside a transaction; true if it did."""
    # Whoever comes after us waits as long as we wait for those who read.
    connection.execute(f"SET LOCAL lock_timeout = {DROP_LOCK_MS}")
    too_old = (LOG_CHUNKS, retention.logs_ms), (SNAPSHOTS, retention.snapshots_ms)
    if any(_drop_oldest(connection, table, now_ms - keep_ms) for table, keep_ms in too_old):
        return True
    ((used,),) = connection.execute(USED_BYTES).fetchall()
    return used > retention.max_bytes and any(
        _drop_oldest(connection, table, now_ms - HOUR_MS) for table in (SNAPSHOTS, LOG_CHUNKS)
    )


def _days(connection: PostgresConnection, table: str) -> Iterator[int]:
    """The days there are, as days since 1970, oldest first."""
    for (name,) in connection.execute(DAYS, (table,)).fetchall():
        written = date.fromisoformat(name.removeprefix(f"{table}_").replace("_", "-"))
        yield (written - EPOCH).days


def _name(table: str, day: int) -> str:
    return f"{table}_{(EPOCH + timedelta(day)).isoformat().replace('-', '_')}"


def _make(connection: PostgresConnection, table: str, day: int) -> None:
    name, from_ms = _name(table, day), day * DAY_MS
    # Attached, so that readers and other writers of the table go on meanwhile.
    connection.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)")
    connection.execute(
        f"ALTER TABLE {table} ATTACH PARTITION {name} "
        f"FOR VALUES FROM ({from_ms}) TO ({from_ms + DAY_MS})"
    )


def _drop_oldest(connection: PostgresConnection, table: str, before_ms: int) -> bool:
    oldest = next(_days(connection, table), None)
    if oldest is None or (oldest + 1) * DAY_MS > before_ms:
        return False
    connection.execute(f"DROP TABLE IF EXISTS {_name(table, oldest)}")
    return True
