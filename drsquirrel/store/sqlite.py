"""The store on SQLite: one connection that writes, a handful that read beside it."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drsquirrel.store.body import BodyError
from drsquirrel.store.error import DiskError
from drsquirrel.store.interface import Batch, Condition, Database, Retention
from drsquirrel.store.reading import SqlStore
from drsquirrel.store.sqlite_error import damaged, explained
from drsquirrel.store.sqlite_opening import (
    DATABASE,
    Lock,
    SqliteConnection,
    checked,
    open_reader,
    open_writer,
)
from drsquirrel.store.sqlite_schema import MIGRATIONS
from drsquirrel.store.sqlite_space import expire_step, give_back


class SqliteDatabase(Database):
    """A data directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def place(self) -> str:
        return str(self._directory)

    def open(self, retention: Retention) -> "SqliteStore":
        return SqliteStore(self._directory, retention)

    def check(self) -> Condition:
        return Condition(checked(self._directory / DATABASE), len(MIGRATIONS))

    def upgrade(self) -> None:
        self.open(Retention()).close()


class SqliteStore(SqlStore):
    """A data directory with one SQLite database."""

    def __init__(self, directory: Path, retention: Retention) -> None:
        """Open, create or migrate; raises StoreError, its message says what to do."""
        self._path = directory / DATABASE
        self._retention = retention
        self._lock = Lock(directory)
        try:
            self._writer = open_writer(self._path)
        except BaseException:
            self._lock.release()
            raise
        self._inode = self._path.stat().st_ino
        self._readers: deque[SqliteConnection] = deque()

    def write(self, batch: Batch) -> None:
        super().write(batch)
        # SQLite would go on writing to a file that was deleted, and nobody could ever read it.
        if not self._path.exists() or self._path.stat().st_ino != self._inode:
            raise DiskError(f"{self._path} was deleted or replaced while in use: start again.")

    def expire(self, now_ms: int) -> bool:
        with self._transaction() as connection:
            more = expire_step(connection, self._retention, now_ms)
        with explained(self._path):
            return give_back(self._writer) or more

    def close(self) -> None:
        while self._readers:
            self._readers.pop().close()
        with explained(self._path):
            self._writer.close()
        self._lock.release()

    @contextmanager
    def _reading(self) -> Iterator[SqliteConnection]:
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = open_reader(self._path)
        try:
            with explained(self._path):
                yield connection
        except BodyError as error:
            raise damaged(self._path, str(error)) from error
        finally:
            self._readers.append(connection)

    @contextmanager
    def _transaction(self) -> Iterator[SqliteConnection]:
        with explained(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BodyError as error:
                raise damaged(self._path, str(error)) from error
            finally:
                self._writer.rollback()  # of what was not committed; else without effect
