"""Several processes share the work, on a real Kafka and a real PostgreSQL."""

import asyncio
import re
import signal
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.collect.kafka.shares import partition_of
from drsquirrel.model.event import CheckpointEvent, LogEvent, Origin, Values
from drsquirrel.model.event import encoder as event_encoder
from drsquirrel.model.report import JobList, LogList, Report
from drsquirrel.model.snapshot import MINUTE_MS, Snapshot, encoder
from drsquirrel.snapshot_desk import OLDEST_MS, UNTOLD_MINUTES
from drsquirrel.store.interface import Retention, Store
from drsquirrel.watch.piece import Arrived, pieces
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.collect.yarn.simulated import APPLICATION, simulated_yarn
from tests.commands import Started, started
from tests.simulation import WallClock
from tests.store.server import Server
from tests.watch.made import report, subtask

pytestmark = [pytest.mark.flink, pytest.mark.timeout(300)]
T = TypeVar("T")
CLUSTERS = ("alpha", "beta", "gamma")
PARTITIONS = 4
ENOUGH_S = 60.0
TAKES_OVER_S = 30.0
"""Promised."""


class Shared:
    """Some clusters, a Kafka and a database, and what is started on them."""

    def __init__(self, broker: Broker, prefix: str, postgres: Server, folder: Path) -> None:
        self.prefix = prefix
        self.flinks: dict[str, Simulated] = {}
        self.folder = folder
        self.heard: tuple[str, ...] = ()
        """Clusters without REST."""
        self.yarn = ""
        self._access = postgres.access(folder)
        self._open: Callable[[], Store] = lambda: postgres.open(folder, Retention())
        self._brokers = broker.address
        self._producer = Producer(
            {"bootstrap.servers": broker.address, "linger.ms": 0, "partitioner": "murmur2_random"}
        )
        make_topics(broker.address, prefix, PARTITIONS)

    def settings(self) -> Path:
        password = self.folder / "password"
        password.write_text(self._access.password)
        file = self.folder / "settings.toml"
        tables = "".join(
            f'[[cluster]]\nname = "{name}"\nurl = "{flink.url}"\n'
            for name, flink in self.flinks.items()
        )
        tables += "".join(f'[[cluster]]\nname = "{name}"\n' for name in self.heard)
        tables += f'[[yarn]]\nurl = "{self.yarn}"\n' if self.yarn else ""
        file.write_text(
            f'database = "{self._access.url}"\ndatabase_password_file = "{password}"\n'
            f'poll_interval_s = 2\n[kafka]\nbrokers = "{self._brokers}"\n'
            f'topic_prefix = "{self.prefix}"\ngroup = "{self.prefix}serve"\n{tables}'
        )
        return file

    @asynccontextmanager
    async def serving(self, name: str) -> AsyncIterator["Serving"]:
        flags = ("--config", self.settings(), "--port", 0)
        with started(self.folder / f"{name}.log", "serve", *flags) as process:
            address = await asyncio.to_thread(process.wait_for, r"The page: (\S+?)/?\s")
            yield Serving(process, address)

    def tell(self, cluster: str, *snapshots: Snapshot) -> None:
        for snapshot in snapshots:
            topic = f"{self.prefix}job-snapshots"
            self._producer.produce(topic, encoder.encode(snapshot), key=cluster)
        assert self._producer.flush(10) == 0

    def log(self, event: LogEvent) -> None:
        self._producer.produce(f"{self.prefix}flink-logs", event_encoder.encode(event), key="tm")
        assert self._producer.flush(10) == 0

    def store(self) -> closing[Store]:
        return closing(self._open())


class Serving:
    """A process that serves."""

    def __init__(self, process: Started, address: str) -> None:
        self.process = process
        self._address = address

    async def get(self, path: str, type_: type[T]) -> T:
        return msgspec.json.decode(await self.read(path), type=type_)

    async def read(self, path: str) -> bytes:
        def read() -> bytes:
            with urllib.request.urlopen(self._address + path, timeout=10) as answer:
                return bytes(answer.read())

        return await asyncio.to_thread(read)

    async def watched(self) -> dict[str, int]:
        """The clusters that are ours, and how often we have looked at each."""
        text = (await self.read("/metrics")).decode()
        found = re.findall(r'^drsquirrel_rounds_total\{cluster="(.+)"\} (\d+)', text, re.M)
        return {name: int(rounds) for name, rounds in found}

    async def report(self, job: str) -> Report:
        jobs = await self.get("/api/v1/jobs", JobList)
        [row] = [row for row in jobs.jobs if row.job.name == job]
        return await self.get(f"/api/v1/runs/{row.run.id}/report", Report)

    def signal(self, number: int) -> None:
        self.process.process.send_signal(number)


