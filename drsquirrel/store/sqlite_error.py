"""Errors of SQLite, as ours."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drsquirrel.store.error import DamagedError, DiskError, InUseError, NotOursError


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours; what only a bug of ours can cause passes unchanged."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _explain(error, path) from error
    except UnicodeDecodeError as error:
        # Python could not even read SQLite's message about a malformed table.
        raise damaged(path, "malformed database schema") from error


def _explain(error: sqlite3.DatabaseError, path: Path) -> Exception:
    # The low byte is SQLite's primary code. Python raises some errors without asking SQLite.
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return NotOursError(
            f"{path} is not a database: move it away or choose another data directory."
        )
    # Our statements are constant and fit the schema: what they miss was there.
    if code == sqlite3.SQLITE_CORRUPT or str(error).startswith("no such "):
        return damaged(path, str(error))
    if code == sqlite3.SQLITE_FULL:
        return DiskError(f"The disk of {path} is full: free some space; nothing stored is lost.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return DiskError(
            f"{path} cannot be written ({error}): make it and its directory writable for this user."
        )
    if code == sqlite3.SQLITE_IOERR:
        return DiskError(
            f"The disk of {path} fails ({error}): look at its space, quota and health; "
            "what was acknowledged is stored."
        )
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return InUseError(f"Another program holds {path} locked: end it, then try again.")
    return error


def damaged(path: Path, found: str) -> DamagedError:
    """The error for a database whose content is not what was written."""
    return DamagedError(
        f"{path} is damaged ({found}): stop, move it away together with its -wal file and start "
        "again with an empty one, or bring back a backup; `sqlite3 FILE .recover` saves the rest."
    )
