"""How fast the store is: ticks of 100 runs, a run of 100,000 log events, restart. One JSON file."""

import json
import os
import platform
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from drsquirrel.model.event import LogEvent, Origin
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.identity import run_id
from drsquirrel.model.report import Data, JobRef, LastHour, Node, Report, RunRef
from drsquirrel.model.snapshot import WINDOW_MS, Reading, Rollup, Snapshot, Subject, Track, TrackKey
from drsquirrel.model.verdict import Verdict
from drsquirrel.store.body import encoded
from drsquirrel.store.interface import Batch, Memory, RenderedReport, Retention
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE

RESULT = Path(__file__).parent / "results" / "store.json"
START_MS = 1_800_000_000_000
RUNS, VERTICES, SUBTASKS = 100, 10, 8
TICKS, TICK_MS, TICKS_PER_SNAPSHOT = 30, 10_000, 6
LOG_EVENTS, LOG_BATCH = 100_000, 100
WINDOWS = 12
dice = random.Random(1)


def main() -> None:
    result = {
        "machine": {
            "system": platform.platform(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            "cores": os.cpu_count(),
            "load_before": os.getloadavg()[0],
        },
        "ticks_full": ticks("FULL"),
        "ticks_normal": ticks("NORMAL"),
        "logs": logs(),
        "restart": restart(),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def ticks(synchronous: str) -> dict[str, float]:
    """Five minutes of 100 runs of 10 vertices with 8 subtasks each, without waiting in between."""
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteStore(Path(directory), Retention())
        store._writer.execute(f"PRAGMA synchronous = {synchronous}")
        plain: list[Took] = []
        with_snapshots: list[Took] = []
        for number in range(TICKS):
            batch = tick(number)
            took = Took(partial(store.write, batch))
            (with_snapshots if batch.snapshots else plain).append(took)
        run = batch.reports[0].report.run.id
        read = Took(lambda: [store.report(run) for _ in range(1_000)])
        store.close()
        size = (Path(directory) / DATABASE).stat().st_size
    return {
        "runs": RUNS,
        "tick_ms_p50": statistics.median(t.wall_ms for t in plain),
        "tick_ms_p95": statistics.quantiles((t.wall_ms for t in plain), n=20)[-1],
        "tick_cpu_ms_p50": statistics.median(t.cpu_ms for t in plain),
        "tick_with_snapshots_ms_p50": statistics.median(t.wall_ms for t in with_snapshots),
        "tick_with_snapshots_cpu_ms_p50": statistics.median(t.cpu_ms for t in with_snapshots),
        "report_read_cpu_ms": read.cpu_ms / 1_000,
        "database_bytes": size,
    }


def tick(number: int) -> Batch:
    time_ms = START_MS + number * TICK_MS
    seen = tuple(
        RunSeen(cluster="c", job=f"{i:032x}", start_ms=START_MS, name=f"job {i}", state="RUNNING")
        for i in range(RUNS)
    )
    snapshots = number % TICKS_PER_SNAPSHOT == 0
    window_ms = time_ms - time_ms % WINDOW_MS
    return Batch(
        time_ms=time_ms,
        runs=seen,
        reports=tuple(report(run, time_ms) for run in seen),
        memories=tuple(
            Memory(run=run_id(r.cluster, r.job, r.start_ms), body=dice.randbytes(500)) for r in seen
        ),
        snapshots=tuple(snapshot(r, window_ms, 5) for r in seen) if snapshots else (),
        job_list=encoded(list(seen)),
    )


def report(run: RunSeen, made_ms: int) -> RenderedReport:
    graph = [
        Node(
            id=f"{i:032x}",
            name=f"Vertex {i}",
            operators=("Source", "Map", "Filter"),
            inputs=(),
            parallelism=SUBTASKS,
            busy=dice.random(),
            backpressured=dice.random(),
            records_per_s=dice.random() * 1e5,
        )
        for i in range(VERTICES * 5)
    ]
    document = Report(
        made_ms=made_ms,
        job=JobRef(id=run.job[-12:], cluster="c", name=run.name),
        run=RunRef(
            id=run_id("c", run.job, START_MS),
            job_id=run.job[-12:],
            start_ms=START_MS,
            state="RUNNING",
        ),
        verdict=Verdict.HEALTHY,
        headline="Healthy.",
        hour=LastHour(from_ms=made_ms),
        data=Data(age_ms=0, observed_minutes=60),
        graph=graph,
    )
    return RenderedReport(report=document, body=encoded(document))


def snapshot(run: RunSeen, window_ms: int, minutes: int) -> Snapshot:
    subject = Subject(cluster="c", job=run.job, start_ms=run.start_ms)
    rollups = tuple(
        Rollup(
            subject=subject,
            minute=window_ms // 60_000 + minute,
            tracks=tuple(
                track(window_ms + minute * 60_000, vertex, subtask)
                for vertex in range(VERTICES)
                for subtask in range(SUBTASKS)
            ),
        )
        for minute in range(minutes)
    )
    return Snapshot(
        subject=subject,
        window_ms=window_ms,
        rollups=rollups,
        reports_seen=window_ms % 1000 + minutes,
        reports_expected=30,
    )


def track(time_ms: int, vertex: int, subtask: int) -> Track:
    def reading(at_ms: int) -> Reading:
        values = {f"metric_{i}": dice.randrange(10**7) for i in range(9)}
        return Reading(at_ms, at_ms // TICK_MS, values)

    gauges = {f"metric_{i}": dice.randrange(100) for i in range(3)}
    key = TrackKey("tm-1", "e", f"{vertex:032x}", subtask, attempt=0)
    return Track(key, (reading(time_ms),), (reading(time_ms + 50_000),), gauges, gauges)


def logs() -> dict[str, float]:
    """One run that logs 100,000 warnings with stack traces of some kinds."""
    run = RunSeen(cluster="c", job="a", start_ms=START_MS, name="a", state="RUNNING")
    batches = [
        Batch(time_ms=START_MS + s, logs=tuple(log(n) for n in range(s, s + LOG_BATCH)))
        for s in range(0, LOG_EVENTS, LOG_BATCH)
    ]
    subject = run_id(run.cluster, run.job, run.start_ms)
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteStore(Path(directory), Retention())
        wrote = Took(partial(write_all, store, batches))
        reads = {
            "newest_100_cpu_ms": partial(store.logs, subject),
            "search_for_nothing_cpu_ms": partial(store.logs, subject, contains="no such text"),
            "search_for_the_oldest_cpu_ms": partial(store.logs, subject, contains="record 77 "),
        }
        times = {
            name: statistics.median(Took(read).cpu_ms for _ in range(9))
            for name, read in reads.items()
        }
        assert len(store.logs(subject, contains="record 77 ").events) == 1
        store.close()
        size = (Path(directory) / DATABASE).stat().st_size
    return {
        "events": LOG_EVENTS,
        "events_per_cpu_s": LOG_EVENTS / wrote.cpu_ms * 1_000,
        "bytes_per_event": size / LOG_EVENTS,
    } | times


def write_all(store: SqliteStore, batches: list[Batch]) -> None:
    for batch in batches:
        store.write(batch)


def log(number: int) -> LogEvent:
    kind = dice.randrange(5)
    frames = "\n".join(f"\tat com.example.Step{kind}.call(Step{kind}.java:{i})" for i in range(5))
    return LogEvent(
        origin=Origin(
            cluster="c", producer="plugin", epoch="1f3a", sequence=number, container="tm-1"
        ),
        time_ms=START_MS + number * 7,
        level="WARN",
        logger=f"com.example.Step{kind}",
        message=f"record {number} took {dice.randrange(10_000)} ms",
        thread=f"Map ({dice.randrange(8)}/8)#0",
        throwable=f"java.io.IOException: time-out\n{frames}" if kind == 0 else "",
        job="a",
        start_ms=START_MS,
    )


def restart() -> dict[str, float]:
    """Open a database with the last hour of 100 runs, and load that hour."""
    with tempfile.TemporaryDirectory() as directory:
        store = SqliteStore(Path(directory), Retention())
        seen = tick(0).runs
        for number in range(WINDOWS):
            window_ms = START_MS + number * WINDOW_MS
            snapshots = tuple(snapshot(run, window_ms, 5) for run in seen)
            store.write(Batch(time_ms=window_ms, snapshots=snapshots))
        store.close()
        size = (Path(directory) / DATABASE).stat().st_size
        opened = Took(lambda: SqliteStore(Path(directory), Retention()).close())
        store = SqliteStore(Path(directory), Retention())
        loaded = 0

        def load() -> None:
            nonlocal loaded
            loaded = sum(1 for _ in store.load_hour("c", START_MS))

        took = Took(load)
        store.close()
    assert loaded == RUNS * WINDOWS
    return {
        "open_and_check_cpu_ms": opened.cpu_ms,
        "load_hour_cpu_ms": took.cpu_ms,
        "snapshot_bytes": size / loaded,
        "series_per_snapshot": VERTICES * SUBTASKS * 9,
    }


class Took:
    """How long some work took, by the wall and of this process's CPU."""

    def __init__(self, work: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        work()
        self.wall_ms = (time.perf_counter() - wall) * 1_000
        self.cpu_ms = (time.process_time() - cpu) * 1_000


if __name__ == "__main__":
    main()