async def until(holds: Callable[[], Any], enough_s: float = ENOUGH_S) -> float:
    """After how many seconds it holds."""
    began_s = time.monotonic()
    while not await holds():
        assert time.monotonic() - began_s < enough_s
        await asyncio.sleep(0.2)
    return time.monotonic() - began_s


@asynccontextmanager
async def sharing(
    broker: Broker, prefix: str, postgres: Server, folder: Path
) -> AsyncIterator[Shared]:
    async with AsyncExitStack() as stack:
        made = Shared(broker, prefix, postgres, folder)
        for name in CLUSTERS:
            made.flinks[name] = await stack.enter_async_context(simulated(WallClock()))
            made.flinks[name].job(f"orders of {name}")
        yield made


@pytest.fixture
async def shared(
    broker: Broker, postgres: Server, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Shared]:
    async with sharing(broker, f"{request.node.name[5:15]}-", postgres, tmp_path) as made:
        yield made
    postgres.take_back()


def origin(sequence: int) -> Origin:
    return Origin(cluster="beta", producer="plugin", epoch="p", sequence=sequence, container="tm-0")


async def test_each_cluster_is_watched_by_one_of_them_and_shown_by_all(shared: Shared) -> None:
    assert len({partition_of(name, PARTITIONS) for name in CLUSTERS}) > 1
    async with shared.serving("one") as one, shared.serving("other") as other:

        async def shared_out() -> bool:
            mine, theirs = await one.watched(), await other.watched()
            return bool(mine and theirs) and sorted([*mine, *theirs]) == sorted(CLUSTERS)

        await until(shared_out)
        for serving in (one, other):

            async def all_listed(serving: Serving = serving) -> bool:
                jobs = await serving.get("/api/v1/jobs", JobList)
                return [c.id for c in jobs.clusters if c.state == "answering"] == list(
                    CLUSTERS
                ) and len(jobs.jobs) == len(CLUSTERS)

            await until(all_listed)
        flink = shared.flinks["beta"]
        [job] = flink.jobs
        run = (await one.report("orders of beta")).run.id
        shared.log(
            LogEvent(
                origin=origin(1),
                time_ms=flink.now_ms,
                level="WARN",
                logger="com.shop.Ledger",
                message="slow",
                job=job.jid,
            )
        )

        async def shown() -> bool:
            lines = (await other.get(f"/api/v1/runs/{run}/logs", LogList)).lines
            return [line.message for line in lines] == ["slow"]

        await until(shown)
        told_ms = flink.now_ms - 60_000
        checkpoint = CheckpointEvent(
            origin=origin(2), time_ms=told_ms, job=job.jid, id=7, status="COMPLETED"
        )
        reports = (
            replace(report(n, told_ms + n, subtask(numRecordsIn=n), job=job.jid), origin=origin(n))
            for n in (3, 4)
        )
        arrived = [Arrived(told_ms, e.time_ms, e) for e in (checkpoint, *reports)]
        shared.tell("beta", *pieces(arrived)[0].values())

        async def heard() -> bool:
            text = (await one.read("/metrics") + await other.read("/metrics")).decode()
            return len(re.findall(r"^drsquirrel_kafka_messages_total [1-9]", text, re.M)) > 0

        await until(heard)
        for serving in (one, other):
            assert await asyncio.to_thread(serving.process.end) == 0
            assert "Traceback" not in serving.process.err
    with shared.store() as store:
        assert [c.id for c in store.checkpoints(run)] == [7]
        epochs = {
            (track.key.epoch, rollup.subject.start_ms)
            for snapshot in store.load_hour("beta", 0)
            for rollup in snapshot.rollups
            if rollup.subject.job == job.jid
            for track in rollup.tracks
        }
        assert ("p", job.started_ms) in epochs
        assert {at.topic.removeprefix(shared.prefix) for at in store.offsets()} == {
            "flink-logs",
            "job-snapshots",
        }


