"""In PostgreSQL what fills the disk lies in a table for each day, and goes by whole days."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from drsquirrel.model.snapshot import WINDOW_MS
from drsquirrel.store.interface import DAY_MS, HOUR_MS, Batch, Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.postgresql_days import USED_BYTES
from tests.store import made
from tests.store.made import CLUSTER, RUN_ID, START_MS
from tests.store.server import Server

STEPS = 100


@pytest.fixture
def store(postgres: Server, tmp_path: Path) -> Iterator[PostgresStore]:
    store = postgres.open(tmp_path, Retention())
    yield store
    store.close()
    postgres.take_back()


def days(store: PostgresStore, table: str) -> list[str]:
    with store._reading() as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid "
            "WHERE inhparent = CAST(? AS REGCLASS) ORDER BY 1",
            (table,),
        ).fetchall()
    return [name.removeprefix(f"{table}_") for (name,) in rows]


def expire_all(store: PostgresStore, now_ms: int) -> None:
    for _ in range(STEPS):
        if not store.expire(now_ms):
            return
    raise AssertionError("expire never comes to an end")


def of_day(number: int, text: str = "") -> Batch:
    time_ms = START_MS + number * DAY_MS
    snapshot = made.snapshot(time_ms, operator=text)
    event = made.log(number, text or "x", time_ms)
    return Batch(time_ms=time_ms, snapshots=(snapshot,), logs=(event,))


def test_each_day_is_made_when_something_of_it_comes(store: PostgresStore) -> None:
    for number in (0, 0, 2, 1):
        store.write(of_day(number))
    expected = ["2027_01_15", "2027_01_16", "2027_01_17"]
    assert days(store, "snapshots") == days(store, "log_chunks") == expected


def test_a_window_of_an_earlier_day_finds_its_day(store: PostgresStore) -> None:
    midnight_ms = START_MS - START_MS % DAY_MS
    windows = [midnight_ms - WINDOW_MS, midnight_ms]
    store.write(Batch(time_ms=START_MS, snapshots=tuple(made.snapshot(w) for w in windows)))
    assert days(store, "snapshots") == ["2027_01_14", "2027_01_15"]
    assert [s.window_ms for s in store.load_hour(CLUSTER, midnight_ms - 1)] == windows


def test_a_log_line_lies_in_the_day_on_which_it_came_whatever_its_clock_says(
    store: PostgresStore,
) -> None:
    lines = tuple(made.log(n, time_ms=n * DAY_MS) for n in range(1, 50))
    store.write(Batch(time_ms=START_MS, logs=lines))
    assert days(store, "log_chunks") == ["2027_01_15"]
    assert store.logs(RUN_ID).events == lines[::-1]


def test_a_day_goes_as_a_whole_when_all_of_it_is_too_old(store: PostgresStore) -> None:
    for number in range(4):
        store.write(of_day(number))
    midnight_ms = START_MS - START_MS % DAY_MS
    expire_all(store, midnight_ms + 3 * DAY_MS - 1)
    assert days(store, "snapshots") == ["2027_01_16", "2027_01_17", "2027_01_18"]
    expire_all(store, midnight_ms + 3 * DAY_MS)
    assert days(store, "snapshots") == ["2027_01_17", "2027_01_18"]
    assert len(days(store, "log_chunks")) == 4
    expire_all(store, midnight_ms + 5 * DAY_MS)
    assert days(store, "log_chunks") == ["2027_01_17", "2027_01_18"]


def used_bytes(store: PostgresStore) -> int:
    with store._reading() as connection:
        ((used,),) = connection.execute(USED_BYTES).fetchall()
    return int(used)


@pytest.mark.parametrize(
    ("too_much", "snapshots", "logs"),
    [
        pytest.param(0, 10, 10, id="nothing of what fits"),
        pytest.param(5, 5, 10, id="snapshots first"),
        pytest.param(9 + 7, 1, 3, id="then logs"),
        pytest.param(20, 1, 1, id="never what is of the last hour"),
    ],
)
def test_a_database_that_is_too_large_loses_its_oldest_days(
    postgres: Server, tmp_path: Path, too_much: int, snapshots: int, logs: int
) -> None:
    keep = Retention(snapshots_ms=100 * DAY_MS, logs_ms=100 * DAY_MS)
    with closing(postgres.open(tmp_path, keep)) as store:
        empty = used_bytes(store)
        for number in range(10):
            store.write(of_day(number, os.urandom(500_000).hex()))
        full = used_bytes(store)
        table_bytes = (full - empty) / 20
        store._retention = replace(keep, max_bytes=int(full - (too_much - 0.5) * table_bytes))
        expire_all(store, START_MS + 9 * DAY_MS + HOUR_MS)
        left = len(days(store, "snapshots")), len(days(store, "log_chunks"))
    postgres.take_back()
    assert left == (snapshots, logs)


def test_a_day_that_somebody_reads_is_dropped_the_next_time(
    store: PostgresStore,
) -> None:
    store.write(of_day(0))
    with psycopg.connect(
        store._access.url, password=store._access.password, options="-c search_path=drsquirrel"
    ) as reader:
        reader.execute("SELECT * FROM snapshots")
        assert not store.expire(START_MS + 2 * DAY_MS)
        assert days(store, "snapshots") == ["2027_01_15"]
    expire_all(store, START_MS + 2 * DAY_MS)
    assert days(store, "snapshots") == []


def test_two_processes_make_the_same_day_at_the_same_time(
    store: PostgresStore, postgres: Server, tmp_path: Path
) -> None:
    together = threading.Barrier(2)

    def write(other: PostgresStore) -> None:
        for number in range(10):
            together.wait(30)
            other.write(of_day(number))

    with closing(postgres.open(tmp_path, Retention())) as other, ThreadPoolExecutor(2) as threads:
        for written in [threads.submit(write, s) for s in (store, other)]:
            written.result()
    assert len(days(store, "snapshots")) == 10
    assert len(store.logs(RUN_ID).events) == 10
