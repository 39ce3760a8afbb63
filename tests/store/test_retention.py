"""What is too old or too much goes, what is not stays, and the file gets smaller."""

import os
from pathlib import Path

import pytest

from drsquirrel.model.identity import job_id, run_id
from drsquirrel.model.snapshot import WINDOW_MS
from drsquirrel.store.interface import DAY_MS, HOUR_MS, Batch, Memory, Retention, Store
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.store.sqlite_opening import DATABASE
from tests.store import made
from tests.store.made import CLUSTER, JOB_ID, RUN_ID, START_MS, Opener

STEPS = 1_000
"""More than any test needs: `expire` must come to an end."""


def expire_all(store: Store, now_ms: int) -> int:
    for step in range(STEPS):
        if not store.expire(now_ms):
            return step + 1
    raise AssertionError("expire never comes to an end")


def kinds(store: Store) -> set[str]:
    """What there is still something of."""
    content = made.everything(store)
    content["logs"] = store.logs(RUN_ID).events
    return {kind for kind, found in content.items() if found}


@pytest.mark.parametrize(
    ("age_ms", "gone"),
    [
        pytest.param(DAY_MS - HOUR_MS, set(), id="nothing within a day"),
        pytest.param(2 * DAY_MS, {"snapshots", "memory"}, id="detail after a day, or two"),
        pytest.param(3 * DAY_MS - HOUR_MS, {"snapshots", "memory"}, id="no logs in three days"),
        pytest.param(
            4 * DAY_MS, {"snapshots", "memory", "logs"}, id="logs after three days, or four"
        ),
        pytest.param(
            14 * DAY_MS + HOUR_MS,
            {"snapshots", "memory", "logs", "failures", "checkpoints", "changes"},
            id="events after two weeks",
        ),
    ],
)
def test_by_default_there_goes(store: Store, age_ms: int, gone: set[str]) -> None:
    store.write(made.tick(1))
    before = kinds(store)
    expire_all(store, START_MS + age_ms)
    assert before - kinds(store) == gone


def test_after_ninety_days_nothing_of_a_run_is_left(store: Store) -> None:
    store.write(made.tick(1))
    expire_all(store, START_MS + 90 * DAY_MS + HOUR_MS)
    assert kinds(store) == {"job lists", "offsets"}


def test_a_job_outlives_its_old_runs_as_long_as_it_has_a_new_one(store: Store) -> None:
    now_ms = START_MS + 100 * DAY_MS
    new = made.run("b" * 32, now_ms)
    store.write(made.tick(1))
    store.write(Batch(time_ms=now_ms, runs=(new,)))
    expire_all(store, now_ms)
    assert [r.seen for r in store.runs(CLUSTER)] == [new]
    assert store.run_of_job(JOB_ID) == run_id(CLUSTER, "b" * 32, now_ms)


def test_a_run_that_lives_for_ever_keeps_its_facts_and_loses_its_old_hours(store: Store) -> None:
    now_ms = START_MS + 100 * DAY_MS
    store.write(made.tick(1))
    store.write(Batch(time_ms=now_ms, runs=(made.run(),), reports=(made.report(now_ms),)))
    expire_all(store, now_ms)
    assert store.job_facts(RUN_ID) is not None
    assert [h.hour_ms for h in store.hours(RUN_ID)] == [now_ms]
    assert store.incidents(RUN_ID) == []


def noise(number: int, time_ms: int) -> Batch:
    """100 kB that do not compress, as a failure text."""
    return Batch(time_ms=time_ms, failures=(made.failure(number, os.urandom(50_000).hex()),))


def test_the_file_gets_smaller_when_things_are_deleted(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention())
    for number in range(100):
        store.write(noise(number, START_MS))
    store.expire(START_MS)
    full_bytes = size_of(tmp_path)
    expire_all(store, START_MS + 15 * DAY_MS)
    assert full_bytes > 5_000_000
    assert size_of(tmp_path) < full_bytes // 10
    store.close()


def size_of(directory: Path) -> int:
    return (directory / DATABASE).stat().st_size


