"""A PostgreSQL database of every release works with this one; a migration that fails leaves the
old version."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from drsquirrel.store import postgresql_connection, postgresql_schema
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresDatabase, PostgresStore
from drsquirrel.store.postgresql_connection import Access, PostgresConnection
from drsquirrel.store.postgresql_days import make_days
from tests.store import made
from tests.store.server import Server

DATABASES = Path(__file__).parent / "postgresql_databases"
"""v1.sql and so on: Server.dump of a database with ticks 0 to 5, made by that version's release."""
DUMPS = sorted(DATABASES.iterdir())


@pytest.fixture
def lent(postgres: Server, tmp_path: Path) -> Iterator[tuple[Access, Access]]:
    """Two empty databases."""
    yield postgres.access(tmp_path / "a"), postgres.access(tmp_path / "b")
    postgres.take_back()


def restore(postgres: Server, dump: Path, access: Access) -> None:
    with postgres.admin(access.url.rpartition("/")[2]) as admin:
        admin.execute(dump.read_bytes())


def written(access: Access) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        for number in range(6):
            store.write(made.tick(number))


def test_there_is_a_database_of_every_version() -> None:
    versions = range(1, len(postgresql_schema.MIGRATIONS) + 1)
    assert [p.name for p in DUMPS] == [f"v{number}.sql" for number in versions]


@pytest.mark.parametrize("dump", DUMPS, ids=lambda p: p.stem)
def test_a_database_of_an_earlier_release_holds_what_it_held(
    postgres: Server, lent: tuple[Access, Access], dump: Path
) -> None:
    old, new = lent
    restore(postgres, dump, old)
    assert PostgresDatabase(old).check().version == int(dump.stem[1:])
    PostgresDatabase(old).upgrade()
    written(new)
    found = []
    for access in lent:
        with closing(PostgresStore(access, Retention())) as store:
            store.write(made.tick(6))
            found.append(made.everything(store))
    assert found[0] == found[1]
    assert found[0]["memory"] == b"memory 6"


@pytest.mark.parametrize("dump", DUMPS, ids=lambda p: p.stem)
def test_a_released_migration_is_never_changed(
    postgres: Server, lent: tuple[Access, Access], dump: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = lent
    restore(postgres, dump, old)
    released = postgresql_schema.MIGRATIONS[: int(dump.stem[1:])]
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", released)
    PostgresDatabase(new).upgrade()
    with closing(PostgresConnection(new)) as connection:
        for number in range(6):
            make_days(connection, made.tick(number))
    shapes = [postgres.dump(access, "--schema-only") for access in lent]
    assert shapes[0] == shapes[1]


def test_a_later_migration_finds_the_data_and_runs_once(
    postgres: Server, lent: tuple[Access, Access], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = lent
    restore(postgres, DUMPS[0], old)
    note = "ALTER TABLE memories ADD note TEXT NOT NULL DEFAULT 'old'"
    later = (*postgresql_schema.MIGRATIONS, note)
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", later)
    for _ in range(2):
        PostgresDatabase(old).upgrade()
        assert PostgresDatabase(old).check().version == len(later)
        with postgres.admin(old.url.rpartition("/")[2]) as admin:
            assert admin.execute("SELECT note FROM drsquirrel.memories").fetchall() == [("old",)]


def test_a_migration_that_fails_half_way_leaves_the_old_version_whole(
    postgres: Server, lent: tuple[Access, Access], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, _ = lent
    restore(postgres, DUMPS[0], old)
    before = postgres.dump(old)
    bad = "DROP TABLE memories; CREATE TABLE more (x INT); SELECT no_such_function()"
    later = (*postgresql_schema.MIGRATIONS, bad)
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", later)
    with pytest.raises(psycopg.errors.UndefinedFunction):
        PostgresDatabase(old).upgrade()
    assert postgres.dump(old) == before


def test_a_migration_may_take_longer_than_any_other_answer(
    lent: tuple[Access, Access], monkeypatch: pytest.MonkeyPatch
) -> None:
    database = PostgresDatabase(lent[0])
    database.upgrade()
    later = (*postgresql_schema.MIGRATIONS, "SELECT pg_sleep(3)")
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", later)
    monkeypatch.setattr(postgresql_connection, "ANSWER_S", 1.0)
    database.upgrade()
    assert database.check().version == len(later)
