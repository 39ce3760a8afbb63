"""From a real broker onto the desk and into the store, beside a simulated Flink's REST."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import cast

import msgspec
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.cluster import JOBMANAGER_HEARD
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import APPLICATIONS
from drsquirrel.collect.kafka.source import Partition, Read, Source
from drsquirrel.desk import Desk
from drsquirrel.kafka_watch import NEWS_MS, RECURS_MS, KafkaWatch, kafka_access, source_of
from drsquirrel.model.event import (
    ChangeEvent,
    Event,
    FailureEvent,
    LogEvent,
    Message,
    MetricReport,
    Origin,
    encoder,
)
from drsquirrel.model.report import LogList
from drsquirrel.settings import Cluster, Kafka, Settings, Yarn
from drsquirrel.store.interface import Offset
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import NPE, RULES, RoundsClock, Run, running

ROUNDS_OF_A_MINUTE = 8
ENOUGH_S = 20.0


def brokers_ms() -> int:
    """The broker's time; that of rounds runs ahead of it."""
    return time.time_ns() // 1_000_000


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    clock = RoundsClock()
    clock.pass_ms(brokers_ms() - clock.now_ms())
    async with simulated(clock) as flink:
        yield flink


class Plugin:
    """What sends, under a prefix of its own."""

    def __init__(self, broker: Broker, prefix: str, flink: Simulated) -> None:
        self.settings = Kafka(brokers=broker.address, topic_prefix=prefix)
        self._flink, self._sequence = flink, 0
        self._producer = Producer({"bootstrap.servers": broker.address, "linger.ms": 0})
        make_topics(broker.address, prefix, partitions=1)

    def log(self, job: str, text: str, cluster: str = "lab", container: str = "tm-0") -> None:
        self._sequence += 1
        event = LogEvent(
            origin=Origin(
                cluster=cluster,
                producer="plugin",
                epoch="p",
                sequence=self._sequence,
                container=container,
            ),
            time_ms=min(self._flink.now_ms, brokers_ms()),
            level="WARN",
            logger="com.shop.Ledger",
            message=text,
            job=job,
        )
        self.send("flink-logs", event)

    def send(self, topic: str, *messages: Message) -> None:
        for message in messages:
            name = self.settings.topic_prefix + topic
            self._producer.produce(name, encoder.encode(message), key=message.origin.container)
        assert self._producer.flush(10) == 0


@asynccontextmanager
async def reading(run: Run, plugin: Plugin, count: int) -> AsyncIterator[None]:
    """The app reads, and has read so many messages."""
    settings = replace(run.settings, kafka=plugin.settings)
    source = source_of(settings, kafka_access(plugin.settings), run.store.offsets, run.clock)
    task = asyncio.create_task(run.app.read(source))
    try:
        async with asyncio.timeout(ENOUGH_S):
            while True:
                if f"drsquirrel_kafka_messages_total {count}\n" in run.pages.metrics():
                    break
                await asyncio.sleep(0.05)
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def vertices_asked(flink: Simulated) -> int:
    """Requests about vertices since the last time."""
    return sum("/vertices/" in path for path in flink.take_asked())


def messages(run: Run, name: str) -> list[str]:
    return [e.message for e in run.store.logs(run.report(name).run.id).events]


