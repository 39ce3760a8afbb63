"""Errors of PostgreSQL, as ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from drsquirrel.store.error import (
    AccessError,
    AwayError,
    DamagedError,
    DiskError,
    InUseError,
    StoreError,
)

STANDS = "what was acknowledged is stored"
REFUSAL = re.compile(r"(?:FATAL|no password supplied|SSL|certificate)")
"""In what the client says when the server was reached, and did not let us in."""
NOT_READY = re.compile("the database system is ")
NONE_FREE = re.compile("too many (?:connections|clients)|remaining connection slots")
STOPPING = ("57P01", "57P02", "57P03", "57P05")
BUSY = ("55P03", "57014", "40P01", "40001", "25P03", "25P04")
NO_MEMORY = ("53000", "53200", "53300", "53400")
MISSING = ("42P01", "42703", "42704", "3F000", "23514")
"""A table, a column, a schema, a day of a table: our statements are constant and fit the schema."""
DAMAGED = ("XX001", "XX002")
READ_ONLY = "25006"
NO_RIGHT = "42501"
FULL = "53100"
IO_ERROR = "58030"


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn PostgreSQL's errors into ours; what only a bug of ours can cause passes unchanged."""
    try:
        yield
    except psycopg.Error as error:
        raise _explain(error, place) from error


def _explain(error: psycopg.Error, place: str) -> Exception:
    code = error.sqlstate or ""
    said = first_line(error)
    if code in STOPPING or code.startswith("08"):
        return AwayError(f"PostgreSQL at {place} goes away ({said}): {STANDS}.")
    if code in BUSY:
        return InUseError(
            f"PostgreSQL at {place} was too slow or kept us waiting ({said}): look at its load and "
            f"at who holds locks; {STANDS}."
        )
    if code in NO_MEMORY:
        return InUseError(
            f"PostgreSQL at {place} has nothing left ({said}): raise that limit; {STANDS}."
        )
    if code == FULL:
        return DiskError(
            f"The disk of PostgreSQL at {place} is full: free some space; nothing stored is lost."
        )
    if code == IO_ERROR:
        return DiskError(f"The disk of PostgreSQL at {place} fails ({said}): {STANDS}.")
    if code == READ_ONLY:
        return DiskError(
            f"PostgreSQL at {place} is read-only ({said}): give the address of the primary."
        )
    if code == NO_RIGHT:
        return AccessError(
            f"PostgreSQL at {place} does not let us do what we have to ({said}): let the schema "
            "drsquirrel and all in it belong to this user."
        )
    if code in MISSING or code in DAMAGED:
        return damaged(place, said)
    if not code and isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        # Of the client: the server said nothing any more.
        return AwayError(f"PostgreSQL at {place} does not answer ({said}): {STANDS}.")
    return error


def unreached(error: psycopg.Error, place: str, user: str) -> StoreError:
    """What it means that no connection could be made; the client knows no codes of that."""
    said = first_line(error)
    if not REFUSAL.search(said):
        return AwayError(
            f"PostgreSQL does not answer at {place} ({said}): check the address in `database`, and "
            "that it runs."
        )
    if "does not exist" in said and "database" in said:
        return AccessError(
            f"There is no such database at {place} ({said}): make it, with encoding UTF8, for the "
            f"user {user}."
        )
    if "password" in said:
        return AccessError(
            f"PostgreSQL at {place} refuses the user {user} or the password ({said}): check "
            "`database` and database_password_file."
        )
    if NOT_READY.search(said):
        return AwayError(f"PostgreSQL at {place} is not ready ({said}): wait for it.")
    if NONE_FREE.search(said):
        return InUseError(f"PostgreSQL at {place} takes no more connections ({said}).")
    return AccessError(
        f"PostgreSQL at {place} does not let the user {user} in ({said}): "
        "check `database`, and what the server wants of whoever comes."
    )


def damaged(place: str, found: str) -> DamagedError:
    """The error for a database whose content is not what was written."""
    return DamagedError(
        f"The database at {place} is damaged ({found}): stop, and bring back a backup, or drop its "
        "schema drsquirrel and start again with an empty one."
    )


def first_line(error: psycopg.Error) -> str:
    """What the server or the client said, in a line without its end."""
    said = (
        error.diag.message_primary or (str(error).strip() or type(error).__name__).splitlines()[0]
    )
    return said.rpartition(" failed: ")[2].replace("FATAL:  ", "FATAL: ").rstrip(". ")
