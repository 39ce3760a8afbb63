"""Open the database of a data directory: one process at a time, only ours, whole, up to date."""

import fcntl
import os
import sqlite3
from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path

from drsquirrel.store.connection import Row, Values
from drsquirrel.store.error import DirectoryError, DiskError, InUseError
from drsquirrel.store.sqlite_error import damaged, explained
from drsquirrel.store.sqlite_schema import migrate, version

DATABASE = "drsquirrel.sqlite"
LOCK = "drsquirrel.lock"
BUSY_S = 5
"""How long to wait for somebody who looks into the file with another program."""
WAL_KEEP_BYTES = 64 * 1024**2


class Lock:
    """The data directory is ours until `release`, or until this process ends in any way."""

    def __init__(self, directory: Path) -> None:
        try:
            # What jobs log and throw can be confidential: nobody else reads it.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _unusable(directory, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
            (directory / DATABASE).touch(0o600)
        except OSError as error:
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip()
            os.close(self._file)
            if not isinstance(error, BlockingIOError):
                raise _unusable(directory, error) from error
            raise InUseError(
                f"{directory} is in use by the process {holder or 'that just started'}: "
                "stop that one, or choose another data directory."
            ) from error

    def release(self) -> None:
        os.close(self._file)


def _unusable(directory: Path, error: OSError) -> DirectoryError:
    return DirectoryError(
        f"{directory} cannot be used as data directory ({error.strerror}): make it a directory "
        "this user can write to, on a disk with space, or choose another."
    )


class SqliteConnection(sqlite3.Connection):
    """A connection that can do what the statements need."""

    def each(self, statement: str, rows: Iterable[Values], /) -> list[list[Row]]:
        return [self.execute(statement, row).fetchall() for row in rows]

    def stream(self, statement: str, values: Values, /) -> Generator[Row, None, None]:
        yield from self.execute(statement, values)


def open_writer(path: Path) -> SqliteConnection:
    """The one connection that writes; creates or migrates the database and checks it as a whole."""
    _check_writable(path)
    connection = _connect(path)
    try:
        with explained(path):
            migrate(connection, path)
            _require_whole(connection, path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP_BYTES}")
            # FULL syncs the WAL at every commit. NORMAL survives a kill as well, but a power
            # failure takes the last commits with it; one sync per tick costs a millisecond or two.
            connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def checked(path: Path) -> int:
    """The version of the schema of a database that can be used, 0 where there is none yet."""
    if not path.exists():
        return 0
    _check_writable(path)
    with closing(open_reader(path)) as connection, explained(path):
        number = version(connection, path)
        _require_whole(connection, path)
    return number


def _require_whole(connection: sqlite3.Connection, path: Path) -> None:
    # About a second of CPU per GB on a warm file: worth knowing before new is laid on bad.
    ((found,),) = connection.execute("PRAGMA integrity_check(1)")
    if found != "ok":
        raise damaged(path, found)


def _check_writable(path: Path) -> None:
    # SQLite would open what it may only read, and leave files beside it that stay read-only.
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if file.exists() and not os.access(file, os.W_OK, effective_ids=True):
            raise DiskError(f"{file} cannot be written: make it writable for this user.")


def open_reader(path: Path) -> SqliteConnection:
    """A connection that only reads."""
    with explained(path):
        connection = _connect(path)
        connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path) -> SqliteConnection:
    # Autocommit: transactions begin and end where we say so. A connection serves one thread at a
    # time, not always the one that opened it.
    with explained(path):
        return sqlite3.connect(
            path,
            timeout=BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            factory=SqliteConnection,
        )
