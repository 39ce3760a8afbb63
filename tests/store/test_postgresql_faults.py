"""What PostgreSQL acknowledged stays, whatever is killed, hangs or is full; no wait is endless."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from demo.port import free_port
from drsquirrel.store import postgresql_connection
from drsquirrel.store.error import AwayError, DiskError, InUseError, StoreError
from drsquirrel.store.interface import Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.postgresql_connection import Access
from tests.store import made
from tests.store.made import CLUSTER, RUN_ID
from tests.store.server import Server
from tests.store.test_crash import assert_whole, write_until_killed
from tests.store.test_full_disk import fill, large

PATIENCE_S = 10.0
"""More than any wait may take here, with much room for a busy machine."""


@pytest.fixture
def access(postgres: Server, tmp_path: Path) -> Iterator[Access]:
    yield postgres.access(tmp_path / "data")
    postgres.take_back()


def test_kills_of_the_writer_lose_nothing_and_tear_nothing(
    postgres: Server, access: Access, tmp_path: Path
) -> None:
    password = tmp_path / "password"
    password.write_text(access.password)
    moments = random.Random(20261124)
    last = -1
    for _ in range(5):
        count, then_s = moments.randint(1, 20), moments.uniform(0, 0.02)
        acknowledged = write_until_killed(
            access.url, last + 1, count, then_s, PASSWORD_FILE=str(password)
        )
        with closing(PostgresStore(access, Retention())) as store:
            last = len(store.failures(RUN_ID, 10_000)) - 1
            assert last in (acknowledged, acknowledged + 1), "only the one in flight may be too"
            assert_whole(store, last)


def writes_through(store: PostgresStore, postgres: Server, kills: int) -> int:
    """Write ticks while the server is killed again and again, each until it is acknowledged; how
    many."""
    moments = random.Random(20261130)
    number = 0
    for _ in range(kills):
        killer = threading.Timer(moments.uniform(0, 0.2), postgres.kill)
        killer.start()
        refused = None
        while refused is None:
            try:
                store.write(made.tick(number, logs=40))
                number += 1
            except StoreError as error:
                refused = error
        killer.join()
        assert isinstance(refused, AwayError), refused
        with pytest.raises(AwayError):
            store.report(RUN_ID)
        postgres.start()
        store.write(made.tick(number, logs=40))
        number += 1
    return number


@pytest.mark.parametrize("kills", [pytest.param(3), pytest.param(10, marks=pytest.mark.alone)])
def test_kills_of_the_server_lose_nothing_and_the_store_comes_back_by_itself(
    postgres: Server, access: Access, kills: int
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        written = writes_through(store, postgres, kills)
        assert_whole(store, written - 1)


@contextmanager
def hanging(server: Server) -> Iterator[None]:
    server.pause()
    try:
        yield
    finally:
        server.resume()


def test_a_server_that_hangs_lets_nobody_wait_for_ever_and_loses_nothing(
    postgres: Server, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(0))
        before = made.everything(store)
        with hanging(postgres), monkeypatch.context() as impatient:
            impatient.setattr(postgresql_connection, "ANSWER_S", 0.5)
            impatient.setattr(postgresql_connection, "CONNECT_S", 2)
            for waiting in (
                lambda: store.write(made.tick(1)),
                lambda: store.report(RUN_ID),
                lambda: list(store.load_hour(CLUSTER, 0)),
                lambda: PostgresStore(access, Retention()),
                lambda: store.write(made.tick(1)),
            ):
                began = time.monotonic()
                with pytest.raises(AwayError, match="does not answer"):
                    waiting()
                assert time.monotonic() - began < PATIENCE_S
        assert made.everything(store) == before
        store.write(made.tick(1))
        assert store.memory(RUN_ID) == b"memory 1"


def test_a_lock_that_another_program_holds_is_not_waited_for_for_ever(
    postgres: Server, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "LOCK_S", 0.2)
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(0))
        with postgres.admin(access.url.rpartition("/")[2]) as admin:
            admin.autocommit = False
            admin.execute("LOCK TABLE drsquirrel.reports")
            with pytest.raises(InUseError, match="lock timeout"):
                store.write(made.tick(1))
            with pytest.raises(InUseError, match="lock timeout"):
                store.report(RUN_ID)
            admin.rollback()
        assert store.memory(RUN_ID) == b"memory 0"
        store.write(made.tick(1))
        assert store.memory(RUN_ID) == b"memory 1"


def test_an_hour_that_is_not_read_to_its_end_gives_its_connection_back(access: Access) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(0))
        for _ in range(20):
            hour = store.load_hour(CLUSTER, 0)
            next(hour)
            hour.close()  # type: ignore[attr-defined]
        assert len(store._readers) == 1


@pytest.fixture
def small_disk(postgres: Server, access: Access) -> Iterator[Path]:
    """A file system of 8 MiB, on which the database of `access` makes its tables."""
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        pytest.skip("only root can mount a file system")
    place, name = postgres.folder / "small", access.url.rpartition("/")[2]
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m,mode=777", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    tables = place / "tables"
    tables.mkdir()
    owner = postgres.folder.stat()
    os.chown(tables, owner.st_uid, owner.st_gid)
    with postgres.admin() as admin:
        admin.execute(f"CREATE TABLESPACE small LOCATION '{tables}'".encode())
        admin.execute(f"ALTER DATABASE {name} SET default_tablespace = small".encode())
    yield place
    postgres.take_back()
    with postgres.admin() as admin:
        admin.execute(f"ALTER DATABASE {name} RESET default_tablespace".encode())
        admin.execute("DROP TABLESPACE small")
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_loses_nothing_and_is_used_again_when_there_is_space(
    small_disk: Path, access: Access
) -> None:
    with closing(PostgresStore(access, Retention())) as store:
        store.write(made.tick(0))
        before = made.everything(store)
        ballast = small_disk / "ballast"
        fill(ballast)
        for _ in range(2):
            with pytest.raises(DiskError, match="is full: free some space"):
                store.write(large(1))
        assert made.everything(store) == before
        ballast.unlink()
        store.write(large(1))
        assert len(store.logs(RUN_ID, 2_000).events) == 1_003


def test_nobody_waits_for_a_machine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgresql_connection, "CONNECT_S", 2)
    began = time.monotonic()
    with pytest.raises(AwayError):
        PostgresStore(Access(f"postgresql://u@192.0.2.1:{free_port()}/x"), Retention())
    assert time.monotonic() - began < PATIENCE_S
