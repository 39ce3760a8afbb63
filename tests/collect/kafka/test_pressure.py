"""While the store takes nothing, reading waits: what cannot be kept stays in Kafka (R10)."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.broker import Broker
from drsquirrel.kafka_watch import READ_S
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import RoundsClock, Run, running
from tests.test_kafka_watch import Plugin, reading

LINES, MOST = 3_000, 600
AT_ONCE = 500
ROUNDS_OF_A_MINUTE = 8
ENOUGH_S = 60.0


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


def count(run: Run, name: str) -> int:
    found = re.search(rf"^{name}(?:{{.*}})? (\d+)$", run.pages.metrics(), re.M)
    return int(found[1]) if found else 0


def stored(run: Run) -> int:
    return len(run.store.logs(run.report("orders").run.id, limit=2 * LINES).events)


async def test_lines_that_cannot_be_stored_wait_in_kafka_and_none_is_lost(
    flink: Simulated, tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.kafka_watch.OWED_MAX", MOST)
    job = flink.job("orders")
    plugin = Plugin(broker, "pressure-", flink)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        for number in range(LINES):
            plugin.log(job.jid, f"line {number}")
        async with reading(run, plugin, 2 * AT_ONCE):
            await asyncio.sleep(3 * READ_S)
            assert count(run, "drsquirrel_kafka_messages_total") <= MOST + AT_ONCE
            assert count(run, "drsquirrel_kafka_lag") >= LINES - MOST - AT_ONCE
            async with asyncio.timeout(ENOUGH_S):
                while stored(run) < LINES:
                    await run.rounds(ROUNDS_OF_A_MINUTE)
                    await asyncio.sleep(0.1)
            assert "drsquirrel_events_dropped_total{" not in run.pages.metrics()
            assert count(run, "drsquirrel_kafka_lag") == 0
