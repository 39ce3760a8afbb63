"""A PostgreSQL that cannot be used is refused with one sentence that says what to do."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from demo.port import free_port
from drsquirrel.settings import SettingsError
from drsquirrel.store import postgresql_schema
from drsquirrel.store.error import (
    AccessError,
    AwayError,
    DamagedError,
    DiskError,
    InUseError,
    NewerError,
    NotOursError,
    OlderError,
    StoreError,
)
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresDatabase, PostgresStore
from drsquirrel.store.postgresql_connection import Access, PostgresConnection
from drsquirrel.store.postgresql_error import unreached
from tests.store import made
from tests.store.server import Server


@pytest.fixture
def access(postgres: Server, tmp_path: Path) -> Iterator[Access]:
    yield postgres.access(tmp_path)
    postgres.take_back()


def refusal(access: Access, expected: type[StoreError]) -> str:
    """The message with which opening the database is refused."""
    with pytest.raises(expected) as caught:
        PostgresStore(access, Retention())
    return whole(caught.value, access)


def whole(error: BaseException, access: Access) -> str:
    message = str(error)
    assert access.place in message and message.endswith("."), message
    assert "\n" not in message and "  " not in message, message
    assert "s3cret" not in message, message
    return message


def shortcomings(access: Access) -> str:
    return " ".join(PostgresDatabase(access).check().wrong)


def administer(postgres: Server, access: Access, *statements: str) -> None:
    with postgres.admin(access.url.rpartition("/")[2]) as admin:
        for statement in statements:
            admin.execute(statement.encode())


def reopened(access: Access) -> dict[str, object]:
    with closing(PostgresStore(access, Retention())) as store:
        return made.everything(store)


def written(access: Access) -> dict[str, object]:
    with closing(PostgresStore(access, Retention())) as store:
        for number in range(5):
            store.write(made.tick(number))
        return made.everything(store)


def test_a_server_that_is_away_is_told_with_its_address() -> None:
    access = Access(f"postgresql://u@127.0.0.1:{free_port()}/x", "hidden")
    message = refusal(access, AwayError)
    assert "does not answer" in message and "Connection refused" in message


@pytest.mark.parametrize(
    "said",
    [
        "starting up",
        "shutting down",
        "in recovery mode",
        "not accepting connections",
        "not yet accepting connections",
    ],
)
def test_a_server_that_is_not_up_yet_is_to_be_waited_for(said: str) -> None:
    error = psycopg.OperationalError(
        f'connection to server at "10.0.0.1" failed: FATAL:  the database system is {said}'
    )
    told = unreached(error, "10.0.0.1:5432/x", "u")
    assert isinstance(told, AwayError) and str(told).endswith(f"is {said}): wait for it.")


def test_a_host_without_an_address_is_told() -> None:
    assert "check the address" in refusal(Access("postgresql://u@no.invalid/x", "p4ss"), AwayError)


@pytest.mark.parametrize("password", ["", "s3cret"])
def test_a_wrong_or_missing_password_is_told(access: Access, password: str) -> None:
    message = refusal(replace(access, password=password), AccessError)
    assert "check `database` and database_password_file" in message


def test_a_database_that_is_not_there_is_told(access: Access) -> None:
    nowhere = replace(access, url=f"{access.url}_nowhere")
    assert "There is no such database" in refusal(nowhere, AccessError)


def test_a_user_who_may_not_make_the_schema_is_told_how_to_get_it(
    postgres: Server, access: Access
) -> None:
    administer(postgres, access, "CREATE ROLE poor LOGIN PASSWORD 'acorn'")
    poor = replace(access, url=access.url.replace("squirrel@", "poor@"))
    assert "permission denied" in refusal(poor, AccessError)
    assert "CREATE SCHEMA drsquirrel AUTHORIZATION poor" in shortcomings(poor)
    administer(postgres, access, "CREATE SCHEMA drsquirrel AUTHORIZATION poor")
    assert "AUTHORIZATION" not in shortcomings(poor)
    assert all(written(poor).values())
    administer(
        postgres, access, "DROP SCHEMA drsquirrel CASCADE", "DROP OWNED BY poor", "DROP ROLE poor"
    )


def test_a_user_who_may_not_write_is_told_and_nothing_is_lost(
    postgres: Server, access: Access
) -> None:
    before = written(access)
    administer(
        postgres,
        access,
        "CREATE ROLE reader LOGIN PASSWORD 'acorn'",
        "GRANT USAGE ON SCHEMA drsquirrel TO reader",
        "GRANT SELECT ON ALL TABLES IN SCHEMA drsquirrel TO reader",
    )
    reader = replace(access, url=access.url.replace("squirrel@", "reader@"))
    with closing(PostgresStore(reader, Retention())) as store:
        with pytest.raises(AccessError, match="permission denied") as caught:
            store.write(made.tick(6))
        whole(caught.value, access)
        assert made.everything(store) == before
    assert "does not belong to reader" in shortcomings(reader)
    administer(postgres, access, "DROP OWNED BY reader", "DROP ROLE reader")


def test_a_schema_of_another_program_is_refused_and_left_alone(
    postgres: Server, access: Access
) -> None:
    administer(postgres, access, "CREATE SCHEMA drsquirrel", "CREATE TABLE drsquirrel.runs (x INT)")
    assert "belongs to another program" in refusal(access, NotOursError)
    administer(postgres, access, "SELECT x FROM drsquirrel.runs")


def test_a_database_of_a_newer_release_is_refused_and_left_alone(
    postgres: Server, access: Access
) -> None:
    written(access)
    administer(postgres, access, "UPDATE drsquirrel.schema_version SET number = 999")
    message = refusal(access, NewerError)
    assert "its schema is 999" in message and "start that release again" in message
    with pytest.raises(NewerError):
        PostgresDatabase(access).upgrade()


def test_a_database_of_an_older_release_waits_for_its_upgrade(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = written(access)
    later = (*postgresql_schema.MIGRATIONS, "ALTER TABLE memories ADD note TEXT")
    monkeypatch.setattr(postgresql_schema, "MIGRATIONS", later)
    assert "run `drsquirrel db upgrade`" in refusal(access, OlderError)
    database = PostgresDatabase(access)
    assert database.check().needed == database.check().version + 1 == len(later)
    database.upgrade()
    assert database.check().needed == database.check().version == len(later)
    assert reopened(access) == before


def test_a_writer_notices_that_the_database_was_upgraded_under_it(
    postgres: Server, access: Access
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(1))
        administer(postgres, access, "UPDATE drsquirrel.schema_version SET number = number + 1")
        with pytest.raises(NewerError):
            store.write(made.tick(2))
        assert store.memory(made.RUN_ID) == b"memory 1"


def test_a_server_that_does_not_sync_is_told_by_a_check(access: Access) -> None:
    (wrong,) = PostgresDatabase(access).check().wrong
    assert "fsync is off" in wrong and "set it to on" in wrong


def test_a_commit_is_waited_for_even_where_the_server_would_not(
    postgres: Server, access: Access
) -> None:
    name = access.url.rpartition("/")[2]
    administer(postgres, access, f"ALTER DATABASE {name} SET synchronous_commit = off")
    with closing(PostgresConnection(access)) as connection:
        assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
    administer(postgres, access, f"ALTER DATABASE {name} RESET synchronous_commit")


def test_a_database_without_unicode_is_refused(postgres: Server, access: Access) -> None:
    administer(
        postgres,
        access,
        "CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    )
    latin = replace(access, url=postgres.url("latin"))
    assert "has the encoding LATIN1: make one with UTF8" in refusal(latin, AccessError)


def test_a_database_that_is_read_only_is_told_and_works_again_afterwards(
    postgres: Server, access: Access
) -> None:
    name = access.url.rpartition("/")[2]
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(1))
        read_only = f"ALTER DATABASE {name} SET default_transaction_read_only = on"
        administer(postgres, access, read_only)
        store.close()  # as if the connections had broken
        with pytest.raises(DiskError, match="read-only") as caught:
            store.write(made.tick(2))
        whole(caught.value, access)
        with postgres.admin() as admin:
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only".encode())
        store.close()  # as if the connections had broken
        store.write(made.tick(2))
        assert store.memory(made.RUN_ID) == b"memory 2"


def test_a_server_without_a_free_connection_is_told(postgres: Server, access: Access) -> None:
    name = access.url.rpartition("/")[2]
    with closing(PostgresStore(access, Retention())):
        administer(
            postgres,
            access,
            "CREATE ROLE lonely LOGIN PASSWORD 'acorn' CONNECTION LIMIT 0",
            f"GRANT ALL ON DATABASE {name} TO lonely",
        )
        lonely = replace(access, url=access.url.replace("squirrel@", "lonely@"))
        assert "takes no more connections" in refusal(lonely, InUseError)
    administer(postgres, access, "DROP OWNED BY lonely", "DROP ROLE lonely")


def test_a_table_that_is_gone_is_damage(postgres: Server, access: Access) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        administer(postgres, access, "DROP TABLE drsquirrel.reports")
        with pytest.raises(DamagedError, match="reports") as caught:
            store.report(made.RUN_ID)
        whole(caught.value, access)


def test_a_damaged_body_is_an_error_for_readers_and_for_the_writer(
    postgres: Server, access: Access
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(1))
        administer(
            postgres,
            access,
            "UPDATE drsquirrel.log_chunks SET body = '\\x00'",
            "UPDATE drsquirrel.snapshots SET body = '\\x00'",
        )
        for broken in (
            lambda: store.logs(made.RUN_ID),
            lambda: list(store.load_hour(made.CLUSTER, 0)),
            lambda: store.write(made.tick(1)),
        ):
            with pytest.raises(DamagedError) as caught:
                broken()
            whole(caught.value, access)
        assert store.memory(made.RUN_ID) == b"memory 1", "the rest can still be read"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mysql://u@h/x", "is no address of PostgreSQL"),
        ("postgresql://u@h:port/x", "is no address of PostgreSQL"),
        ("host=h dbname=x", "is no address of PostgreSQL"),
        ("postgresql://u@h/x?colour=red", "is no address of PostgreSQL"),
        ("postgresql://u:s3cret@h/x", "write it to a file"),
        ("postgresql://u@h/x?password=s3cret", "write it to a file"),
    ],
)
def test_an_address_that_cannot_be_is_refused_without_repeating_it(url: str, sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence) as caught:
        Access(url)
    assert "s3cret" not in str(caught.value)


def test_a_name_of_a_job_that_postgresql_cannot_hold_is_stored_as_near_as_it_can(
    access: Access,
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        long = "ü" * 100_000
        for number, name in enumerate(("nul\0nul", long, long + "x")):
            store.write(replace(made.tick(number), runs=(made.run(f"{number:032x}", name=name),)))
        names = sorted(run.seen.name for run in store.runs(made.CLUSTER))
        assert names[0] == "nul\ufffdnul"
        assert names[1] != names[2] and {len(n.encode()) for n in names[1:]} == {800}
