"""Every message is stored, or refused or dropped for a reason that is counted (R3)."""

import asyncio
import random
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from drsquirrel.model.event import ChangeEvent, FailureEvent, LogEvent, Message, Origin, encoder
from drsquirrel.store.body import unpacked
from drsquirrel.store.sqlite_opening import DATABASE
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import RoundsClock, Run, running
from tests.test_kafka_watch import Plugin, brokers_ms, reading

SENT = 3_000
ROUNDS = 10
ENOUGH_S = 60.0
NOBODYS = "f" * 32
REFUSED, DROPPED = "drsquirrel_kafka_refused_total", "drsquirrel_events_dropped_total"
POISON = (b"", b"?", b"\xff" * 100, b"[" * 50_000)


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


def told(jobs: list[str], now_ms: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Topic and value of each; some are of runs, clusters and versions that nobody knows."""
    chance = random.Random(seed)
    for number in range(SENT):
        origin = Origin(
            cluster=chance.choices(("lab", "finance"), (20, 1))[0],
            producer="plugin",
            epoch="p",
            sequence=number,
            container=f"tm-{number % 3}",
            schema=chance.choices((1, 99), (30, 1))[0],
        )
        job = chance.choice([*jobs, "", NOBODYS])
        time_ms = now_ms - chance.randrange(10_000) * 3 - number % 3
        message: Message
        kind = chance.randrange(10)
        if kind == 0:
            yield chance.choice(("flink-logs", "flink-events")), chance.choice(POISON)
            continue
        if kind == 1:
            at = now_ms + number  # of two that are alike at one time one is told
            message = FailureEvent(origin=origin, time_ms=at, job=job or jobs[0], throwable="x.Y")
        elif kind == 2:
            message = ChangeEvent(
                origin=origin, time_ms=now_ms + number, job=job, what="job-state", subject="RUNNING"
            )
        else:
            message = LogEvent(
                origin=origin, time_ms=time_ms, level="WARN", logger="l", message="m", job=job
            )
        yield "flink-logs" if kind > 2 else "flink-events", encoder.encode(message)


def stored(folder: Path) -> int:
    """Of what plugins sent; REST has told of changes too."""
    with sqlite3.connect(folder / DATABASE) as connection:
        [(lines,)] = connection.execute("SELECT total(events) FROM log_chunks")
        events = connection.execute("SELECT body FROM events").fetchall()
    return int(lines) + sum(b'"plugin"' in unpacked(body) for (body,) in events)


def counted(run: Run, name: str) -> Counter[str]:
    """Of our own metrics, by reason."""
    found = re.findall(rf'{name}{{reason="([^"]+)"}} (\d+)', run.pages.metrics())
    return Counter({reason: int(number) for reason, number in found})


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_sent_is_what_is_stored_refused_and_dropped(
    flink: Simulated, tmp_path: Path, broker: Broker, seed: int
) -> None:
    jobs = [flink.job("orders").jid, flink.job("payments").jid]
    plugin = Plugin(broker, f"every-{seed}-", flink)
    producer = Producer({"bootstrap.servers": broker.address})
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        readable = unknown = 0
        for topic, value in told(jobs, brokers_ms(), seed):
            producer.produce(plugin.settings.topic_prefix + topic, value)
            if b'"lab"' in value and b'"schema":99' not in value:
                readable += 1
                unknown += NOBODYS.encode() in value
        assert producer.flush(30) == 0
        async with reading(run, plugin, readable):
            async with asyncio.timeout(ENOUGH_S):
                while counted(run, DROPPED)["unknown run"] < unknown:
                    await run.rounds(ROUNDS)
                    await asyncio.sleep(0.2)
            refused, dropped = counted(run, REFUSED), counted(run, DROPPED)
        assert refused.keys() == {"malformed", "another cluster", "newer schema"}
        assert dropped == {"unknown run": unknown}
    assert stored(tmp_path) + refused.total() + dropped.total() == SENT
