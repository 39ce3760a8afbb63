"""The database that the settings name, through the commands and a running Dr. Squirrel."""

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec
import psycopg
import pytest

from drsquirrel.database import database_of
from drsquirrel.model.report import JobList
from drsquirrel.settings import Settings
from drsquirrel.store import postgresql_schema, sqlite_schema
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.sqlite import SqliteStore
from tests.commands import ROOT, started
from tests.store import made
from tests.store.server import Server
from tests.store.test_sqlite_schema import DATABASES, restored
from tests.test_cli import here, refused


class Place(NamedTuple):
    """A database for commands: its flags, and the variable that names the password's file."""

    flags: tuple[str, str]
    variables: dict[str, str]


@pytest.fixture
def there(postgres: Server, tmp_path: Path) -> Iterator[Place]:
    access = postgres.access(tmp_path)
    password = tmp_path / "password"
    password.write_text(f"{access.password}\n")
    variables = {"DRS_DATABASE_PASSWORD_FILE": str(password)}
    yield Place(("--database", access.url), variables)
    postgres.take_back()


def test_without_a_word_of_another_database_it_is_sqlite(tmp_path: Path) -> None:
    with closing(database_of(Settings(data_dir=str(tmp_path))).open(Retention())) as store:
        assert isinstance(store, SqliteStore)


def test_who_needs_no_postgresql_does_not_wait_for_its_driver_to_load() -> None:
    loaded = "import drsquirrel.cli, sys; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, check=False).returncode == 0


def test_what_the_settings_name_is_opened(there: Place) -> None:
    settings = Settings(
        database=there.flags[1],
        database_password_file=there.variables["DRS_DATABASE_PASSWORD_FILE"],
    )
    database = database_of(settings)
    assert database.place.startswith("PostgreSQL at 127.0.0.1:")
    with closing(database.open(Retention())) as store:
        assert isinstance(store, PostgresStore)


def test_a_directory_is_checked_and_upgraded(tmp_path: Path) -> None:
    flags = ("--data-dir", tmp_path)
    done = here("db", "check", *flags)
    assert (done.code, done.err) == (0, f"All is well in {tmp_path}, where nothing is yet.\n")
    assert list(tmp_path.iterdir()) == []
    restored(DATABASES / "v1.sql", tmp_path / "drsquirrel.sqlite")
    done = here("db", "check", *flags)
    assert done.code == 1
    needed = len(sqlite_schema.MIGRATIONS)
    assert f"is 1, this release needs {needed}: run `drsquirrel db upgrade`." in done.out
    assert f"was 1 and is {needed} now" in here("db", "upgrade", *flags).err
    assert here("db", "check", *flags).code == 0
    assert "Nothing to do" in here("db", "upgrade", *flags).err
    with closing(SqliteStore(tmp_path, Retention())) as store:
        assert store.memory(made.RUN_ID) == b"memory 5"
        assert here("db", "check", *flags).code == 0, "while it is in use"
        assert "is in use by the process" in refused(2, "db", "upgrade", *flags)
    (tmp_path / "drsquirrel.sqlite").write_text("no database " * 100)
    done = here("db", "check", *flags)
    assert done.code == 1 and "is not a database" in done.out


def test_a_postgresql_is_checked_and_upgraded(there: Place) -> None:
    done = here("db", "check", *there.flags, **there.variables)
    assert (done.code, done.out.count("\n")) == (1, 1)
    assert "fsync is off" in done.out
    done = here("db", "upgrade", *there.flags, **there.variables)
    assert done.code == 0 and f"was 0 and is {len(postgresql_schema.MIGRATIONS)} now" in done.err
    done = here("db", "upgrade", *there.flags, **there.variables)
    assert done.code == 0 and "Nothing to do" in done.err


def test_a_command_says_why_it_cannot_reach_its_database(there: Place, tmp_path: Path) -> None:
    nowhere = ("--database", "postgresql://u@127.0.0.1:1/x")
    assert "does not answer" in refused(3, "db", "check", *nowhere)
    flags = ("--flink", "http://127.0.0.1:1", "--port", 0)
    assert "does not answer" in refused(2, "up", *flags, *nowhere)
    assert "write it to a file" in refused(2, "up", *flags, "--database", "postgresql://u:p@h/x")
    missing = {"DRS_DATABASE_PASSWORD_FILE": str(tmp_path / "none")}
    assert "cannot be read" in refused(2, "up", *flags, *there.flags, **missing)


def test_while_postgresql_hangs_dr_squirrel_lives_and_afterwards_it_goes_on(
    postgres: Server, there: Place, tmp_path: Path
) -> None:
    flags = ("--flink", "http://127.0.0.1:1", "--port", 0, *there.flags)
    with started(tmp_path / "log", "up", *flags, variables=there.variables) as up:
        address = up.wait_for(r"The page: (\S+?)/?\s")
        assert "the history is in PostgreSQL at 127.0.0.1:" in up.err
        jobs = made_list(address)
        assert jobs.made_ms
        with ThreadPoolExecutor(1) as thread:
            postgres.pause()
            try:
                waiting = thread.submit(made_list, address)
                for _ in range(20):
                    assert got(f"{address}/livez", 5) == b"alive\n"
                assert not waiting.done()
            finally:
                postgres.resume()
            assert waiting.result().made_ms >= jobs.made_ms
        assert up.end() == 0
        assert there.variables["DRS_DATABASE_PASSWORD_FILE"] not in up.err
    with psycopg.connect(there.flags[1], password="acorn") as connection:
        runs = connection.execute("SELECT made_ms FROM drsquirrel.job_lists").fetchall()
    assert len(runs) == 1


def test_of_two_on_one_database_the_first_ends(there: Place, tmp_path: Path) -> None:
    flags = ("--flink", "http://127.0.0.1:1", "--port", 0, *there.flags)
    with started(tmp_path / "first", "up", *flags, variables=there.variables) as first:
        first.wait_for("The page: ")
        with started(tmp_path / "second", "up", *flags, variables=there.variables) as second:
            address = second.wait_for(r"The page: (\S+?)/?\s")
            assert first.process.wait(60) == 2
            assert first.err.count("Another Dr. Squirrel on the same database has taken over") == 1
            assert made_list(address).clusters
            assert second.end() == 0


def got(url: str, timeout_s: float) -> bytes:
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:
        return bytes(answer.read())


def made_list(address: str) -> JobList:
    """The list of jobs, as soon as there is one."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return msgspec.json.decode(got(f"{address}/api/v1/jobs", 60), type=JobList)
        except urllib.error.HTTPError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
