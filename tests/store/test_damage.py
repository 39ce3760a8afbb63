"""Damage to the file is either without effect or an error: nothing is silently lost or changed."""

import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from drsquirrel.store.body import packed
from drsquirrel.store.error import DamagedError, DiskError, NewerError, NotOursError, StoreError
from drsquirrel.store.interface import Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE
from tests.store import made

FLIPS = 300
HEADER_BYTES = 100


def read_all(directory: Path) -> dict[str, object]:
    store = SqliteStore(directory, Retention())
    try:
        return made.everything(store)
    finally:
        store.close()


def test_a_flipped_bit_is_noticed_or_changes_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    for number in range(40):
        store.write(made.tick(number))
    expected = made.everything(store)
    store.close()
    whole = (tmp_path / DATABASE).read_bytes()
    dice = random.Random(7)
    outcomes: Counter[str] = Counter()
    for number in range(FLIPS):
        place = dice.randrange(len(whole) if number % 5 else HEADER_BYTES)
        bad = bytearray(whole)
        bad[place] ^= 1 << dice.randrange(8)
        (tmp_path / DATABASE).write_bytes(bad)
        try:
            assert read_all(tmp_path) == expected, f"bit flipped in byte {place}"
            outcomes["nothing"] += 1
        except (DamagedError, NotOursError, NewerError) as error:
            outcomes[type(error).__name__] += 1
    assert outcomes["DamagedError"] > FLIPS // 10, outcomes


def test_a_torn_page_is_noticed_unless_the_torn_half_was_unused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    for number in range(40):
        store.write(made.tick(number))
    expected = made.everything(store)
    store.close()
    whole = (tmp_path / DATABASE).read_bytes()
    unused = 0
    for start in range(4096, len(whole), 4096):
        # The first half of a page was written, the rest is what the disk had there.
        torn = whole[: start + 2048] + b"\xa5" * 2048 + whole[start + 4096 :]
        (tmp_path / DATABASE).write_bytes(torn)
        try:
            assert read_all(tmp_path) == expected
            unused += 1
        except DamagedError as error:
            assert "move it away" in str(error)
    assert unused < len(whole) // 4096 // 4


def test_a_torn_end_of_the_wal_costs_only_what_was_never_acknowledged(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a", Retention())
    for number in range(3):
        store.write(made.tick(number))
    expected = made.everything(store)
    wal = tmp_path / "a" / f"{DATABASE}-wal"
    acknowledged = wal.stat().st_size
    store.write(made.tick(3))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / DATABASE).write_bytes((tmp_path / "a" / DATABASE).read_bytes())
    torn = wal.read_bytes()
    store.close()
    for size in (acknowledged, acknowledged + 5000, len(torn) - 1):
        (tmp_path / "b" / wal.name).write_bytes(torn[:size])
        assert read_copy(tmp_path / "b") == expected


def read_copy(directory: Path) -> dict[str, object]:
    """What the store holds; the files are put back as they were."""
    before = (directory / DATABASE).read_bytes()
    content = read_all(directory)
    (directory / DATABASE).write_bytes(before)
    return content


def test_a_database_deleted_while_in_use_is_noticed_by_the_next_write(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(1))
    (tmp_path / DATABASE).unlink()
    with pytest.raises(DiskError, match="deleted or replaced"):
        store.write(made.tick(2))
    (tmp_path / DATABASE).write_bytes(b"")
    with pytest.raises(DiskError, match="deleted or replaced"):
        store.write(made.tick(3))
    store.close()


def test_a_column_that_is_gone_is_damage_and_not_a_bug_of_ours(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store._writer.execute("ALTER TABLE reports RENAME COLUMN body TO bodx")
    with pytest.raises(DamagedError, match="no such column"):
        store.report(made.RUN_ID)
    store.close()


def test_a_table_whose_name_is_no_text_any_more_is_damage(tmp_path: Path) -> None:
    SqliteStore(tmp_path, Retention()).close()
    connection = sqlite3.connect(tmp_path / DATABASE)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET name = CAST(x'72FF' AS TEXT), sql = 'CREATE ?'")
    connection.commit()
    connection.close()
    with pytest.raises(DamagedError, match="malformed database schema"):
        SqliteStore(tmp_path, Retention())


def test_a_disk_that_becomes_read_only_is_told(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(1))
    store._writer.execute("PRAGMA query_only = ON")
    with pytest.raises(DiskError, match="writable for this user"):
        store.write(made.tick(2))
    assert store.memory(made.RUN_ID) == b"memory 1"
    store.close()


def test_a_mistake_of_ours_is_not_called_damage(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    with pytest.raises(sqlite3.IntegrityError), store._transaction() as connection:
        connection.execute("INSERT INTO jobs VALUES (1, NULL, NULL)")
    store.close()


def test_a_body_that_is_not_what_its_row_says_is_damage(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(1))
    store._writer.execute("UPDATE job_facts SET body = ?", (packed(b'{"cluster": 1}'),))
    with pytest.raises(DamagedError, match="cluster"):
        store.job_facts(made.RUN_ID)
    store.close()


def test_a_damaged_row_is_an_error_for_readers_and_for_the_writer(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    store.write(made.tick(1))
    store._writer.execute("UPDATE log_chunks SET body = zeroblob(9)")
    store._writer.execute("UPDATE reports SET body = zeroblob(9)")
    reads = (lambda: store.logs(made.RUN_ID), lambda: store.report(made.RUN_ID))
    for read in reads:
        with pytest.raises(DamagedError):
            read()
    with pytest.raises(StoreError):
        store.write(made.tick(1))
    assert store.memory(made.RUN_ID) == b"memory 1", "the rest can still be read"
    store.close()