async def test_a_cluster_without_rest_is_judged_by_what_the_watcher_tells(shared: Shared) -> None:
    shared.heard = ("delta",)
    now_ms = time.time_ns() // 1_000_000
    arrived = []
    for n in range(120):
        at_ms = now_ms - 1_200_000 + 10_000 * n
        for container, job in (("", ""), ("", "j"), ("tm-1", ""), ("tm-1", "j")):
            values = Values({"numRestarts": 0} if job else {"Status.JVM.CPU.Time": n})
            values = subtask(numRecordsIn=n) if job and container else values
            told = report(n, at_ms, values, job=job, container=container)
            origin = replace(told.origin, cluster="delta", flink_version="2.3.0")
            told = replace(told, origin=origin, job_name="orders of delta" if job else "")
            arrived.append(Arrived(at_ms, at_ms, told))
    told_by_minute = sorted(pieces(arrived)[0].items(), key=lambda piece: piece[0][1])
    shared.tell("delta", *(piece for _, piece in told_by_minute))
    async with shared.serving("one") as one:

        async def judged() -> bool:
            try:
                jobs = await one.get("/api/v1/jobs", JobList)
            except OSError:  # there is none yet
                return False
            return [row.state for row in jobs.clusters if row.id == "delta"] == ["heard"]

        await until(judged)
        said = await one.report("orders of delta")
        assert said.headline == "Its tasks run; whether they keep up is not known"
        assert re.match(r"As of \d\d:\d\d UTC\. ", said.subline)
        assert said.run.flink_version == "2.3.0"
        ago_ms = said.made_ms - (said.hour.from_ms + 60 * MINUTE_MS)
        assert (UNTOLD_MINUTES - 1) * MINUTE_MS < ago_ms < OLDEST_MS
        assert "Traceback" not in one.process.err


async def test_what_one_leaves_the_other_takes_over(shared: Shared) -> None:
    async with shared.serving("one") as one, shared.serving("other") as other:

        async def shared_out() -> bool:
            mine, theirs = await one.watched(), await other.watched()
            return bool(mine and theirs) and len(mine) + len(theirs) == len(CLUSTERS)

        async def taken_over() -> bool:
            watched = await other.watched()
            return all(watched.get(cluster, 0) > 0 for cluster in CLUSTERS)

        async def fenced() -> bool:
            text = (await one.read("/metrics")).decode()
            return re.search(r"^drsquirrel_parts_fenced_total [1-9]", text, re.M) is not None

        await until(shared_out)
        one.signal(signal.SIGSTOP)
        took_s = await until(taken_over)
        print(f"taken over after {took_s:.1f} s from one that sleeps")
        assert took_s < TAKES_OVER_S
        one.signal(signal.SIGCONT)
        await until(fenced)
        await until(shared_out)
        one.signal(signal.SIGKILL)
        took_s = await until(taken_over)
        print(f"taken over after {took_s:.1f} s from one that was killed")
        assert took_s < TAKES_OVER_S
        assert await asyncio.to_thread(other.process.end) == 0
        assert "ERROR" not in one.process.err + other.process.err


@pytest.mark.alone
async def test_an_application_of_yarn_is_watched_by_one_of_them_and_shown_by_all(
    shared: Shared,
) -> None:
    async with AsyncExitStack() as stack:
        yarn = await stack.enter_async_context(simulated_yarn())
        flink = await stack.enter_async_context(simulated(WallClock()))
        flink.job("on yarn")
        yarn.flink, shared.yarn = flink.url, yarn.url
        both = [await stack.enter_async_context(shared.serving(name)) for name in ("one", "other")]

        async def watching() -> list[Serving]:
            return [serving for serving in both if APPLICATION in await serving.watched()]

        async def shown() -> bool:
            try:
                told = [(await serving.report("on yarn")).yarn for serving in both]
            except (OSError, ValueError):  # it is not listed yet
                return False
            return all(facts is not None and facts.user == "flink" for facts in told)

        async def shared_out() -> bool:
            told = [(await serving.read("/metrics")).decode() for serving in both]
            owned = [
                int(text.partition("\ndrsquirrel_parts_owned ")[2].split()[0]) for text in told
            ]
            return 0 not in owned and sum(owned) == PARTITIONS and len(await watching()) == 1

        await until(shared_out)
        await until(shown)
        now_ms = time.time_ns() // 1_000_000
        told = report(1, now_ms, Values({"Status.JVM.CPU.Time": 1}), job="")
        told = replace(told, origin=replace(told.origin, cluster=APPLICATION))
        shared.tell(APPLICATION, *pieces([Arrived(now_ms, now_ms, told)])[0].values())
        with shared.store() as store:

            async def stored() -> bool:
                return any(s.subject.container == "tm-1" for s in store.load_hour(APPLICATION, 0))

            await until(stored, 2 * ENOUGH_S)
        [its] = await watching()
        its.signal(signal.SIGKILL)
        both.remove(its)
        assert await until(watching) < TAKES_OVER_S
