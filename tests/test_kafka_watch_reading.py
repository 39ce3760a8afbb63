"""Reading from Kafka goes on: whatever breaks, however much there is, wherever we are killed."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from msgspec.structs import replace

from drsquirrel.app import App
from drsquirrel.cluster import Watch
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import Partition, Read
from drsquirrel.database import retention
from drsquirrel.desk import Desk
from drsquirrel.kafka_watch import BROKE, OWED_BYTES, KafkaWatch
from drsquirrel.model.event import Event, LogEvent, Message, MetricReport, Origin
from drsquirrel.on_desk import RunDesk
from drsquirrel.settings import Cluster, Kafka, Settings
from drsquirrel.store.error import DiskError
from drsquirrel.store.interface import Batch, Offset
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.watch.limit import LIMITS
from tests.simulation import RULES, WallClock

ENOUGH_S = 30.0
HOPE_S = 0.01


class Fed:
    """A source of what it is given; then it waits."""

    def __init__(self, *reads: Read | Exception) -> None:
        self.refused: Counter[str] = Counter()
        self.dead_letters = cast(DeadLetters, type("Nothing", (), {"counts": Counter[str]()}))
        self.reads = deque(reads)

    def read(self, timeout_s: float) -> Read:
        if not self.reads:
            time.sleep(HOPE_S)
            return Read()
        found = self.reads.popleft()
        if isinstance(found, Exception):
            raise found
        return found

    def lag(self) -> dict[Partition, int]:
        return {}

    def close(self) -> None:
        pass


sequence = count()


def line(text: str, cluster: str = "a", job: str = "") -> LogEvent:
    return LogEvent(
        origin=Origin(cluster=cluster, producer="plugin", epoch="p", sequence=next(sequence)),
        time_ms=WallClock().now_ms(),
        level="WARN",
        logger="l",
        message=text,
        job=job,
    )


def report(cluster: str, job: str = "j", container: str = "") -> MetricReport:
    origin = Origin(cluster=cluster, producer="plugin", epoch="p", sequence=1, container=container)
    return MetricReport(origin=origin, time_ms=WallClock().now_ms(), job=job, job_name="orders")


def read(*messages: Message, next_: int = 1) -> Read:
    found = Read(offsets={("t", 0): next_})
    for message in messages:
        arrival = WallClock().now_ms(), message
        found.arrivals.setdefault(message.origin.cluster, []).append(arrival)
    return found


def desk(*clusters: str) -> Desk:
    found = Desk(RULES)
    for cluster in clusters or ("a",):
        found.add_cluster(cluster, 10_000, False, asks_rest=False)
    return found


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(ENOUGH_S):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(HOPE_S)


async def in_desk(call: Callable[[], None]) -> None:
    call()


async def nothing() -> None:
    pass


async def read_by(
    watch: KafkaWatch,
    holds: Callable[[], object],
    after: Callable[[], Awaitable[None]] = nothing,
) -> None:
    task = asyncio.create_task(watch.run(in_desk, after))
    try:
        await until(lambda: task.done() or holds())
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class Breaking(Desk):
    """It breaks on a message that says so."""

    def hear(
        self, cluster: str, arrivals: Iterable[tuple[int, Message]], now_ms: int
    ) -> list[Event]:
        arrived = [*arrivals]
        if any(isinstance(m, LogEvent) and m.message == "evil" for _, m in arrived):
            raise ZeroDivisionError
        return super().hear(cluster, arrived, now_ms)


async def test_a_message_that_breaks_what_takes_it_is_lost_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    breaking = Breaking(RULES)
    for cluster in ("a", "b"):
        breaking.add_cluster(cluster, 10_000, False)
    evil = read(line("good"), line("evil"), line("better"), line("of b", "b"), next_=7)
    watch = KafkaWatch(Fed(evil, evil), breaking, WallClock(), print)
    await read_by(watch, lambda: watch.read_total == 8)
    owed = watch.take_owed()
    assert sorted({e.message for e in owed.logs}) == ["better", "good", "of b"]
    assert owed.offsets == (Offset("t", 0, 7),), "it is not read again"
    assert breaking.dropped == {"it broke what takes it": 2}
    assert [r.levelname for r in caplog.records] == ["ERROR"], "which tells where, and once"


async def test_a_source_that_breaks_is_read_again(caplog: pytest.LogCaptureFixture) -> None:
    source = Fed(RuntimeError("once"), ZeroDivisionError(), read(line("good")))
    of_desk = desk()
    watch = KafkaWatch(source, of_desk, WallClock(), print)
    said: list[str] = []
    task = asyncio.create_task(watch.run(in_desk, nothing))
    await until(lambda: said.append(of_desk.kafka_says) or watch.read_total)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert BROKE in said and of_desk.kafka_says == ""
    assert len(caplog.records) == 1


async def test_what_is_owed_is_bounded_in_memory() -> None:
    text = "x" * LIMITS.text_chars
    each = OWED_BYTES // 3 // len(text)
    source = Fed(*(read(*(line(text) for _ in range(each))) for _ in range(9)))
    watch = KafkaWatch(source, desk(), WallClock(), print)
    looks = 0

    async def after() -> None:
        nonlocal looks
        looks += watch.read_total == 3 * each

    await read_by(watch, lambda: looks > 1, after)
    assert (watch.read_total, len(source.reads)) == (3 * each, 6)
    assert watch.owes_much
    assert len(watch.take_owed().logs) == 3 * each and not watch.owes_much
    await read_by(watch, lambda: watch.read_total == 6 * each)


class Life:
    """The app on a store, reading what it is given; its clusters have no REST address."""

    def __init__(self, directory: Path, *clusters: str) -> None:
        of = tuple(Cluster(name=cluster) for cluster in clusters)
        settings = Settings(cluster=of, kafka=Kafka(brokers="k:9092"), poll_interval_s=0.2)
        self.store = SqliteStore(directory, retention(settings))
        self.thread = ThreadPoolExecutor(1)
        self.app = App(settings, desk(), self.store, WallClock(), self.thread)
        for cluster in clusters:
            self.app.add(cluster, None)

    @asynccontextmanager
    async def reading(self, source: Fed) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.app.read(source))
        try:
            yield task
        finally:
            assert not task.done(), task
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def read(self, source: Fed, holds: Callable[[], object]) -> None:
        async with self.reading(source) as task:
            await until(lambda: task.done() or holds())

    def close(self) -> None:
        self.thread.shutdown()
        self.app.finish()
        self.store.close()


async def test_a_look_that_breaks_ends_neither_the_reading_nor_the_others_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judge = Desk.judge

    def breaking(self: Desk, cluster: str, now_ms: int) -> list[RunDesk]:
        if cluster == "a":
            raise ZeroDivisionError
        return judge(self, cluster, now_ms)

    monkeypatch.setattr(Desk, "judge", breaking)
    life = Life(tmp_path, "a", "b")
    source = Fed(read(report("a"), report("b")))
    await life.read(source, lambda: life.store.runs("b") and len(caplog.records) > 1)
    life.close()
    assert {r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR} == {
        "a look at cluster a broke off"
    }


async def test_a_look_that_breaks_is_not_made_again_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def breaking(self: Desk, cluster: str, found: object) -> None:
        looks.append(cluster)
        raise ZeroDivisionError

    monkeypatch.setattr(Desk, "take", breaking)
    life = Life(tmp_path, "a")
    watch = life.app._watches["a"]
    assert isinstance(watch, Watch)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await watch.look_alone()
        assert await watch.look_alone() is None
        await asyncio.sleep(0.25)
    assert looks == ["a"] * 3
    life.close()


async def test_while_nothing_can_be_stored_kafka_keeps_what_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.kafka_watch.OWED_MAX", 40)
    monkeypatch.setattr("drsquirrel.kafka_watch.READ_S", 0.1)
    monkeypatch.setattr("drsquirrel.app.SNAPSHOT_EVERY_MS", 100)
    monkeypatch.setattr("drsquirrel.app.OWED_BATCHES", 3)
    life = Life(tmp_path, "a")
    write, broken = life.store.write, True
    tried = 0

    def breaking(batch: Batch) -> None:
        nonlocal tried
        tried += 1
        if broken:
            raise DiskError("full")
        write(batch)

    monkeypatch.setattr(life.store, "write", breaking)
    source = Fed(
        read(report("a")),
        *(
            read(*(line(f"{n}-{i}" * (i + 1), job="j") for i in range(10)), next_=n)
            for n in range(1, 31)
        ),
    )
    async with life.reading(source):
        await until(lambda: tried > 8)
        assert len(source.reads) >= 20, "what is owed has room for some only"
        assert sum(len(batch.logs) for batch in life.app._owed) <= 50
        assert len(life.app._owed) == 3, "looks are lost, what came through Kafka is not"
        broken = False
        await until(lambda: life.store.offsets() == [Offset("t", 0, 30)])
    [run] = life.store.runs("a")
    told = life.store.logs(run.id, 1_000).events
    assert len(told) == 300, "all that was sent"
    life.close()


async def test_what_is_told_at_an_impossible_time_is_stored_with_the_rest(tmp_path: Path) -> None:
    life = Life(tmp_path, "a")
    far: list[Any] = [10**15, -(10**15), 10**17, 2**62]
    source = Fed(
        read(*(replace(report("a", f"j{n}"), time_ms=ms) for n, ms in enumerate(far))),
        read(report("a")),
        read(*(replace(line("x" * n, job="j"), time_ms=ms) for n, ms in enumerate(far)), next_=9),
    )
    await life.read(source, lambda: len(life.store.runs("a")) == 5 and not source.reads)
    life.close()
    again = Life(tmp_path, "a")
    assert again.store.offsets() == [Offset("t", 0, 9)]
    run = next(run for run in again.store.runs("a") if run.seen.job == "j")
    told = again.store.logs(run.id, 10).events
    assert len(told) == 4
    assert max(abs(e.time_ms - WallClock().now_ms()) for e in told) < 60_000
    again.close()
