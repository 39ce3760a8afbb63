"""How fast SQLite and PostgreSQL are with the history of 10,000 jobs: one JSON file.

Both lie on the same disk, and both sync it at every commit. Each thing is measured on one, then on
the other. Times are in ms by the wall, of a store that is called from this process.
"""

import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

from benchmarks.fleet import (
    START_MS,
    Fleet,
    Size,
    listed,
    log,
)
from benchmarks.machine import machine
from benchmarks.took import Took, spread, took
from demo.postgres import PASSWORD, Postgres
from drsquirrel.app import JOBS_PER_MS
from drsquirrel.model.identity import job_id
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.store.interface import DAY_MS, HOUR_MS, Batch, Database, Retention
from drsquirrel.store.postgresql import PostgresDatabase
from drsquirrel.store.postgresql_connection import Access
from drsquirrel.store.reading import SqlStore
from drsquirrel.store.sqlite import SqliteDatabase
from drsquirrel.stored_pages import StoredPages

RESULT = Path(__file__).parent / "results" / "store.json"
SIZE = Size(clusters=100, jobs=100, containers=400, log_lines=100_000)
SMALL = Size(clusters=8, jobs=20, containers=80, log_lines=5_000, windows=3)
"""For a look at this benchmark itself: `python -m benchmarks.store small`, which writes no file."""
PARTS = 4
TICKS, LINES = 40, 20
"""Ticks that are measured; log lines of a run in one that is the first of a minute."""
LOG_BATCH = 500
GETS, LISTS, SEARCHES, LOADS, STEPS = 1_000, 60, 30, 5, 30
LOOK_MS, LOOKS_A_MINUTE = 100, 6
"""100 clusters, each looked at every ten seconds."""
SERVER = {"fsync": "on", "shared_buffers": "128MB", "max_wal_size": "1GB"}
"""What a PostgreSQL has that nobody has set up."""

Figures = dict[str, object]


def main() -> None:
    small = sys.argv[1:] == ["small"]
    size = SMALL if small else SIZE
    result: Figures = {
        "machine": machine(),
        "sqlite": sqlite3.sqlite_version,
        "jobs": size.clusters * size.jobs,
        "containers": size.clusters * size.containers,
    }
    fleet = Fleet(size)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, Postgres(SERVER) as server:
        databases: dict[str, Database] = {
            "sqlite": SqliteDatabase(Path(folder)),
            "postgresql": PostgresDatabase(Access(server.url(), PASSWORD)),
        }
        benches = {name: Bench(database, fleet) for name, database in databases.items()}
        for part in (Bench.fill, Bench.ingest, Bench.page, Bench.search, Bench.fleet, Bench.expire):
            print(part.__name__, file=sys.stderr, flush=True)
            found = {name: part(bench) for name, bench in benches.items()}
            result[part.__name__] = compared(found)
        for bench in benches.values():
            bench.store.close()
    result["load_after"] = round(os.getloadavg()[0], 1)
    text = json.dumps(result, indent=2)
    print(text)
    if not small:
        RESULT.write_text(text + "\n")


