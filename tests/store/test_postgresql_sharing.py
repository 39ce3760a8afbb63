"""Several processes share a PostgreSQL: none waits long for another, none undoes another's work."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from drsquirrel.model.identity import run_id
from drsquirrel.store import postgresql, postgresql_connection
from drsquirrel.store.error import InUseError
from drsquirrel.store.interface import Memory, Offset, Retention
from drsquirrel.store.postgresql import PostgresStore
from drsquirrel.store.postgresql_connection import PostgresConnection
from tests.store import made
from tests.store.made import CLUSTER, START_MS
from tests.store.server import Server

WRITERS = 3
TICKS = 30


def test_writers_about_different_runs_of_one_cluster_keep_all_that_each_wrote(
    postgres: Server, tmp_path: Path
) -> None:
    together = threading.Barrier(WRITERS)

    def write(store: PostgresStore, writer: int) -> None:
        jobs = [f"{writer}{number}".rjust(32, "0") for number in range(5)]
        runs = [made.run(job, name=f"job {number}") for number, job in enumerate(jobs)]
        ids = [run_id(r.cluster, r.job, r.start_ms) for r in runs]
        for tick in range(TICKS):
            together.wait(60)
            store.write(
                replace(
                    made.tick(tick),
                    runs=tuple(runs if writer % 2 else reversed(runs)),
                    reports=tuple(made.report(START_MS + tick, run=i) for i in ids),
                    memories=tuple(Memory(run=i, body=b"%d" % tick) for i in ids),
                    logs=(),
                    snapshots=(),
                    offsets=(Offset("logs", writer, tick),),
                )
            )
            store.expire(START_MS + tick * 10_000)

    stores = [postgres.open(tmp_path, Retention()) for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as threads:
        for written in [threads.submit(write, s, n) for n, s in enumerate(stores)]:
            written.result()
    for store in stores:
        store.close()
    with closing(postgres.open(tmp_path, Retention())) as store:
        found = store.runs(CLUSTER)
        assert len(found) == WRITERS * 5
        assert {store.memory(run.id) for run in found} == {b"%d" % (TICKS - 1)}
        assert {run.last_seen_ms for run in found} == {START_MS + (TICKS - 1) * 10_000}
        assert set(store.offsets()) == {Offset("logs", n, TICKS - 1) for n in range(WRITERS)}
    postgres.take_back()


def test_who_is_stopped_amid_what_it_sends_in_one_go_is_sent_away(
    postgres: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql_connection, "LOCK_S", 0.2)
    monkeypatch.setattr(postgresql, "IDLE_IN_TRANSACTION_S", 1)
    with (
        closing(PostgresStore(postgres.access(tmp_path), Retention())) as store,
        closing(PostgresConnection(postgres.access(tmp_path))) as stopped,
    ):
        claim = store.claim(0, 1)
        stopped.execute("BEGIN")
        pipeline = stopped.driver.pgconn
        pipeline.enter_pipeline_mode()
        pipeline.send_query_params(b"UPDATE claims SET term = term", None)
        pipeline.send_flush_request()
        pipeline.flush()
        began_s = time.monotonic()
        later = None
        while later is None:
            with suppress(InUseError):
                later = store.claim(0, 1)
        assert time.monotonic() - began_s < 10 and later.term > claim.term
        store.write(replace(made.tick(0), claim=later))
    postgres.take_back()