@pytest.mark.parametrize(
    ("max_bytes", "stays"),
    [
        pytest.param(5_000_000, {"snapshots", "logs", "failures"}, id="nothing of what fits"),
        pytest.param(3_000_000, {"logs", "failures"}, id="snapshots first"),
        pytest.param(2_000_000, {"failures"}, id="then logs"),
        pytest.param(1_000_000, set(), id="then events"),
    ],
)
def test_a_file_that_is_too_large_loses(tmp_path: Path, max_bytes: int, stays: set[str]) -> None:
    store = SqliteStore(tmp_path, Retention(max_bytes=max_bytes))
    for number in range(20):
        text = os.urandom(50_000).hex()
        batch = Batch(
            time_ms=number,
            snapshots=(made.snapshot(START_MS - number * WINDOW_MS, operator=text),),
            logs=(made.log(number, text),),
            failures=(made.failure(number, text),),
        )
        store.write(batch)
    expire_all(store, START_MS + 2 * HOUR_MS)
    assert kinds(store) == stays
    assert size_of(tmp_path) < max_bytes
    store.close()


def test_of_a_file_that_is_full_of_runs_those_gone_for_longest_go_as_a_whole(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path, Retention(max_bytes=1_500_000))
    runs = [run_id(CLUSTER, f"{number:032x}", START_MS) for number in range(300)]
    for number, run in enumerate(runs):
        now_ms = START_MS + number * HOUR_MS
        batch = Batch(
            time_ms=now_ms,
            runs=(made.run(f"{number:032x}", name=f"job {number}"), made.run()),
            job_facts=(made.job_facts(),),
            containers=(made.container(f"tm-{number}"), made.container()),
            reports=(made.report(run=run, cause=os.urandom(4_000).hex()),),
        )
        store.write(batch)
    expire_all(store, now_ms)
    names = {run.seen.name for run in store.runs(CLUSTER)}
    assert names == {"orders", *(f"job {number}" for number in range(301 - len(names), 300))}
    assert 60 < len(names) < 300
    assert store.job_facts(RUN_ID) is not None
    assert [store.report(run) is None for run in (runs[0], runs[-1])] == [True, False]
    assert store.run_of_job(job_id(CLUSTER, "job 0")) is None
    assert [c.id for c in store.container_facts(CLUSTER)] == ["tm-1", "tm-298", "tm-299"]
    assert size_of(tmp_path) < 1_500_000
    store.close()


def test_what_is_of_the_last_hour_stays_however_large_it_is(opener: Opener, tmp_path: Path) -> None:
    store = opener(tmp_path, Retention(max_bytes=1_000))
    store.write(made.tick(1))
    before = made.everything(store)
    expire_all(store, START_MS + HOUR_MS - 1)
    assert made.everything(store) == before
    store.close()


def test_deleting_goes_in_steps_between_which_can_be_written(store: Store) -> None:
    for start in range(0, 1_000, 100):
        store.write(
            Batch(time_ms=start, failures=tuple(made.failure(start + n) for n in range(100)))
        )
    now_ms = START_MS + 15 * DAY_MS
    left = []
    while store.expire(now_ms):
        left.append(len(store.failures(RUN_ID, 1_000)))
        store.write(Batch(time_ms=now_ms, memories=(Memory(run=RUN_ID, body=b"x"),)))
    assert left[:5] == [800, 600, 400, 200, 0]


def test_after_the_clock_was_set_back_the_new_replaces_what_bears_a_later_time(
    store: Store,
) -> None:
    store.write(made.tick(8_640))
    now = made.tick(1)
    store.write(now)
    assert store.memory(RUN_ID) == b"memory 8640"
    expire_all(store, now.time_ms)
    store.write(made.tick(2))
    page = store.report(RUN_ID)
    assert store.memory(RUN_ID) == b"memory 2"
    assert page is not None and page.body == made.tick(2).reports[0].body
    assert store.job_facts(RUN_ID) == made.job_facts("strategy 2")
    assert store.container_facts(CLUSTER) == [made.container(slots=2)]


def test_retention_is_what_was_asked_for(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path, Retention(snapshots_ms=HOUR_MS))
    store.write(Batch(time_ms=START_MS, snapshots=(made.snapshot(),)))
    expire_all(store, START_MS + HOUR_MS)
    assert len(list(store.load_hour(CLUSTER, 0))) == 1
    expire_all(store, START_MS + HOUR_MS + 1)
    assert list(store.load_hour(CLUSTER, 0)) == []
    store.close()
