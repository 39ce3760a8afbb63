"""Secrets that a plugin of old or of another's making sends are nowhere behind the source (S1)."""

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

from demo.broker import Broker
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    ConfigEvent,
    ContainerEvent,
    FailureEvent,
    LogEvent,
    Message,
    MetricReport,
    Origin,
    Place,
    Table,
    encoder,
)
from drsquirrel.store.body import BodyError, unpacked
from drsquirrel.store.sqlite_opening import DATABASE
from tests.collect.canary import Canaries, answers
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import RoundsClock, Run, running
from tests.test_kafka_watch import Plugin, reading

ROUNDS_OF_A_MINUTE = 8
PREFIX = "canaries-"
PLACES = 80
"""In so many at least a secret stands."""


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


def texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in an answer of Flink, with the keys above it."""
    if isinstance(node, dict) and "value" in node:
        yield str(node.get("key", node.get("name"))), str(node["value"])
    elif isinstance(node, dict):
        for name, value in node.items():
            yield from texts(value, f"{key}.{name}" if key == "credentials" else name)
    elif isinstance(node, list):
        for item in node:
            yield from texts(item, key)
    else:
        yield key, str(node)


class Told:
    """Messages with the secrets of `tests.collect.canary` in them, wherever a text may stand."""

    def __init__(self, job: str, now_ms: int) -> None:
        self.canaries = Canaries()
        self.sequence = 0
        self._job, self._now_ms = job, now_ms

    def origin(self, container: str = "tm-0", cluster: str = "lab", schema: int = 1) -> Origin:
        self.sequence += 1
        return Origin(
            cluster=cluster,
            producer="plugin",
            epoch="p",
            sequence=self.sequence,
            container=container,
            schema=schema,
        )

    def log(self, message: str = "m", job: str | None = None, **more: Any) -> LogEvent:
        return LogEvent(
            **{
                "origin": self.origin(),
                "time_ms": self._now_ms,
                "level": "ERROR",
                "logger": "a.B",
                "job": self._job if job is None else job,
                "message": message,
                **more,
            }
        )

    def of_run(self) -> dict[str, Any]:
        return {"origin": self.origin(""), "time_ms": self._now_ms, "job": self._job}

    def pairs(self) -> list[tuple[str, str]]:
        """Key and value with a secret, as users have them."""
        found = [*texts(answers(self.canaries))]
        # What only looks like a key of AWS is none; an argument after a flag stands alone here.
        return [
            (key, value)
            for key, value in found
            if self.canaries.left_in([key, value]) and key != "options" and "AKIA" not in key
        ]

    def messages(self) -> Iterator[tuple[str, Message]]:
        """Each with the topic it is sent to."""
        c, pairs = self.canaries, self.pairs()
        for key, value in pairs:
            yield "flink-logs", self.log(f"{key}={value}")
            yield "flink-logs", self.log(throwable=f"java.lang.Error: {key}: {value}\n\tat a.B.c")
            if "\n" not in value:
                yield "flink-logs", self.log(json.dumps({key: value}), job="")
        url = "jdbc:postgresql://app:{}@db/x"
        for field in ("thread", "task", "host", "logger"):
            yield "flink-logs", self.log(**{field: c(url)})
        yield (
            "flink-events",
            FailureEvent(
                **self.of_run(),
                throwable=c("java.sql.SQLException: password={}\n\tat a.B.c(B.java:1)"),
                task=c("Source: t('password' = '{}')"),
                host=c(url),
                labels={"Authorization": c("Basic {}=="), c("token={}"): "x"},
            ),
        )
        yield (
            "flink-events",
            CheckpointEvent(**self.of_run(), id=1, status="FAILED", failure=c(url)),
        )
        for what in ("job-state", "container-gone"):
            change = ChangeEvent(**self.of_run(), what=what, subject=c(url), text=c("token={}"))  # type: ignore[arg-type]
            yield "flink-events", change
        yield "flink-metrics", self.report(job_name=c("sync //app:{}@db/x"))
        yield "flink-metrics", self.report(operator=c("sql_jdbc_//app_{}@db/x"))
        yield "flink-metrics", self.report(name=c("x.password={}.numRecordsIn"))
        yield "flink-metrics", self.report(container=c(url))
        hello = ContainerEvent(
            origin=self.origin(),
            time_ms=self._now_ms,
            what="hello",
            is_taskmanager=True,
            host=c(url),
        )
        yield "flink-containers", hello
        config = ConfigEvent(
            origin=self.origin(), time_ms=self._now_ms, is_taskmanager=True, options=dict(pairs)
        )
        yield "flink-configs", config

    def report(
        self, container: str = "tm-0", job_name: str = "", operator: str = "", name: str = "x"
    ) -> MetricReport:
        table = Table(
            names=("numRecordsIn", name), places=(Place("v", 0, operator),), numbers=(1, 2)
        )
        return MetricReport(
            origin=self.origin(container),
            time_ms=self._now_ms,
            job=self._job,
            job_name=job_name,
            tables=(table,),
        )

    def poison(self) -> list[bytes]:
        """What is refused: with its reasons it goes to the dead letters."""
        c = self.canaries
        newer = self.log(c("password={}"), origin=self.origin(schema=99))
        alien = self.log(c("//ann:{}@db/x"), origin=self.origin(cluster="finance"))
        unexamined = self.log(c("password={} ") + "," * 300_000)
        return [
            c('{{"password": "{}"').encode(),
            b"\xff\xfe " + c("s3.secret-key={}").encode(),
            *map(encoder.encode, (newer, alien, unexamined)),
        ]


def database(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All that is in the files of the store: as it is, and what is packed in it unpacked."""
    for file in folder.iterdir():
        yield file.name, file.read_bytes()
    path = folder / DATABASE
    with sqlite3.connect(path) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f"SELECT * FROM {table}"):
                for value in row:
                    if isinstance(value, bytes):
                        yield table, opened(value)
                    else:
                        yield table, str(value).encode()


