"""A database of every release opens in this one; a migration that fails leaves the old version."""

import sqlite3
from pathlib import Path

import pytest

from drsquirrel.store.error import NotOursError
from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE
from drsquirrel.store.sqlite_schema import APPLICATION_ID, MIGRATIONS, migrate
from tests.store import made

DATABASES = Path(__file__).parent / "databases"
"""v1.sql and so on: the dump of a database with ticks 0 to 5, made by that version's release."""


def restored(dump: Path, database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.executescript(dump.read_text())
    connection.executescript(
        f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {dump.stem[1:]}"
    )
    connection.close()


def version(connection: sqlite3.Connection) -> int:
    ((number,),) = connection.execute("PRAGMA user_version")
    return int(number)


def shape(connection: sqlite3.Connection) -> list[tuple[str, ...]]:
    return connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name"
    ).fetchall()


def test_there_is_a_database_of_every_version() -> None:
    assert sorted(p.name for p in DATABASES.iterdir()) == [
        f"v{number}.sql" for number in range(1, len(MIGRATIONS) + 1)
    ]


@pytest.mark.parametrize("dump", sorted(DATABASES.iterdir()), ids=lambda p: p.stem)
def test_a_database_of_an_earlier_release_holds_what_it_held(dump: Path, tmp_path: Path) -> None:
    restored(dump, tmp_path / DATABASE)
    old = SqliteStore(tmp_path, Retention())
    new = SqliteStore(tmp_path / "new", Retention())
    for number in range(6):
        new.write(made.tick(number))
    for store in (old, new):  # which tells both what the old release did not know yet
        store.write(made.tick(6))
    assert made.everything(old) == made.everything(new)
    assert old.memory(made.RUN_ID) == b"memory 6"
    old.close()
    new.close()


@pytest.mark.parametrize("dump", sorted(DATABASES.iterdir()), ids=lambda p: p.stem)
def test_a_released_migration_is_never_changed(dump: Path, tmp_path: Path) -> None:
    restored(dump, tmp_path / "old")
    old, new = sqlite3.connect(tmp_path / "old"), sqlite3.connect(tmp_path / "new")
    migrate(new, tmp_path / "new", MIGRATIONS[: version(old)])
    assert shape(old) == shape(new)
    old.close()
    new.close()


def test_a_later_migration_finds_the_data_and_runs_once(tmp_path: Path) -> None:
    restored(DATABASES / "v1.sql", tmp_path / "db")
    connection = sqlite3.connect(tmp_path / "db")
    later = (*MIGRATIONS, "ALTER TABLE memories ADD note TEXT NOT NULL DEFAULT 'old'")
    for _ in range(2):
        migrate(connection, tmp_path / "db", later)
        assert version(connection) == len(later)
        assert connection.execute("SELECT note FROM memories").fetchall() == [("old",)]
    connection.close()


def test_a_migration_that_fails_half_way_leaves_the_old_version_whole(tmp_path: Path) -> None:
    restored(DATABASES / "v1.sql", tmp_path / "db")
    connection = sqlite3.connect(tmp_path / "db")
    before = shape(connection)
    bad = (MIGRATIONS[0], "DROP TABLE memories; CREATE TABLE more (x); SELECT no_such_function()")
    with pytest.raises(sqlite3.OperationalError, match="no_such_function"):
        migrate(connection, tmp_path / "db", bad)
    assert version(connection) == 1
    assert shape(connection) == before
    connection.close()


def test_a_database_of_nobody_with_tables_is_not_ours(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "db")
    connection.execute("CREATE TABLE runs (id)")
    with pytest.raises(NotOursError):
        migrate(connection, tmp_path / "db")
    connection.close()
