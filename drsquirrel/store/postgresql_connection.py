"""A connection to PostgreSQL, on which the statements of sql.py run. No wait is without an end."""

import logging
import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from functools import cache, partial
from hashlib import blake2b
from itertools import count, islice
from select import POLLIN, poll
from typing import Any, TypeVar

import psycopg
from psycopg import sql as written
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrDumperUnknown

from drsquirrel.settings import SettingsError
from drsquirrel.store import sql
from drsquirrel.store.connection import Row, Values
from drsquirrel.store.error import AccessError
from drsquirrel.store.postgresql_error import explained, unreached

RV = TypeVar("RV")
# It warns of a rollback on a connection that broke; of that we tell ourselves.
logging.getLogger("psycopg").setLevel(logging.ERROR)
SCHEMA = "drsquirrel"
PORT = 5432
OLDEST = 150_000
CONNECT_S = 5
ANSWER_S = 20.0
"""For one answer, a part of a batch included. After it the connection is given up."""
STATEMENT_S = 15
"""After it the server itself gives up, so that we hear of it."""
LOCK_S = 5
IDLE_IN_TRANSACTION_S = 15
"""After it the server believes no more that we are there, and lets go what we hold."""
PART_ROWS = 500
"""So many rows are sent in one go."""
STREAM_ROWS = 100
TEXT_BYTES = 800
"""Of longer ones the end is a hash: three of them fit into an entry of an index."""
OWN = {
    # The table is divided by the day on which a chunk was written.
    sql.ADD_LOG_CHUNK: """
INSERT INTO log_chunks (subject, first_ms, last_ms, events, body, written_ms)
VALUES (:subject, :first_ms, :last_ms, :events, :body, :written_ms)
""",
}
"""Statements that are others here."""


@dataclass(frozen=True)
class Access:
    """How to reach a database: its address, which holds no password, and the password."""

    url: str
    password: str = ""

    def __post_init__(self) -> None:
        """Raises SettingsError, which repeats nothing of an address that may hold a password."""
        try:
            told = conninfo_to_dict(self.url)
        except psycopg.ProgrammingError:
            told = {}
        is_url = self.url.startswith(("postgresql://", "postgres://"))
        ports = str(told.get("port", PORT)).replace(",", "")
        if not told or not is_url or not ports.isdecimal():
            raise SettingsError(
                "database is no address of PostgreSQL: give postgresql://USER@HOST:PORT/NAME."
            )
        if "password" in told:
            raise SettingsError(
                "There is a password in database, where others can see it: write it to a file, and "
                "name that in database_password_file."
            )

    @property
    def place(self) -> str:
        """Where it is, for whoever is told of it: never a secret."""
        told = conninfo_to_dict(self.url)
        host, port = told.get("host", "localhost"), told.get("port", PORT)
        return f"{host}:{port}/{told.get('dbname', self.user)}"

    @property
    def user(self) -> str:
        return str(conninfo_to_dict(self.url).get("user", "of this process"))


class Patient(psycopg.Connection[Row]):
    """Waits for an answer only so long, whatever keeps the server: its own time-outs need it to be
    alive."""

    has_time = False
    """Whether to wait for as long as it takes."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        if timeout is None and not self.has_time:
            timeout = ANSWER_S
        return super().wait(gen, interval, timeout)


class Text(StrDumperUnknown):
    """What PostgreSQL's texts and indexes can hold: no NUL, and not too much."""

    def dump(self, obj: str) -> Any:
        text = bytes(super().dump(obj.replace("\0", "\ufffd")) or b"")
        if len(text) <= TEXT_BYTES:
            return text
        begin = text[: TEXT_BYTES - 32].decode("utf-8", "ignore")
        return begin.encode() + blake2b(text, digest_size=16).hexdigest().encode()


class PostgresConnection:
    """A connection that can do what the statements need."""

    def __init__(self, access: Access) -> None:
        """Raises StoreError."""
        options = {
            "search_path": SCHEMA,
            "statement_timeout": STATEMENT_S * 1000,
            "lock_timeout": LOCK_S * 1000,
            "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_S * 1000,
        }
        told = str(conninfo_to_dict(access.url).get("options", ""))
        try:
            self.driver = Patient.connect(
                access.url,
                autocommit=True,
                password=access.password or None,
                options=" ".join(
                    [told, *(f"-c {name}={value}" for name, value in options.items())]
                ),
                connect_timeout=CONNECT_S,
                # A machine that is gone says nothing; the kernel asks, and gives up.
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
                tcp_user_timeout=20_000,
                client_encoding="UTF8",
                application_name="drsquirrel",
            )
        except psycopg.Error as error:
            raise unreached(error, access.place, access.user) from error
        try:
            with explained(access.place):
                self._prepare(access.place)
        except BaseException:
            self.driver.close()
            raise
        self._names = map("stream_{}".format, count())

    def _prepare(self, place: str) -> None:
        if self.driver.info.server_version < OLDEST:
            raise AccessError(
                f"PostgreSQL at {place} is too old ({self.driver.info.server_version // 10_000}): "
                f"take {OLDEST // 10_000} or newer."
            )
        encoding = self.driver.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise AccessError(
                f"The database at {place} has the encoding {encoding}: make one with UTF8."
            )
        # Of all sizes in the same way, so that a statement is prepared once.
        self.driver.adapters.register_dumper(int, Int8BinaryDumper)
        self.driver.adapters.register_dumper(str, Text)
        # Where it is off, what was acknowledged could be lost.
        self.driver.execute(
            "SELECT set_config(name, 'on', false) FROM pg_settings "
            "WHERE name = 'synchronous_commit' AND setting = 'off'"
        )

    @property
    def is_usable(self) -> bool:
        """Whether it is between two transactions, as far as is known here."""
        return self.driver.info.transaction_status == TransactionStatus.IDLE

    @property
    def is_still_there(self) -> bool:
        """Whether the server, which has nothing to say now, has not said good-bye."""
        news = poll()
        news.register(self.driver, POLLIN)
        return not news.poll(0)

    def close(self) -> None:
        self.driver.close()

    def execute(self, statement: str, values: Values = (), /) -> psycopg.Cursor[Row]:
        return self.driver.execute(here(statement), values, binary=True)

    def executemany(self, statement: str, rows: Iterable[Values], /) -> None:
        with self.driver.cursor() as cursor:
            for part in _parts(rows):
                cursor.executemany(here(statement), part)

    def each(self, statement: str, rows: Iterable[Values], /) -> list[list[Row]]:
        found: list[list[Row]] = []
        with self.driver.cursor(binary=True) as cursor:
            for part in _parts(rows):
                cursor.executemany(here(statement), part, returning=True)
                found += [result.fetchall() for result in cursor.results()]
        return found

    def stream(self, statement: str, values: Values, /) -> Generator[Row, None, None]:
        with (
            self.driver.transaction(),
            self.driver.cursor(next(self._names), binary=True) as cursor,
        ):
            cursor.itersize = STREAM_ROWS
            cursor.execute(here(statement), values)
            yield from cursor


@cache
def here(statement: str) -> written.SQL:
    """A statement of sql.py with the placeholders of the driver."""
    text = OWN.get(statement, statement).replace("?", "%s")
    return written.SQL(re.sub(r":(\w+)", r"%(\1)s", text))


def _parts(rows: Iterable[Values]) -> Iterable[list[Values]]:
    """The rows are made before the waiting begins: that takes its time too."""
    remaining = iter(rows)
    return iter(partial(lambda: list(islice(remaining, PART_ROWS))), [])
