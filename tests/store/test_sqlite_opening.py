"""A data directory that cannot be used is refused with one sentence that says what to do."""

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from drsquirrel.store.error import (
    DamagedError,
    DirectoryError,
    DiskError,
    InUseError,
    NewerError,
    NotOursError,
    StoreError,
)
from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE
from tests.store import made

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def refusal(directory: Path, expected: type[StoreError]) -> str:
    """The message with which opening the directory is refused."""
    with pytest.raises(expected) as caught:
        SqliteStore(directory, Retention())
    message = str(caught.value)
    assert str(directory) in message
    assert message.endswith(".")
    assert "\n" not in message
    return message


def written(directory: Path, ticks: int = 20) -> dict[str, object]:
    """Write some ticks to a new store; what it then holds."""
    store = SqliteStore(directory, Retention())
    for number in range(ticks):
        store.write(made.tick(number))
    content = made.everything(store)
    store.close()
    return content


def reopened(directory: Path) -> dict[str, object]:
    store = SqliteStore(directory, Retention())
    content = made.everything(store)
    store.close()
    return content


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A directory in which this process, now not root, may do what any user may."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        if os.geteuid() != 0:
            yield Path(name)
            return
        os.chown(name, NOBODY, -1)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def test_a_directory_that_is_not_there_is_made_for_this_user_alone(tmp_path: Path) -> None:
    written(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_what_is_stored_is_for_this_user_alone_in_a_directory_that_others_may_read(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(1))
    assert len(list(tmp_path.iterdir())) == 4, "database, WAL, its index and the lock"
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}
    store.close()


def test_a_file_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "choose another" in refusal(tmp_path / "data", DirectoryError)


def test_a_directory_that_cannot_be_written_is_refused(ordinary_user: Path) -> None:
    ordinary_user.chmod(0o555)
    assert "Permission denied" in refusal(ordinary_user, DirectoryError)
    assert "this user can write to" in refusal(ordinary_user / "below", DirectoryError)


def test_a_database_that_cannot_be_written_is_refused_and_kept(ordinary_user: Path) -> None:
    before = written(ordinary_user)
    (ordinary_user / DATABASE).chmod(0o444)
    assert "writable for this user" in refusal(ordinary_user, DiskError)
    (ordinary_user / DATABASE).chmod(0o600)
    assert reopened(ordinary_user) == before


def test_a_second_instance_is_refused_and_told_which_process_is_the_first(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path, Retention())
    attempt = (
        "import sys; from pathlib import Path; from drsquirrel.store.interface import Retention; "
        "from drsquirrel.store.sqlite import SqliteStore; "
        "SqliteStore(Path(sys.argv[1]), Retention())"
    )
    command = [sys.executable, "-c", attempt, str(tmp_path)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert f"in use by the process {os.getpid()}: stop that one" in second.stderr
    assert f"the process {os.getpid()}" in refusal(tmp_path, InUseError)
    first.write(made.tick(1))
    first.close()
    assert reopened(tmp_path)["memory"] == b"memory 1"


def test_a_refused_directory_is_free_again(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_text("no database" * 1000)
    refusal(tmp_path, NotOursError)
    (tmp_path / DATABASE).unlink()
    assert reopened(tmp_path)["memory"] is None


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_text("<html>" * 1000)
    assert "is not a database: move it away" in refusal(tmp_path, NotOursError)
    assert (tmp_path / DATABASE).read_text() == "<html>" * 1000


@pytest.mark.parametrize(
    "made_by", ["CREATE TABLE t (x)", "PRAGMA application_id = 7", "PRAGMA user_version = 1"]
)
def test_the_database_of_another_program_is_refused_and_left_alone(
    tmp_path: Path, made_by: str
) -> None:
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute(made_by)
    connection.commit()
    connection.close()
    before = (tmp_path / DATABASE).read_bytes()
    assert "belongs to another program" in refusal(tmp_path, NotOursError)
    assert (tmp_path / DATABASE).read_bytes() == before


def test_a_database_of_a_newer_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    written(tmp_path)
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    before = (tmp_path / DATABASE).read_bytes()
    message = refusal(tmp_path, NewerError)
    assert "its schema is 999" in message
    assert "start that release again, or choose another data directory" in message
    assert (tmp_path / DATABASE).read_bytes() == before


def test_an_empty_file_left_by_a_start_that_was_cut_short_is_filled(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"")
    assert all(written(tmp_path).values())


def test_a_database_another_program_holds_locked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.store.sqlite_opening.BUSY_S", 0.1)
    written(tmp_path)
    other = sqlite3.connect(tmp_path / DATABASE, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "Another program holds" in refusal(tmp_path, InUseError)
    finally:
        other.close()


@pytest.mark.parametrize("keep", [0.3, 0.9])
def test_a_database_that_was_cut_off_is_refused(tmp_path: Path, keep: float) -> None:
    written(tmp_path)
    path = tmp_path / DATABASE
    os.truncate(path, int(path.stat().st_size * keep))
    assert "is damaged" in refusal(tmp_path, DamagedError)
