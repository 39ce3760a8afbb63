"""What is kept while the store takes nothing for longer than looks can wait."""

from itertools import pairwise
from pathlib import Path

import pytest

from drsquirrel.store.error import DiskError
from drsquirrel.store.interface import Batch
from tests.collect.flink_rest.simulated import simulated
from tests.simulation import RoundsClock, running


async def test_of_minutes_none_is_lost_however_many_looks_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(batch: Batch) -> None:
        raise DiskError("full")

    monkeypatch.setattr("drsquirrel.app.OWED_BATCHES", 3)
    async with simulated(RoundsClock()) as flink:
        flink.job("orders")
        with running(tmp_path, flink) as run:
            await run.rounds(3)
            with monkeypatch.context() as away:
                away.setattr(run.store, "write", full)
                await run.rounds(120)
            assert run.app._lost > 100
            await run.rounds(8)
            [cluster] = {row.id for row in run.jobs.clusters}
            minutes = sorted(
                {
                    rollup.minute
                    for snapshot in run.store.load_hour(cluster, 0)
                    for rollup in snapshot.rollups
                    if rollup.subject.job and rollup.tracks
                }
            )
    assert len(minutes) >= 20
    assert all(b - a == 1 for a, b in pairwise(minutes))
