"""Services while one of them, or what they stand on, is killed: nothing is lost or doubled."""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from demo.broker import Broker
from demo.postgres import OLDEST, programs
from drsquirrel.app import SNAPSHOT_EVERY_MS
from drsquirrel.model.event import CheckpointEvent, LogEvent, MetricReport, Origin, Values, tables
from drsquirrel.model.event import encoder as event_encoder
from drsquirrel.model.snapshot import Rollup, Subject, encoder
from drsquirrel.watch.limit import LIMITS
from drsquirrel.watch.piece import Arrived, pieces
from drsquirrel.watch.window import Minutes, add
from tests.conftest import missing, need_maven
from tests.kills import KILLS, note
from tests.store.server import Server
from tests.test_instance import CLUSTERS, Serving, Shared, sharing, until
from tests.watch.made import subtask

pytestmark = [pytest.mark.flink, pytest.mark.alone, pytest.mark.timeout(3_600)]
CONTAINERS = ("tm-0", "tm-1", "tm-2", "tm-3")
EPOCH = "p"
PACE_S = 0.5
AGAIN = 0.3
"""So often what was told before is told again, as the watcher does after a kill of its own."""
ALL = 1_000_000
BETWEEN_S = SNAPSHOT_EVERY_MS / 1000
"""At most, from the end of one recovery to the next kill: what grows is written so often, and a
kill shall meet that at any moment."""
RECOVERED_S = 200.0


class Telling:
    """Tells of all clusters, on and on: each process's report of its run and of itself, a
    checkpoint and a log line of each run. All of the n-th time has the number n."""

    def __init__(self, shared: Shared, brokers: str) -> None:
        self.number = self.snapshots = 0
        self.minutes: defaultdict[Subject, Minutes] = defaultdict(dict)
        """What was told, as one process would have it."""
        self._shared = shared
        self._random = Random(6)
        self._before: deque[tuple[str, bytes, str]] = deque(maxlen=200)
        self._failed: list[Any] = []
        self._producer = Producer(
            {
                "bootstrap.servers": brokers,
                "partitioner": "murmur2_random",
                "enable.idempotence": True,
            }
        )

    async def run(self) -> None:
        while True:
            self._tell(self.number + 1)
            self.number += 1
            await asyncio.sleep(PACE_S)

    async def acknowledged(self) -> None:
        """Wait until all that was told is."""
        assert await asyncio.to_thread(self._producer.flush, RECOVERED_S) == 0
        assert not self._failed

    def _tell(self, number: int) -> None:
        for cluster, flink in self._shared.flinks.items():
            [job] = flink.jobs
            now_ms = flink.now_ms
            arrived = [Arrived(now_ms, now_ms, e) for e in _told(cluster, job.jid, number, now_ms)]
            for piece in pieces(arrived)[0].values():
                self.snapshots += 1
                merge(self.minutes, piece.rollups)
                self._send("job-snapshots", encoder.encode(piece), cluster)
            line = LogEvent(
                origin=_origin(cluster, number, "tm-0"),
                time_ms=now_ms,
                level="WARN",
                logger="com.shop.Ledger",
                message=f"slow {number}",
                job=job.jid,
            )
            self._send("flink-logs", event_encoder.encode(line), "tm-0")
            while self._random.random() < AGAIN:
                self._send(*self._random.choice(self._before))
        self._producer.poll(0)

    def _send(self, topic: str, value: bytes, key: str) -> None:
        self._before.append((topic, value, key))
        self._producer.produce(
            self._shared.prefix + topic, value, key=key, on_delivery=self._delivered
        )

    def _delivered(self, error: Any, _: Any) -> None:
        if error is not None:
            self._failed.append(error)


def _origin(cluster: str, sequence: int, container: str) -> Origin:
    return Origin(
        cluster=cluster, producer="plugin", epoch=EPOCH, sequence=sequence, container=container
    )


def _told(
    cluster: str, job: str, number: int, now_ms: int
) -> Iterable[MetricReport | CheckpointEvent]:
    for index, container in enumerate(CONTAINERS):
        origin = _origin(cluster, number, container)
        of_run = tables([subtask(index, numRecordsIn=number)])
        yield MetricReport(origin=origin, time_ms=now_ms, tables=of_run, job=job)
        of_process = tables([Values({"Status.JVM.Memory.Heap.Used": number})])
        yield MetricReport(origin=origin, time_ms=now_ms, tables=of_process)
    yield CheckpointEvent(
        origin=_origin(cluster, number, ""), time_ms=now_ms, job=job, id=number, status="COMPLETED"
    )


def merge(minutes: defaultdict[Subject, Minutes], rollups: Iterable[Rollup]) -> None:
    """Merge rollups into the minutes of their subjects; all starts of a job are one."""
    for rollup in rollups:
        subject = replace(rollup.subject, start_ms=0)
        add(minutes[subject], replace(rollup, subject=subject), LIMITS)


class Found(NamedTuple):
    """What the store has of what was told up to a number."""

    lost: int
    """Reports, checkpoints and lines."""
    doubled: int
    """Checkpoints and lines, of any number."""
    differing: list[tuple[Subject, int]]
    """Minutes of which it says something else than was told up to now."""