async def test_log_lines_are_stored_with_the_offset_after_them_and_read_once(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    job = flink.job("orders")
    plugin = Plugin(broker, "once-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        plugin.log(job.jid, "slow")
        plugin.log(job.jid, "slower")
        async with reading(run, plugin, 2):
            assert messages(run, "orders") == []
            await run.rounds(ROUNDS_OF_A_MINUTE)
            assert messages(run, "orders") == ["slower", "slow"]
            page = run.pages.logs(run.report("orders").run.id)
            assert page is not None and run.pages.logs("nobody") is None
            listed = msgspec.json.decode(page.body, type=LogList)
            assert [(line.message, line.container) for line in listed.lines] == [
                ("slower", "tm-0"),
                ("slow", "tm-0"),
            ]
            assert listed.complete
            assert run.store.offsets() == [Offset("once-flink-logs", 0, 2)]
    with running(tmp_path, flink) as run:
        plugin.log(job.jid, "slowest")
        await run.rounds(1)
        async with reading(run, plugin, 1):
            await run.rounds(ROUNDS_OF_A_MINUTE)
        assert messages(run, "orders") == ["slowest", "slower", "slow"]


async def test_with_the_lines_of_a_run_come_those_of_its_processes_that_name_no_run(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    job = flink.job("orders")
    plugin = Plugin(broker, "processes-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(ROUNDS_OF_A_MINUTE)
        plugin.log("", "the disk is slow")
        plugin.log("", "of a process without tasks of it", container="tm-far")
        plugin.log(job.jid, "slow")
        plugin.log("", "of the JobManager", container="")
        async with reading(run, plugin, 4):
            await run.rounds(ROUNDS_OF_A_MINUTE)
        page = run.pages.logs(run.report("orders").run.id)
        assert page is not None
        listed = msgspec.json.decode(page.body, type=LogList)
        told = {"of the JobManager", "slow", "the disk is slow"}
        assert {line.message for line in listed.lines} == told
        assert {line.message for line in listed.lines if not line.of_process} == {"slow"}
        assert listed.complete


async def test_what_was_read_and_not_stored_is_read_again(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    job = flink.job("orders")
    plugin = Plugin(broker, "again-", flink)
    assert isinstance(flink.clock, RoundsClock)
    run = Run(tmp_path, flink.clock, Cluster(url=flink.url, name="lab"))
    await run.rounds(1)
    plugin.log(job.jid, "slow")
    async with reading(run, plugin, 1):
        pass
    run.store.close()  # as a kill leaves it
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        async with reading(run, plugin, 1):
            await run.rounds(ROUNDS_OF_A_MINUTE)
        assert messages(run, "orders") == ["slow"]


async def test_a_line_that_came_before_its_run_was_listed_is_not_lost_by_a_kill(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    flink.job("orders")
    plugin = Plugin(broker, "early-", flink)
    assert isinstance(flink.clock, RoundsClock)
    run = Run(tmp_path, flink.clock, Cluster(url=flink.url, name="lab"))
    await run.rounds(1)
    unlisted = flink.job("payments")
    flink.jobs.remove(unlisted)
    plugin.log(unlisted.jid, "early")
    async with reading(run, plugin, 1):
        run.app.finish()
    assert run.store.offsets() == []
    run.close()
    flink.jobs.append(unlisted)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        async with reading(run, plugin, 1):
            await run.rounds(ROUNDS_OF_A_MINUTE)
        assert messages(run, "payments") == ["early"]
        assert run.store.offsets() == [Offset("early-flink-logs", 0, 1)]


@pytest.mark.parametrize(
    ("kind", "ago_ms", "is_news"),
    [
        (FailureEvent, 0, True),
        (FailureEvent, NEWS_MS, False),
        (ChangeEvent, 0, True),
        (LogEvent, 0, False),
    ],
)
async def test_of_what_has_just_happened_the_cluster_is_asked_early(
    kind: type[Event], ago_ms: int, is_news: bool
) -> None:
    clock, desk, was_read = RoundsClock(), Desk(RULES), asyncio.Event()
    desk.add_cluster("lab", 10_000, dumps_allowed=False)
    told: dict[type[Event], dict[str, object]] = {
        FailureEvent: {"throwable": NPE},
        ChangeEvent: {"what": "job-state", "subject": "RESTARTING"},
        LogEvent: {"level": "WARN", "logger": "a", "message": "b"},
    }
    origin = Origin(cluster="lab", producer="plugin", epoch="p", sequence=1)
    message = kind(origin=origin, time_ms=clock.now_ms(), job="j", **told[kind])  # type: ignore[arg-type]

    class Once:
        """A source with one message."""

        refused = Counter[str]()
        dead_letters = cast(DeadLetters, None)

        def read(self, timeout_s: float) -> Read:
            found, self.read = Read({"lab": [(clock.now_ms() - ago_ms, message)]}), self.wait  # type: ignore[method-assign]
            return found

        def wait(self, timeout_s: float) -> Read:
            time.sleep(0.01)
            return Read()

        def lag(self) -> dict[Partition, int]:
            return {}

        def close(self) -> None:
            pass

    wakes: list[str] = []

    async def in_desk(call: Callable[[], None]) -> None:
        call()
        if watch.read_total:
            was_read.set()

    watch = KafkaWatch(Once(), desk, clock, wakes.append)
    looked = asyncio.Event()

    async def after() -> None:
        looked.set()

    task = asyncio.create_task(watch.run(in_desk, after))
    await asyncio.wait_for(was_read.wait(), ENOUGH_S)
    await asyncio.wait_for(looked.wait(), ENOUGH_S)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert wakes == ["lab"] * is_news


def test_what_recurs_between_messages_is_told_once_and_an_outage_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = RoundsClock()
    desk = Desk(RULES)
    watch = KafkaWatch(cast(Source, None), desk, clock, lambda _: None)
    well = Read(offsets={("t", 0): 1})
    for _ in range(3):
        watch._take(Read(says="no right to flink-logs"))
        assert desk.kafka_says == "no right to flink-logs"
        clock.pass_ms(300_000)
        watch._take(well)
        assert desk.kafka_says == ""
    watch._take(Read(says="no topic flink-logs"))
    watch._take(Read())
    assert desk.kafka_says == "no topic flink-logs", "nothing came"
    watch._take(Read(is_assigned=True))
    assert desk.kafka_says == "", "it was made"
    for _ in range(2):
        watch._take(Read(says="no broker"))
        watch._take(Read(says="no broker"))
        watch._take(well)
        clock.pass_ms(RECURS_MS)
    again = "messages come from Kafka again"
    told = ["no right to flink-logs", "no topic flink-logs", "no broker", "no broker"]
    assert caplog.messages == [said for what in told for said in (what, again)]


async def test_a_message_cannot_speak_for_another_cluster(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    job = flink.job("orders")
    plugin = Plugin(broker, "alien-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        plugin.log(job.jid, "evil", cluster="finance")
        plugin.log(job.jid, "good")
        async with reading(run, plugin, 1):
            await run.rounds(ROUNDS_OF_A_MINUTE)
            told = run.pages.metrics()
        assert messages(run, "orders") == ["good"]
        assert 'drsquirrel_kafka_refused_total{reason="another cluster"} 1\n' in told
        assert 'drsquirrel_kafka_lag{topic="alien-flink-logs",partition="0"} 0\n' in told


async def test_where_rest_is_silent_it_is_said_that_processes_send_nevertheless(
    flink: Simulated, tmp_path: Path, broker: Broker
) -> None:
    flink.down = True
    plugin = Plugin(broker, "alone-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        before = run.jobs.clusters[0].says
        origin = Origin(cluster="lab", producer="plugin", epoch="p", sequence=1)
        plugin.send("flink-metrics", MetricReport(origin=origin, time_ms=flink.now_ms, job="j"))
        async with reading(run, plugin, 1):
            await run.rounds(1)
            row = run.jobs.clusters[0]
        assert row.state == "heard"
        assert row.says == f"{before} {JOBMANAGER_HEARD}"


def test_each_cluster_may_have_topics_of_its_own(broker: Broker, tmp_path: Path) -> None:
    settings = Settings(
        cluster=(
            Cluster(url="http://a:1", name="a", topic_prefix="of-a-"),
            Cluster(url="http://b:1", name="b"),
            Cluster(url="http://c:1", name="c"),
        ),
        yarn=(Yarn(url="http://rm:8088"),),
        kafka=Kafka(brokers=broker.address, topic_prefix="all-"),
    )
    assert settings.kafka is not None
    source = source_of(settings, kafka_access(settings.kafka), list, RoundsClock())
    source.close()
    assert source.bound["of-a-flink-logs"] == {"a"}
    assert source.bound["all-flink-logs"] == {"b", "c", APPLICATIONS}


async def test_reports_of_the_plugin_are_of_the_run_that_rest_lists_and_rest_is_asked_for_less(
    flink: Simulated, tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.deep.FRESH_MS", 600_000)  # one report is made of each
    job = flink.job("orders")
    plugin = Plugin(broker, "reports-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(ROUNDS_OF_A_MINUTE)
        before = vertices_asked(flink)
        for container in ("", "tm-0", "tm-1"):
            origin = Origin(
                cluster="lab", producer="plugin", epoch="p", sequence=1, container=container
            )
            report = MetricReport(origin=origin, time_ms=flink.now_ms, job=job.jid)
            plugin.send("flink-metrics", report)
        async with reading(run, plugin, 3):
            await run.rounds(ROUNDS_OF_A_MINUTE)
            assert 0 < vertices_asked(flink) < before / 2
        told = [
            seen.epoch
            for snapshot in run.store.load_hour("lab", 0)
            if (snapshot.subject.job, snapshot.subject.start_ms) == (job.jid, job.started_ms)
            for rollup in snapshot.rollups
            for seen in rollup.seen
        ]
        assert "p" in told