def opened(body: bytes) -> bytes:
    try:
        return unpacked(body)
    except BodyError:
        return body


def pages(run: Run) -> Iterator[tuple[str, bytes]]:
    """What the API answers."""
    yield "metrics", run.pages.metrics().encode()
    yield "ready", (run.app.ready() or "").encode()
    jobs = run.pages.jobs()
    assert jobs is not None
    yield "jobs", jobs.body
    for row in run.jobs.jobs:
        for page in (run.pages.report(row.run.id), run.pages.logs(row.run.id)):
            assert page is not None
            yield row.job.name, page.body


def dead_letters(broker: Broker, count: int) -> Iterator[tuple[str, bytes]]:
    consumer = Consumer(
        {
            "bootstrap.servers": broker.address,
            "group.id": "canaries",
            "auto.offset.reset": "earliest",
        }
    )
    consumer.subscribe([f"{PREFIX}drsquirrel-dead-letters"])
    found = 0
    while found < count:
        [raw] = consumer.consume(1, 30) or pytest.fail("there are too few dead letters")
        found += 1
        yield "dead letter", (raw.value() or b"") + str((raw.key(), raw.headers())).encode()
    consumer.close()


async def test_no_secret_is_in_the_database_the_api_the_dead_letters_or_our_log(
    flink: Simulated, tmp_path: Path, broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(0)
    job = flink.job("orders")
    plugin = Plugin(broker, PREFIX, flink)
    told = Told(job.jid, flink.now_ms)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        count = 0
        for topic, message in told.messages():
            plugin.send(topic, message)
            count += 1
        poison = told.poison()
        producer = Producer({"bootstrap.servers": broker.address})
        for value in poison:
            producer.produce(f"{PREFIX}flink-logs", value)
        assert producer.flush(30) == 0
        plugin.log(job.jid, "the last")
        async with reading(run, plugin, count + 1):
            await run.rounds(ROUNDS_OF_A_MINUTE)
            await run.rounds(ROUNDS_OF_A_MINUTE)
            seen = [*pages(run)]
        assert f"{len(poison)}\n" in run.pages.metrics()
    seen += database(tmp_path)
    seen += dead_letters(broker, len(poison))
    seen.append(("our log", caplog.text.encode()))
    canaries = told.canaries.planted
    assert len(canaries) > PLACES
    leaks = [
        (place, canary, around(text, canary.encode()))
        for place, text in seen
        for canary in canaries
        if canary.encode() in text
    ]
    assert not leaks
    of_logs = b"\n".join(text for place, text in seen if place == "log_chunks")
    assert of_logs.count(b"redacted") > PLACES, "what is sent has to be there to be seen"


def around(text: bytes, found: bytes) -> bytes:
    at = text.index(found)
    return text[max(0, at - 60) : at + 60]
