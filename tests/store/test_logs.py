"""Log events come back newest first and once, whether they lie in full chunks or in the tail."""

import random
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.model.event import LogEvent
from drsquirrel.store import logs
from drsquirrel.store.body import BodyError, packed
from drsquirrel.store.interface import Batch, Store
from drsquirrel.store.logs import CHUNK_EVENTS
from drsquirrel.store.sqlite_opening import SqliteConnection, open_writer
from drsquirrel.store.sqlite_schema import migrate
from tests.store import made
from tests.store.made import RUN_ID


def write(store: Store, events: list[LogEvent], per_batch: int) -> None:
    for start in range(0, len(events), per_batch):
        store.write(Batch(time_ms=start, logs=tuple(events[start : start + per_batch])))


def test_events_of_chunks_and_tail_come_newest_first(store: Store) -> None:
    events = [made.log(n) for n in range(CHUNK_EVENTS * 3 + 7)]
    shuffled = random.Random(1).sample(events, len(events))
    write(store, shuffled, 60)
    assert list(store.logs(RUN_ID, limit=len(events)).events) == events[::-1]


def test_a_page_says_whether_there_is_more(store: Store) -> None:
    write(store, [made.log(n) for n in range(5)], 5)
    assert not store.logs(RUN_ID, limit=4).complete
    assert store.logs(RUN_ID, limit=5).complete


def test_a_search_that_stops_at_its_bound_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, [made.log(n) for n in range(CHUNK_EVENTS * 3)], CHUNK_EVENTS)
    monkeypatch.setattr("drsquirrel.store.reading.SCAN_CHUNKS", 2)
    page = store.logs(RUN_ID, limit=CHUNK_EVENTS * 3)
    assert len(page.events) == CHUNK_EVENTS * 2
    assert not page.complete


def test_events_that_arrive_again_or_late_are_kept_once(store: Store) -> None:
    events = [made.log(n) for n in range(CHUNK_EVENTS * 2)]
    late = made.log(9_999, time_ms=events[100].time_ms)
    write(store, [*events, *events[10:700], late, late], 90)
    found = store.logs(RUN_ID, limit=10_000).events
    assert len(found) == len(events) + 1
    assert late in found


@pytest.mark.parametrize("first", ["tm-1", "tm-2"])
def test_two_containers_may_say_the_same_at_the_same_time(store: Store, first: str) -> None:
    twins = [made.log(1, container=c) for c in ("tm-1", "tm-2")]
    write(store, twins if first == "tm-1" else twins[::-1], 1)
    assert list(store.logs(RUN_ID).events) == twins[::-1]


HOSTILE = ["x", "a\nb", 'say "no"', "back\\slash", "ü\u2028é", '{"level":', "tab\there", "\u007f"]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(HOSTILE) | st.text('\n\\"{:ab', max_size=6), max_size=12),
    st.text('\n\\"{:ab', max_size=3) | st.sampled_from([*HOSTILE, "message", "level", "u00"]),
)
def test_a_search_finds_what_a_plain_comparison_finds(messages: list[str], needle: str) -> None:
    connection = sqlite3.connect(":memory:", factory=SqliteConnection)
    migrate(connection, Path("memory"))
    events = [made.log(n, message) for n, message in enumerate(messages)]
    if events:
        logs.add(connection, {"run": events}, 0)
    chunks = connection.execute("SELECT last_ms, body FROM log_chunks")
    found = list(logs.newest_first(chunks, needle))
    connection.close()
    assert found == [e for e in reversed(events) if needle in e.message or needle in e.logger]


def test_a_search_looks_into_throwables_too(store: Store) -> None:
    event = LogEvent(
        origin=made.origin(1, "tm-1"),
        time_ms=1,
        level="ERROR",
        logger="org.X",
        message="failed",
        throwable="java.io.IOException: disk\n\tat org.Y.read(Y.java:7)",
        job=made.JOB,
        start_ms=made.START_MS,
    )
    write(store, [event], 1)
    assert store.logs(RUN_ID, contains="disk\n\tat org.Y").events == (event,)
    assert store.logs(RUN_ID, contains="throwable").events == ()


def test_full_chunks_hold_the_same_number_and_the_tail_is_less_than_one(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "db")
    for start in range(0, 5_000, 70):
        logs.add(connection, {"run": [made.log(n) for n in range(start, start + 70)]}, 0)
    sizes = [n for (n,) in connection.execute("SELECT events FROM log_chunks ORDER BY id")]
    connection.close()
    tail = [n for n in sizes if n != CHUNK_EVENTS]
    assert sum(sizes) == 72 * 70
    assert sum(tail) < CHUNK_EVENTS < sum(sizes) - sum(tail)


def test_a_damaged_chunk_is_an_error_and_not_a_gap() -> None:
    for body in (b"not zstd", packed(b"not JSON")):
        with pytest.raises(BodyError):
            list(logs.newest_first([(1, body)], ""))
