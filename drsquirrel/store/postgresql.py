"""The store on PostgreSQL: one connection that writes, some that read beside it.

A connection that broke is given up, and the next call makes a new one.
"""

from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from threading import BoundedSemaphore
from zlib import crc32

import psycopg

from drsquirrel.model.event import LogEvent
from drsquirrel.store.body import BodyError
from drsquirrel.store.error import InUseError
from drsquirrel.store.interface import Batch, Condition, Database, Retention
from drsquirrel.store.postgresql_connection import (
    ANSWER_S,
    IDLE_IN_TRANSACTION_S,
    Access,
    PostgresConnection,
)
from drsquirrel.store.postgresql_days import drop_days, make_days
from drsquirrel.store.postgresql_error import damaged, explained
from drsquirrel.store.postgresql_schema import (
    condition,
    is_current,
    migrate,
    require_current,
)
from drsquirrel.store.reading import SqlStore
from drsquirrel.store.retention import expire_rows
from drsquirrel.store.writing import write_batch

READERS = 8
"""Connections that read at the same time."""
LOCK_LOGS = "SELECT pg_advisory_xact_lock(?)"
STRIPES = 64
FIRST_STRIPE = 0x44725372
"""Beside the lock of who changes tables."""

# Amid what is sent in one go the server knows no time-out for whoever sends no more.
SEND_AWAY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE application_name = 'drsquirrel' AND datname = current_database() AND usename = current_user
    AND state = 'active' AND wait_event = 'ClientRead'
    AND state_change < now() - make_interval(secs => ?)
"""


def _stripe(event: LogEvent) -> int:
    return FIRST_STRIPE + crc32((event.job or event.origin.container).encode()) % STRIPES


class PostgresDatabase(Database):
    """A PostgreSQL database."""

    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def place(self) -> str:
        return f"PostgreSQL at {self._access.place}"

    def open(self, retention: Retention) -> "PostgresStore":
        return PostgresStore(self._access, retention)

    def check(self) -> Condition:
        with closing(PostgresConnection(self._access)) as connection:
            return condition(connection, self._access.place)

    def upgrade(self) -> None:
        with closing(PostgresConnection(self._access)) as connection:
            migrate(connection, self._access.place)


class PostgresStore(SqlStore):
    """A schema called drsquirrel in a PostgreSQL database."""

    def __init__(self, access: Access, retention: Retention) -> None:
        """Open, or create; raises StoreError, its message says what to do."""
        self._access = access
        self._place = access.place
        self._retention = retention
        self._free = BoundedSemaphore(READERS)
        self._readers: deque[PostgresConnection] = deque()
        self._writer: PostgresConnection | None = self._new_writer()

    def write(self, batch: Batch) -> None:
        with self._transaction() as connection:
            make_days(connection, batch)
            # A tail of log lines is merged by one writer at a time.
            connection.executemany(LOCK_LOGS, [(n,) for n in sorted(set(map(_stripe, batch.logs)))])
            write_batch(connection, batch)

    def expire(self, now_ms: int) -> bool:
        with self._transaction() as connection:
            more = expire_rows(connection, self._retention, now_ms)
        try:
            with self._transaction() as connection:
                return drop_days(connection, self._retention, now_ms) or more
        except InUseError:
            return more  # somebody reads for long: the day goes next time

    def close(self) -> None:
        while self._readers:
            self._readers.pop().close()
        if self._writer:
            self._writer.close()
            self._writer = None

    def _new_writer(self) -> PostgresConnection:
        connection = PostgresConnection(self._access)
        try:
            require_current(connection, self._place)
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def _reading(self) -> Iterator[PostgresConnection]:
        if not self._free.acquire(timeout=ANSWER_S):
            raise InUseError(f"All {READERS} connections to PostgreSQL at {self._place} are busy.")
        try:
            connection = self._reader()
            try:
                with explained(self._place):
                    yield connection
            except BodyError as error:
                raise damaged(self._place, str(error)) from error
            finally:
                if connection.is_usable:
                    self._readers.append(connection)
                else:
                    connection.close()
        finally:
            self._free.release()

    def _reader(self) -> PostgresConnection:
        while self._readers:
            connection = self._readers.pop()
            if connection.is_still_there:
                return connection
            connection.close()
        return PostgresConnection(self._access)

    @contextmanager
    def _transaction(self) -> Iterator[PostgresConnection]:
        connection, self._writer = self._writer, None
        if connection and not connection.is_still_there:
            connection.close()
            connection = None
        connection = connection or self._new_writer()
        try:
            with explained(self._place), connection.driver.transaction():
                if not is_current(connection):
                    require_current(connection, self._place)
                yield connection
        except BodyError as error:
            raise damaged(self._place, str(error)) from error
        except InUseError:
            with suppress(psycopg.Error):  # whoever asks next finds the same
                connection.execute(SEND_AWAY, (IDLE_IN_TRANSACTION_S,))
            raise
        finally:
            if connection.is_usable:
                self._writer = connection
            else:
                connection.close()
