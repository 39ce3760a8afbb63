"""What one cluster sends that nobody can store or search harms the look at it alone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from drsquirrel.store.interface import Batch
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import RoundsClock, running
from tests.test_app import metric


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


async def test_a_look_that_no_store_can_hold_is_lost_alone_and_counted(
    flink: Simulated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flink.job("orders")
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        run.app._pay(Batch(time_ms=2**80, job_list=b"[]"))
        assert metric(run, "drsquirrel_looks_lost_total") == 1
        await run.rounds(1)
        assert run.pages.ready() is None
        assert metric(run, "drsquirrel_looks_owed") == 0
        assert [row.job.name for row in run.jobs.jobs] == ["orders"]
    assert "a look cannot be stored" in caplog.text


async def test_what_could_not_be_searched_for_secrets_is_counted(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("orders").exceptions = [{"stacktrace": "password=x" * 100_000, "timestamp": 1}]
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        counted = re.findall(r'redaction_failures_total{cluster="lab"} (\d+)', run.pages.metrics())
    assert counted == ["1"]
