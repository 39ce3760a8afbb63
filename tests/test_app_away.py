"""What is kept while the store takes nothing for longer than looks can wait."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from drsquirrel.app import App
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.collect.kafka.source import Partition, Read
from drsquirrel.kafka_watch import KafkaWatch
from drsquirrel.model.snapshot import MINUTE_MS, Rollup, Seen, Subject
from drsquirrel.settings import Settings
from drsquirrel.snapshot_desk import SnapshotDesk
from drsquirrel.store.error import AwayError, DiskError
from drsquirrel.store.interface import Batch, Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.watch.window import snapshot_of
from tests.collect.flink_rest.simulated import simulated
from tests.simulation import RULES, RoundsClock, failing, running


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


async def test_of_each_run_one_document_waits_for_the_store_and_each_change_of_its_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(batch: Batch) -> None:
        raise DiskError("full")

    async with simulated(RoundsClock()) as flink:
        job = flink.job("orders")
        with running(tmp_path, flink) as run:
            await run.rounds(3)
            monkeypatch.setattr(run.store, "write", full)
            await run.rounds(20)
            owed = run.app._owed
            assert len(owed) == 20
            assert sum(len(batch.memories) for batch in owed) == 1
            assert sum(batch.job_list is not None for batch in owed) == 1
            verdicts = [r.report.verdict for batch in owed for r in batch.reports]
            assert len(verdicts) == len(set(verdicts)), verdicts
            failing(job, 4, flink.clock.now_ms())
            await run.rounds(20)
            later = [r.report.verdict for batch in run.app._owed for r in batch.reports]
            assert len(later) < 10 and set(verdicts) < set(later), later
            monkeypatch.undo()


class Sending:
    """The watcher's snapshots of many processes, a minute of each a read."""

    def __init__(self, clock: RoundsClock, processes: int) -> None:
        self.refused: Counter[str] = Counter()
        self.dead_letters = SimpleNamespace(counts={})
        self.offset = 0
        self._clock, self._processes = clock, processes

    def read(self, timeout_s: float) -> Read:
        minute = self._clock.now_ms() // MINUTE_MS - 1
        rollups = [
            Rollup(subject=Subject(cluster="lab", container=name), minute=minute, seen=seen)
            for name in map("tm-{}".format, range(self._processes))
            for seen in [(Seen(name, "e", minute, minute),)]
        ]
        self.offset += len(rollups)
        arrivals = [(self._clock.now_ms(), snapshot_of(r.subject, 0, [r])) for r in rollups]
        return Read(arrivals={"lab": arrivals}, offsets={("job-snapshots", 0): self.offset})

    def lag(self) -> dict[Partition, int]:
        return {}


def test_what_cannot_be_kept_until_the_store_is_back_stays_in_kafka(tmp_path: Path) -> None:
    clock, batches, is_away = RoundsClock(), list[Batch](), False

    def write(batch: Batch) -> None:
        if is_away:
            raise AwayError("PostgreSQL does not answer.")
        batches.append(batch)

    store = SqliteStore(tmp_path, Retention())
    store.write = write  # type: ignore[method-assign]
    desk, sending = SnapshotDesk(RULES), Sending(clock, 1_000)
    with ThreadPoolExecutor(1) as thread:
        app = App(Settings(), desk, store, clock, thread)
        app.add("lab", None)
        app._kafka = KafkaWatch(sending, desk, clock, lambda _: None)  # type: ignore[arg-type]
        reads = 0
        for minute in range(45):
            is_away = 5 <= minute < 40
            clock.pass_ms(60_000)
            if not desk.is_full():
                reads += 1
                app._kafka._take(sending.read(0))
            app._write(app._watches["lab"], Round(arrival_ms=clock.now_ms(), answered=True), [])
        clock.pass_ms(60_000)
        app.finish()
    assert 10 < reads < 45 and not desk.dropped
    minutes = {
        (s.subject, rollup.minute) for b in batches for s in b.snapshots for rollup in s.rollups
    }
    assert len(minutes) == reads * 1_000 == sending.offset
    assert max(offset.next for batch in batches for offset in batch.offsets) == sending.offset
    store.close()