def found(shared: Shared, telling: Telling, number: int) -> Found:
    wanted = set(range(1, number + 1))
    minutes: defaultdict[Subject, Minutes] = defaultdict(dict)
    lost = doubled = 0
    with shared.store() as store:
        for cluster, flink in shared.flinks.items():
            for snapshot in store.load_hour(cluster, 0):
                merge(minutes, snapshot.rollups)
            [job] = flink.jobs
            subjects = [Subject(cluster=cluster, job=job.jid)]
            subjects += [Subject(cluster=cluster, container=c) for c in CONTAINERS]
            for subject in subjects:
                seen = _seen(minutes[subject])
                of = [subject.container] if subject.container else CONTAINERS
                lost += sum(len(wanted - seen[container]) for container in of)
            for run in store.runs(cluster):
                lines = store.logs(run.id, ALL)
                assert lines.complete
                told = [e.origin.sequence for e in lines.events for _ in range(e.count)]
                ids = [checkpoint.id for checkpoint in store.checkpoints(run.id, ALL)]
                for numbers in (told, ids):
                    lost += len(wanted - set(numbers))
                    doubled += sum(Counter(numbers).values()) - len(set(numbers))
    differing = [
        (subject, minute)
        for subject, of_subject in telling.minutes.items()
        for minute, rollup in of_subject.items()
        if _ours(minutes[subject].get(minute)) != _ours(rollup)
    ]
    return Found(lost, doubled, differing)


def _seen(minutes: Minutes) -> defaultdict[str, set[int]]:
    found: defaultdict[str, set[int]] = defaultdict(set)
    for rollup in minutes.values():
        for seen in rollup.seen:
            if seen.epoch == EPOCH:
                found[seen.container].update(range(seen.first, seen.last + 1))
    return found


def _ours(rollup: Rollup | None) -> object:
    """What we told of a minute, beside what REST did: its reports, and the values of its tracks."""
    if rollup is None:
        return None
    return (
        [seen for seen in rollup.seen if seen.epoch == EPOCH],
        [track for track in rollup.tracks if track.key.epoch == EPOCH],
    )


class Services:
    """Two that serve; whichever is killed is started again, as whoever looks after them would."""

    def __init__(self, shared: Shared, stack: AsyncExitStack) -> None:
        self.running: list[Serving] = []
        self._shared = shared
        self._stack = stack
        self._started = 0

    async def start(self) -> None:
        self._started += 1
        serving = self._shared.serving(f"service-{self._started}")
        self.running.append(await self._stack.enter_async_context(serving))

    async def kill_one(self, random: Random) -> None:
        killed = self.running.pop(random.randrange(len(self.running)))
        killed.process.process.kill()
        await asyncio.to_thread(killed.process.process.wait)
        await self.start()


class Place(NamedTuple):
    """Where the services are, and what they stand on."""

    shared: Shared
    services: Services
    broker: Broker
    postgres: Server


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    need_maven()
    if programs() is None:
        missing(f"no PostgreSQL {OLDEST} or newer is here: it is not tested as the database")
    with Broker() as broker, Server({"fsync": "on"}) as postgres:
        async with sharing(broker, "kills-", postgres, tmp_path) as shared, AsyncExitStack() as end:
            yield Place(shared, Services(shared, end), broker, postgres)


async def kill_instance(place: Place, random: Random) -> None:
    await place.services.kill_one(random)


async def kill_postgresql(place: Place, random: Random) -> None:
    place.postgres.kill()
    await asyncio.sleep(random.uniform(0, 5))
    await asyncio.to_thread(place.postgres.start)


async def kill_broker(place: Place, random: Random) -> None:
    await asyncio.to_thread(place.broker.kill)
    await asyncio.sleep(random.uniform(0, 5))
    await asyncio.to_thread(place.broker.start)


@pytest.mark.parametrize("kill", [kill_instance, kill_postgresql, kill_broker])
async def test_after_each_kill_all_that_was_told_is_stored_once(
    kill: Callable[[Place, Random], Awaitable[None]], place: Place
) -> None:
    shared, random = place.shared, Random(kill.__name__)
    telling = Telling(shared, place.broker.address)
    last = Found(0, 0, [])

    async def stored(number: int) -> None:
        async def all_is_there() -> bool:
            nonlocal last
            last = await asyncio.to_thread(found, shared, telling, number)
            return not last.lost

        try:
            await until(all_is_there, RECOVERED_S)
        except AssertionError:
            raise AssertionError(f"of {number}: {last.lost} are not stored") from None
        assert not last.doubled

    for _ in range(2):
        await place.services.start()
    task = asyncio.create_task(telling.run())
    await stored(telling.number)
    recovered_s = []
    for _ in range(KILLS):
        await asyncio.sleep(random.uniform(0, BETWEEN_S))
        killed_s = time.monotonic()
        await kill(place, random)
        await stored(telling.number)
        recovered_s.append(time.monotonic() - killed_s)
        print(f"{kill.__name__}: all of {telling.number} after {recovered_s[-1]:.1f} s")
        assert not task.done()
    task.cancel()
    await telling.acknowledged()
    await stored(telling.number)
    for serving in place.services.running:
        assert await asyncio.to_thread(serving.process.end) == 0
        assert "Traceback" not in serving.process.err
    last = await asyncio.to_thread(found, shared, telling, telling.number)
    note(
        f"services: {kill.__name__.removeprefix('kill_')}",
        recovered_s,
        snapshots=telling.snapshots,
        reports=telling.number * len(CLUSTERS) * len(CONTAINERS) * 2,
        checkpoints=telling.number * len(CLUSTERS),
        lines=telling.number * len(CLUSTERS),
        lost=last.lost,
        doubled=last.doubled,
        minutes_differing=len(last.differing),
    )
    assert last == Found(0, 0, [])
