"""Lines wait for their run, and for the store; none is lost while either is away."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from msgspec.structs import replace

from drsquirrel import log_lines
from drsquirrel.collect.kafka.source import Read
from drsquirrel.deep import WAITS_MS
from drsquirrel.log_lines import KNOWN_MS, LOOK_UPS, UNKNOWN_MS, Hearing, LogLines
from drsquirrel.model.event import ChangeEvent, Event, LogEvent, Message
from drsquirrel.store.error import AwayError
from drsquirrel.store.interface import Batch, Offset, Retention, Store
from drsquirrel.store.sqlite import SqliteStore
from tests.simulation import WallClock
from tests.store import made
from tests.store.made import CLUSTER, JOB, RUN_ID, START_MS
from tests.test_kafka_watch_reading import Fed, until

TOPIC = ("flink-logs", 0)


class Starts:
    """What the store knows; it may be away."""

    def __init__(self) -> None:
        self.known: dict[str, list[int]] = {}
        self.is_away = False
        self.asked = 0

    def __call__(self, cluster: str, job: str) -> list[int]:
        self.asked += 1
        if self.is_away:
            raise AwayError("It does not answer.")
        return self.known.get(job, [])


def line(number: int, job: str = JOB) -> LogEvent:
    return replace(made.log(number, f"line {number}"), job=job, start_ms=0)


def hear(hearing: Hearing, *events: Message, now_ms: int = START_MS) -> list[Event]:
    return hearing.hear(CLUSTER, [(e.time_ms, e) for e in events], now_ms)


def test_a_line_waits_for_its_run_and_is_dropped_if_nobody_ever_lists_it() -> None:
    starts = Starts()
    hearing = Hearing(starts)
    assert hear(hearing, line(1), line(2, "unknown")) == []
    assert hearing.waiting() == {CLUSTER: START_MS}
    starts.known[JOB] = [START_MS]
    later_ms = START_MS + UNKNOWN_MS + 1
    assert [e.start_ms for e in hear(hearing, now_ms=later_ms)] == [START_MS]
    assert hear(hearing, now_ms=START_MS + WAITS_MS + 1) == []
    assert hearing.waiting() == {} and hearing.dropped == {"unknown run": 1}


def test_the_store_is_asked_once_about_a_job_in_a_while() -> None:
    starts = Starts()
    starts.known[JOB] = [START_MS]
    hearing = Hearing(starts)
    for number in range(5):
        assert len(hear(hearing, line(number), now_ms=START_MS + number)) == 1
    assert starts.asked == 1
    hear(hearing, line(5), now_ms=START_MS + KNOWN_MS + 1)
    assert starts.asked == 2


def test_while_the_store_is_away_nothing_more_is_read_and_nothing_waits_in_vain() -> None:
    starts = Starts()
    hearing = Hearing(starts)
    hear(hearing, line(1))
    assert not hearing.is_full()
    starts.is_away = True
    later_ms = START_MS + 10 * WAITS_MS
    assert hear(hearing, now_ms=later_ms) == [] and hearing.is_full()
    starts.is_away, starts.known[JOB] = False, [START_MS]
    assert len(hear(hearing, now_ms=later_ms + 1)) == 1
    assert not hearing.is_full() and not hearing.dropped


def test_jobs_that_nobody_lists_are_asked_about_by_turns() -> None:
    starts = Starts()
    hearing = Hearing(starts)
    jobs = [f"job {number}" for number in range(5 * LOOK_UPS)]
    hear(hearing, *(line(n, job) for n, job in enumerate(jobs)))
    for second in range(1, 5):
        assert starts.asked == second * LOOK_UPS
        hear(hearing, now_ms=START_MS + second * 1_000)
    assert len(hearing._known) == len(jobs)


def test_only_lines_are_heard() -> None:
    change = made.change(1)
    assert isinstance(change, ChangeEvent)
    assert hear(Hearing(Starts()), replace(change, job=""), replace(line(1), job="")) == [
        replace(line(1), job="")
    ]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path, Retention())
    opened.write(Batch(time_ms=START_MS, runs=(made.run(JOB, name="orders"),)))
    yield opened
    opened.close()


class Failing:
    """A store that takes nothing for some time."""

    def __init__(self, store: SqliteStore, times: int) -> None:
        self.starts = store.starts
        self._store = store
        self._times = times

    def write(self, batch: Batch) -> None:
        if self._times:
            self._times -= 1
            raise AwayError("It does not answer.")
        self._store.write(batch)


async def test_lines_are_stored_with_their_offsets_once_the_store_takes_them(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(log_lines, "WRITE_EVERY_MS", 50)
    reads = [Read({CLUSTER: [(line(n).time_ms, line(n))]}, {TOPIC: n + 1}) for n in range(3)]
    failing = Failing(store, 3)
    with ThreadPoolExecutor(1) as thread:
        lines = LogLines(Fed(*reads), cast(Store, failing), WallClock(), thread)
        task = asyncio.create_task(lines.run())
        await until(lambda: lines.says)
        assert lines.says == "It does not answer."
        await until(lambda: store.offsets() == [Offset(*TOPIC, 3)])
        await until(lambda: not lines.says)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    stored = store.logs(RUN_ID).events
    assert [e.message for e in stored] == ["line 2", "line 1", "line 0"]
    assert caplog.text.count("It does not answer.") == 1
