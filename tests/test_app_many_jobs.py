"""The app where the list of jobs is long."""

from pathlib import Path

import pytest

from tests.collect.flink_rest.simulated import simulated
from tests.simulation import RoundsClock, running


async def test_a_long_list_of_jobs_is_not_made_at_each_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.app.JOBS_PER_MS", 1 / 15_000)
    async with simulated(RoundsClock()) as flink:
        flink.job("orders")
        with running(tmp_path, flink) as run:
            lists, reports = [], []
            for _ in range(6):
                await run.rounds(1)
                lists.append(run.jobs.made_ms)
                reports.append(run.report("orders").made_ms)
    assert len(set(reports)) == 6
    assert len(set(lists)) == 3
    assert lists[::2] == reports[::2]
