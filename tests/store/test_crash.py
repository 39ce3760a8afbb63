"""A process that is killed while it writes loses nothing it acknowledged and leaves no half batch.

This covers the death of the process. Against the loss of power stands synchronous = FULL, which
a test can only look up.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from drsquirrel.store.interface import Retention, Store
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE, open_writer
from tests.store import made
from tests.store.made import CLUSTER, RUN_ID, START_MS

ROOT = Path(__file__).parents[2]
KILLS = 10


def write_until_killed(
    place: object, start: int, count: int, then_s: float, **environment: str
) -> int:
    """Kill the writer some time after it acknowledged `count`; the last tick it acknowledged."""
    command = [sys.executable, "-m", "tests.store.crashing", str(place), str(start)]
    variables = {**os.environ, **environment}
    with subprocess.Popen(
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline() for _ in range(count)]
        time.sleep(then_s)
        child.kill()
        acknowledged += child.stdout.readlines()
    assert child.returncode == -signal.SIGKILL, "it ended before it was killed"
    # The last line may be cut by the kill; a whole one ends in a newline.
    return max(int(a) for a in acknowledged if a.endswith("\n"))


def test_ten_kills_in_the_middle_of_writing_lose_nothing_and_tear_nothing(tmp_path: Path) -> None:
    moments = random.Random(20261124)
    last = -1
    for _ in range(KILLS):
        count, then_s = moments.randint(1, 20), moments.uniform(0, 0.02)
        acknowledged = write_until_killed(tmp_path, last + 1, count, then_s)
        store = SqliteStore(tmp_path, Retention())
        failures = [f.time_ms for f in store.failures(RUN_ID, 10_000)]
        last = len(failures) - 1
        assert last in (acknowledged, acknowledged + 1), "only the one in flight may be there too"
        assert_whole(store, last)
        store.close()
        assert_sound(tmp_path / DATABASE)


def assert_whole(store: Store, last: int) -> None:
    """Everything of ticks 0 to last is there, nothing of a later one."""
    ticks = [made.tick(number, logs=40) for number in range(last + 1)]
    newest = ticks[-1]
    page, [jobs] = store.report(RUN_ID), store.job_lists()
    assert page is not None and page.body == newest.reports[0].body
    assert jobs.body == newest.job_list
    assert store.memory(RUN_ID) == newest.memories[0].body
    assert store.job_facts(RUN_ID) == newest.job_facts[0]
    assert store.container_facts(CLUSTER) == list(newest.containers)
    assert store.failures(RUN_ID, 10_000) == [t.failures[0] for t in reversed(ticks)]
    assert store.changes(RUN_ID, 10_000) == [t.changes[0] for t in reversed(ticks)]
    assert store.checkpoints(RUN_ID, 10_000) == [
        newest.checkpoints[0],
        *(t.checkpoints[1] for t in reversed(ticks)),
    ]
    windows = {(s.window_ms, s.subject): s for t in ticks for s in t.snapshots}
    assert {(s.window_ms, s.subject): s for s in store.load_hour(CLUSTER, 0)} == windows
    written = [event for t in ticks for event in t.logs]
    assert list(store.logs(RUN_ID, 1_000_000).events) == written[::-1]
    assert [r.last_seen_ms for r in store.runs(CLUSTER)] == [START_MS + last * 10_000]


def assert_sound(path: Path) -> None:
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_every_commit_is_synced_to_the_disk_in_wal_mode(tmp_path: Path) -> None:
    connection = open_writer(tmp_path / "db")
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
