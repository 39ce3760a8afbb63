"""FlinkJobWatcher on a real Flink, between real topics: what it tells is what one process tells."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from demo import watcher
from demo.broker import Broker
from demo.cluster import Cluster
from drsquirrel.model.event import Event, FailureEvent, LogEvent
from drsquirrel.model.event import encoder as event_encoder
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.watch.piece import joined
from tests.commands import ROOT
from tests.conftest import need_maven, need_pyflink
from tests.watch.made import NOON_MS, TRACE, origin, report, subtask
from tests.watched_job import CHECKPOINTED_S, ENOUGH_S, OPEN_MS, Watched, Watcher, arrivals

pytestmark = [pytest.mark.flink, pytest.mark.timeout(600)]
AHEAD_MS = 3_600_000
POISON = [
    b"{}",
    event_encoder.encode(report(1, NOON_MS))[:-1] + b',"password":"hunter2\xff"}',
    event_encoder.encode(report(2, NOON_MS))[:-1] + b',"password":1e9999}',
    event_encoder.encode(report(3, NOON_MS))[:-1] + b',"token":' + b"9" * 5_000 + b"}",
    event_encoder.encode(report(4, NOON_MS)).replace(b'"schema":', b'"schema":9', 1),
]
"""What nobody reads may be broken too, and is only looked at where it might be a secret; the last
is of a version to come."""


def ahead(minutes: int) -> list[tuple[int, Event]]:
    """One process more, whose clock is an hour ahead."""
    found: list[tuple[int, Event]] = []
    for round_ in range(minutes * 6):
        at_ms = OPEN_MS + round_ * 10_000
        values = subtask(9, busy_ms=round_)
        told = report(round_, at_ms + AHEAD_MS, values, job="one", container="tm-ahead")
        found.append((at_ms, told))
    return found


@pytest.fixture(scope="module")
def flink() -> Iterator[Cluster]:
    need_maven()
    need_pyflink()
    with Cluster(
        taskmanagers=1, slots=2, heap_mb=384, metaspace_mb=256, config=watcher.MANAGED_MEMORY
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def job(flink: Cluster, broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Watcher:
    return Watcher(flink, broker, "told-", tmp_path_factory.mktemp("watcher"))


@pytest.fixture(scope="module")
def watched(broker: Broker, job: Watcher) -> Iterator[Watched]:
    """What was told of three windows in which all that can be odd was odd, and a worker died."""
    found = Watched(broker, "told-")
    random = Random(1)
    told = arrivals(15, random)
    odd = [
        *ahead(10),
        told[50],
        *random.sample(told[:100], 30),  # once more, later
        (OPEN_MS + 70_000, replace(told[3][1], time_ms=OPEN_MS - 3_000_000)),  # a clock that is off
        (OPEN_MS + 80_000, report(900, OPEN_MS + 4_000_000, subtask(7, busy_ms=1), job="one")),
        (OPEN_MS + 90_000, report(901, OPEN_MS + 90_000, subtask(7, nonsense=1), job="one")),
    ]
    found.send(sorted((*told[:600], *odd), key=lambda arrived: arrived[0]))
    job.submit()
    found.until(lambda: bool(job.workers()))
    failure = FailureEvent(
        origin=origin(5_000, "tm-1"), time_ms=OPEN_MS + 400_000, job="one", throwable=TRACE
    )
    found.send([(OPEN_MS + 400_000, failure)], "flink-events")
    found.until(lambda: found.kinds["news"] > 0)
    found.kinds["windows before the news"] = found.kinds["window"]
    for worker in job.workers():
        with suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)
    line = LogEvent(
        origin=origin(6_000, "tm-2"),
        time_ms=OPEN_MS + 500_000,
        job="two",
        level="WARN",
        logger="a.B",
        message="slow 3",
    )
    found.send([(OPEN_MS + 500_000, line)], "flink-logs")
    found.send_raw(b"rubbish", OPEN_MS + 500_000)
    for poison in POISON:
        found.send_raw(poison, OPEN_MS + 500_000)
    found.send(told[600:])
    found.close_windows(OPEN_MS + 3_600_000)
    found.until(lambda: not found.differing() and len(found.letters) > len(POISON))
    late = report(902, OPEN_MS + 5_000, subtask(8, busy_ms=5), job="one", container="tm-0")
    found.send([(OPEN_MS + 5_000, late)])
    found.until(lambda: found.kinds["late"] > 0)
    return found


def test_it_tells_byte_for_byte_what_one_process_tells(watched: Watched) -> None:
    assert watched.wanted().keys() <= watched.told.keys() and len(watched.wanted()) == 18
    assert watched.differing() == []


def test_a_clock_an_hour_ahead_is_not_believed_and_makes_nobody_late(watched: Watched) -> None:
    rollups = [
        rollup
        for (subject, _), parts in watched.told.items()
        if subject.job == "one"
        for rollup in joined(parts).rollups
    ]
    assert max(rollup.minute for rollup in rollups) * MINUTE_MS < OPEN_MS + 15 * MINUTE_MS
    off = {(c, ms) for rollup in rollups for c, _, ms in rollup.skewed if c == "tm-ahead"}
    assert off == {("tm-ahead", AHEAD_MS)}
    minutes = [r.minute for r in rollups if "tm-ahead" in {t.key.container for t in r.tracks}]
    assert len(set(minutes)) == 10
    assert watched.kinds["late"] == 1, "of what came after its window, alone"


def test_news_leave_before_their_window_closes(watched: Watched) -> None:
    # The worker died after it, and what was not checkpointed is told again.
    assert watched.kinds["news"] >= 1 and watched.kinds["windows before the news"] == 0


def test_what_comes_after_its_window_is_told_by_itself(watched: Watched) -> None:
    assert watched.kinds["late"] == 1


def test_what_is_unreadable_is_put_aside(watched: Watched) -> None:
    offsets = {letter["offset"] for letter in watched.letters}
    assert len(offsets) == 1 + len(POISON)
    reasons = Counter(letter["reason"] for letter in watched.letters)
    assert reasons == {b"malformed": len(POISON), b"newer schema": 1}
    assert {letter["topic"] for letter in watched.letters} == {b"told-flink-logs"}
    assert not [letter for letter in watched.letters if b"hunter2" in letter["value"]]


def test_what_was_told_is_kept_no_longer(watched: Watched, job: Watcher) -> None:
    watched.until(lambda: False, CHECKPOINTED_S)
    [running] = (j for j in job.flink.rest.get("/jobs")["jobs"] if j["status"] == "RUNNING")
    kept = job.flink.rest.get(f"/jobs/{running['id']}/checkpoints")["latest"]["completed"]
    assert kept["state_size"] < 16_000, "what holds windows open, of 1,100 messages"


def test_its_functions_run_where_flink_runs_its_tasks(watched: Watched, job: Watcher) -> None:
    workers = job.workers()
    [taskmanager] = {parent for parent in workers.values() if parent not in workers}
    assert taskmanager == job.flink.pids["taskmanager-0"]


def test_its_status_says_that_it_runs_and_it_runs_once(watched: Watched, job: Watcher) -> None:
    code, told, _ = job.does("status")
    assert (
        code == 0
        and " RUNNING, begun " in told
        and " 1 restarts" in told
        and "parallelism 1" in told
    )
    with pytest.raises(RuntimeError, match="already, as job"):
        job.submit()


def test_when_it_is_ended_and_begun_again_nothing_is_lost(
    watched: Watched, job: Watcher, broker: Broker
) -> None:
    random = Random(2)
    shift_ms = 7_200_000
    told = [
        (ms + shift_ms, replace(event, time_ms=event.time_ms + shift_ms))
        for ms, event in arrivals(10, random)
    ]
    watched.send(told[:300])
    watched.until(lambda: False, CHECKPOINTED_S)  # within a window
    assert not [window_ms for _, window_ms in watched.told if window_ms == OPEN_MS + shift_ms]
    code, ended, _ = job.does("cancel")
    assert code == 0 and len(ended.strip()) == 32
    assert job.does("status")[0] == 1
    watched.send(told[300:])
    job.submit("--parallelism", "2")
    watched.close_windows(OPEN_MS + 2 * shift_ms)
    watched.until(lambda: not watched.differing())
    assert watched.differing() == []
    code, said, _ = job.does("status")
    assert code == 0 and "parallelism 2" in said
    assert job.does("cancel")[0] == 0 and job.does("cancel")[0] == 1


@pytest.mark.alone
def test_its_packages_may_be_sent_along(
    flink: Cluster, broker: Broker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    packed = Watcher(flink, broker, "packed-", tmp_path_factory.mktemp("packed"))
    found = Watched(broker, "packed-")
    found.send(arrivals(5, Random(3)))
    found.close_windows(OPEN_MS + 3_600_000)
    job = packed.submit("--python", "")
    found.until(lambda: not found.differing(), 2 * ENOUGH_S)
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in packed.workers()]
    assert packed.does("cancel")[1].strip() == job
    assert found.differing() == []
    assert commands and not any(str(watcher.PYTHON).encode() in c for c in commands)


BY_THREADS = """
from concurrent.futures import ThreadPoolExecutor
from drsquirrel.flink_functions import ZSTD
from drsquirrel.model.event import MetricReport, Origin, Place, Values, tables
from drsquirrel.watch.bundle import bundles, decode, encode
from drsquirrel.watch.piece import Arrived

def again(number):
    origin = Origin(cluster="c", producer="plugin", epoch="e", sequence=number)
    of_tasks = tables(Values({"busy_ms": n}, Place("v", n, attempt=0)) for n in range(200))
    report = MetricReport(origin=origin, time_ms=60_000, job="j", tables=of_tasks)
    [bundle] = bundles([Arrived(60_000, 60_000, report)], 1)[0].values()
    [encoded, _] = encode(bundle)
    return all(decode(ZSTD.unpack(ZSTD.pack(encoded))) == bundle for _ in range(100))

with ThreadPoolExecutor(8) as threads:
    print(all(threads.map(again, range(8))))
"""


def test_functions_that_run_in_several_threads_of_one_process_pack_what_they_were_given() -> None:
    need_pyflink()
    done = subprocess.run(
        [watcher.PYTHON, "-c", BY_THREADS], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout == "True\n", done.stderr