class Bench:
    """One store; every look at a cluster is later than the one before."""

    def __init__(self, database: Database, fleet: Fleet) -> None:
        self._database = database
        self._fleet = fleet
        self._looks = count()
        self._dice = random.Random(2)
        self._first_run = fleet.ids(fleet.clusters[0])[0]
        self._open()
        self._share(1)

    def fill(self) -> Figures:
        """The history of all clusters, and the lines of one run."""
        fleet, began_s = self._fleet, time.monotonic()
        for cluster in fleet.clusters:
            self.store.write(fleet.first(cluster))
            with self.store._transaction() as connection:
                for statement, rows in fleet.history(cluster):
                    connection.executemany(statement, rows)
        run, lines = fleet.runs[fleet.clusters[0]][0], fleet.size.log_lines
        filled_s, began_ms = time.monotonic() - began_s, START_MS - lines
        spent = []
        for first in range(0, lines, LOG_BATCH):
            told = tuple(log(run, began_ms + n, n) for n in range(first, first + LOG_BATCH))
            spent.append(self._wrote(Batch(time_ms=began_ms + first, logs=told)))
        return {
            "history_s": round(filled_s, 1),
            f"{LOG_BATCH}_log_lines_ms": spread(spent),
            "log_lines_per_s": round(lines / sum(t.wall for t in spent) * 1_000),
        }

    def ingest(self) -> Figures:
        """What clusters tell, one after another, with the list of the jobs of their parts."""
        self._share(PARTS)
        ticks = [self._look() for _ in range(TICKS)]
        short = [replace(self._look(), job_list=None) for _ in range(TICKS)]
        minutes = [self._look(is_minute=True) for _ in range(TICKS)]
        only = [
            Batch(time_ms=look.time_ms, snapshots=look.snapshots)
            for look in (self._look(is_minute=True) for _ in range(TICKS))
        ]
        found: Figures = {
            "tick_ms": spread(map(self._wrote, ticks)),
            "tick_without_list_ms": spread(map(self._wrote, short)),
            "snapshots_ms": (spent := spread(map(self._wrote, only))),
            "snapshots": (number := len(only[0].snapshots)),
            "snapshots_per_s": round(number / spent["p50"] * 1_000),
            "tick_of_a_minute_ms": spread(map(self._wrote, minutes)),
        }
        return found

    def page(self) -> Figures:
        """What a reader waits for while a writer goes on."""
        runs = [run for cluster in self._fleet.clusters for run in self._fleet.ids(cluster)]
        chosen = self._dice.choices(runs, k=GETS)
        self._share(1)
        for _ in range(PARTS):
            self._wrote(self._look())
        with self._writing() as wrote:
            reports = spread(took(partial(self._pages.report, run)) for run in chosen)
            lists = spread(self._now_and_then(self._pages.jobs))
        found: Figures = {"report_ms": reports, "jobs_ms": lists, "ticks_per_s": wrote()}
        self._share(PARTS)
        for _ in range(PARTS):
            self._wrote(self._look())
        with self._writing() as wrote:
            found["jobs_joined_ms"] = spread(self._now_and_then(self._pages.jobs))
        found["ticks_per_s_joined"] = wrote()
        changed, same = [], []
        for _ in range(LISTS):
            self._wrote(self._look())
            changed.append(took(self._pages.jobs))
            same.append(took(self._pages.jobs))
        page = self._pages.jobs()
        assert page is not None
        return found | {
            "jobs_joined_quiet_changed_ms": spread(changed),
            "jobs_joined_quiet_same_ms": spread(same),
            "jobs_bytes": len(page.body),
        }

    def search(self) -> Figures:
        """A run's log lines, of which each line has been looked at where nothing is found."""
        logs, run = self.store.logs, self._first_run
        assert len(logs(run, contains="record 77 ").events) == 1
        searches = {
            "newest_100_ms": partial(logs, run),
            "nothing_found_ms": partial(logs, run, contains="no such text"),
            "oldest_found_ms": partial(logs, run, contains="record 77 "),
        }
        return {
            name: spread(took(search) for _ in range(SEARCHES)) for name, search in searches.items()
        }

    def fleet(self) -> Figures:
        """Runs and clusters, and what a process loads when it takes a cluster over."""
        store, clusters = self.store, self._dice.choices(self._fleet.clusters, k=LOADS)
        runs = [(c, self._dice.choice(self._fleet.runs[c])) for c in clusters * (GETS // LOADS)]
        found: Figures = {
            "runs_of_cluster_ms": spread(took(partial(store.runs, c)) for c, _ in runs),
            "run_of_job_ms": spread(
                took(partial(store.run_of_job, job_id(c, run.name))) for c, run in runs
            ),
            "run_of_flink_job_ms": spread(
                took(partial(store.run_of_flink_job, run.job)) for c, run in runs
            ),
            "containers_of_cluster_ms": spread(
                took(partial(store.container_facts, c)) for c in clusters
            ),
            "load_hour_ms": spread(took(partial(self._hour, c)) for c in clusters),
            "snapshots_of_an_hour": len(self._hour(clusters[0])),
        }
        store.close()
        found["open_and_check_ms"] = round(took(self._open).wall, 1)
        return found

    def expire(self) -> Figures:
        """A step with nothing to delete, as each minute, and with as much as a step may delete."""
        now_ms = START_MS + DAY_MS // 2
        nothing = [took(partial(self.store.expire, now_ms)) for _ in range(STEPS)]
        due = [took(partial(self.store.expire, now_ms + 4 * DAY_MS)) for _ in range(STEPS)]
        return {"nothing_due_ms": spread(nothing), "much_due_ms": spread(due)}

    def _open(self) -> None:
        store = self._database.open(Retention(max_bytes=1 << 40))
        assert isinstance(store, SqlStore)
        self.store = store
        self._pages = StoredPages(store, str, lambda: None)

    def _hour(self, cluster: str) -> list[Snapshot]:
        return [*self.store.load_hour(cluster, START_MS - HOUR_MS)]

    def _share(self, parts: int) -> None:
        """From now on the clusters are shared out into so many parts."""
        clusters = self._fleet.clusters
        self._lists = [self._fleet.job_list(clusters[part::parts]) for part in range(parts)]
        self._list_ms = [0] * parts
        self._jobs_of_part = len(clusters) // parts * self._fleet.size.jobs
        self._claims = [self.store.claim(part, parts) for part in range(parts)]

    def _look(self, is_minute: bool = False) -> Batch:
        number = next(self._looks)
        cluster = self._fleet.clusters[number % len(self._fleet.clusters)]
        part, time_ms = number % len(self._claims), START_MS + number * LOOK_MS
        job_list = None
        if time_ms >= self._list_ms[part]:
            job_list = listed(self._lists[part], time_ms)
            self._list_ms[part] = time_ms + self._jobs_of_part // JOBS_PER_MS
        tick = self._fleet.tick(cluster, time_ms, job_list, self._claims[part])
        return self._fleet.minute(tick, cluster, LINES) if is_minute else tick

    def _wrote(self, batch: Batch) -> Took:
        return took(partial(self.store.write, batch))

    @contextmanager
    def _writing(self) -> Iterator[Callable[[], float]]:
        """Meanwhile looks are written, if the store can, as often as clusters are looked at; how
        many a second."""
        over, wrote, began_s = Event(), 0, time.monotonic()

        def write() -> None:
            nonlocal wrote
            while not over.is_set():
                due_s = time.monotonic() + LOOK_MS / 1_000
                self.store.write(self._look(is_minute=wrote % LOOKS_A_MINUTE == 0))
                wrote += 1
                over.wait(max(0.0, due_s - time.monotonic()))

        thread = Thread(target=write)
        thread.start()
        try:
            yield lambda: round(wrote / took_s, 1)
        finally:
            over.set()
            thread.join()
            took_s = time.monotonic() - began_s

    def _now_and_then(self, get: Callable[[], object]) -> Iterator[Took]:
        for _ in range(LISTS):
            time.sleep(LOOK_MS / 1_000)
            yield took(get)


def compared(found: dict[str, Figures]) -> Figures:
    """What was found on both, and how often SQLite's figure PostgreSQL's is."""
    small, large = found["sqlite"], found["postgresql"]
    ratios = {name: round(_one(large[name]) / _one(small[name]), 2) for name in small}
    return {**found, "ratio": ratios}


def _one(figure: Any) -> float:
    return float(figure["p50"] if isinstance(figure, dict) else figure)


if __name__ == "__main__":
    main()
