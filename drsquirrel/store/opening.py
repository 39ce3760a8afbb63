"""Open the database of a data directory: one process at a time, only ours, whole, up to date."""

import fcntl
import os
import sqlite3
from pathlib import Path

from drsquirrel.store.error import DirectoryError, InUseError, damaged, explained
from drsquirrel.store.schema import migrate

DATABASE = "drsquirrel.sqlite"
LOCK = "drsquirrel.lock"
WAL_KEEP_BYTES = 64 * 1024**2


class Lock:
    """The data directory is ours until `release`, or until this process ends in any way."""

    def __init__(self, directory: Path) -> None:
        try:
            # What jobs log and throw can be confidential: nobody else reads it.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DirectoryError(
                f"{directory} cannot be used as data directory ({error.strerror}): make it a "
                "directory this user can write to, or choose another."
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 20).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise InUseError(
                f"{directory} is in use by the process {holder}: stop that one, or choose another "
                "data directory."
            ) from error
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def open_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; creates or migrates the database and checks it as a whole."""
    connection = _connect(path)
    try:
        with explained(path):
            # Takes effect before the first table only; without it the file never shrinks.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            migrate(connection, path)
            # About half a second per GB on a warm file: worth knowing before new is laid on bad.
            ((found,),) = connection.execute("PRAGMA integrity_check(1)")
            if found != "ok":
                raise damaged(path, found)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_KEEP_BYTES}")
            # FULL syncs the WAL at every commit. NORMAL survives a kill as well, but a power
            # failure takes the last commits with it; one sync per tick costs a millisecond or two.
            connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    with explained(path):
        connection = _connect(path)
        connection.execute("PRAGMA query_only = ON")
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    # Autocommit: transactions begin and end where we say so. A connection serves one thread at a
    # time, not always the one that opened it.
    with explained(path):
        return sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
