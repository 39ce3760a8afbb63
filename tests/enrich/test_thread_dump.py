import asyncio
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from drsquirrel.collect.flink_rest.error import UnreachableError
from drsquirrel.collect.replay import RecordedClock
from drsquirrel.enrich import thread_dump
from drsquirrel.enrich.job_facts import JobFactsSource
from drsquirrel.enrich.thread_dump import (
    Dumped,
    TaskManagerNow,
    ThreadDumps,
    refusal,
)
from drsquirrel.model.facts import CheckpointSettings, JobFacts, Vertex
from tests.enrich.recorded import VERSIONS, played, runs

CALM = TaskManagerNow(
    container="tm-1", threads=150, heartbeat_age_ms=900, up_ms=600_000, gc_share=0.01
)
FACTS = JobFacts(
    cluster="c",
    job="j",
    start_ms=1,
    name="x",
    vertices=(Vertex(id="v", name="enrich", parallelism=2),),
    checkpoints=CheckpointSettings(interval_ms=5, timeout_ms=60_000, tolerable_failures=0),
)
NOW_MS = 10_000_000
CHECKPOINTS = "/jobs/j/checkpoints"


def why(
    at: TaskManagerNow = CALM,
    dumped: tuple[Dumped, ...] = (),
    allowed: bool = True,
    in_flight: bool = False,
    checkpoint: bool | None = False,
    **changes: Any,
) -> str:
    return refusal(
        msgspec.structs.replace(at, **changes),
        dumped,
        NOW_MS,
        allowed=allowed,
        in_flight=in_flight,
        checkpoint_near_timeout=checkpoint,
    )


def dumped(age_ms: int, container: str = "tm-1", took_ms: int = 50, failed: bool = False) -> Dumped:
    return Dumped(container=container, time_ms=NOW_MS - age_ms, took_ms=took_ms, failed=failed)


def test_a_calm_taskmanager_may_be_dumped() -> None:
    assert why() == ""
    assert why(gc_share=None) == ""
    assert why(dumped=(dumped(1_000), dumped(5_000))) == ""
    assert why(dumped=(dumped(1_000), dumped(2_000), dumped(600_000))) == ""
    assert why(up_ms=120_000, dumped=tuple(map(dumped, range(121_000, 128_000, 1_000)))) == ""
    assert why(dumped=(dumped(100, "tm-2"), dumped(200, "tm-2"), dumped(300, "tm-2"))) == ""


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"allowed": False}, "forbidden by the setting"),
        ({"in_flight": True}, "another thread dump"),
        ({"dumped": (dumped(9_000_000, failed=True),)}, "did not come back"),
        ({"dumped": (dumped(599_999, took_ms=1_001),)}, "took more than 1 s"),
        ({"dumped": tuple(map(dumped, (3_000, 5_000, 7_000, 599_999)))}, "4 thread dumps"),
        (
            {"up_ms": 61_000, "dumped": tuple(dumped(62_000 + n) for n in range(12))},
            "12 thread dumps",
        ),
        ({"dumped": (dumped(999),)}, "less than 1 s ago"),
        ({"threads": 501}, "501 threads"),
        ({"threads": None}, "not known how many threads"),
        ({"heartbeat_age_ms": 12_001}, "silent"),
        ({"heartbeat_age_ms": None}, "last heard of"),
        ({"gc_share": 0.2}, "garbage"),
        ({"up_ms": 59_999}, "less than 60 s"),
        ({"up_ms": None}, "less than 60 s"),
        ({"checkpoint": True}, "half of its time-out"),
        ({"checkpoint": None}, "not known how long a checkpoint"),
    ],
)
def test_a_dump_is_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    assert reason in why(**changes)


class Told:
    """A cluster that lists the paths it was asked; `takes_s` of the clock go by for a dump."""

    def __init__(self, clock: RecordedClock, takes_s: float = 0.05) -> None:
        self.clock = clock
        self.takes_s = takes_s
        self.asked: list[tuple[str, int]] = []
        self.checkpoint_begun_ms: int | str | None = None
        self.error: Exception | None = None

    async def get(self, path: str) -> Any:
        self.asked.append((path, self.clock.now_ms()))
        if path == CHECKPOINTS:
            begun_ms = self.checkpoint_begun_ms
            entry = {"status": "IN_PROGRESS", "trigger_timestamp": begun_ms}
            return {"history": [] if begun_ms is None else [entry]}
        await self.clock.sleep(self.takes_s)
        if self.error is not None:
            raise self.error
        return {"threadInfos": [{"threadName": "x", "stringifiedThreadInfo": ""}] * 40}

    def dumps(self) -> list[tuple[str, int]]:
        return [(path.split("/")[2], at) for path, at in self.asked if "thread-dump" in path]


def calm(*containers: str) -> list[TaskManagerNow]:
    return [msgspec.structs.replace(CALM, container=c) for c in containers]


def started(takes_s: float = 0.05, allowed: bool = True) -> tuple[Told, ThreadDumps]:
    clock = RecordedClock(NOW_MS)
    cluster = Told(clock, takes_s)
    return cluster, ThreadDumps(cluster, clock, allowed=allowed)


async def test_four_dumps_of_two_taskmanagers_are_taken_apart_and_listed() -> None:
    cluster, dumps = started()
    samples, actions = await dumps.take(FACTS, calm("tm-1", "tm-2", "tm-3"))
    assert samples == []
    assert [container for container, _ in cluster.dumps()] == ["tm-1", "tm-2"] * 4
    for name in ("tm-1", "tm-2"):
        times = [at for container, at in cluster.dumps() if container == name]
        assert all(1_000 <= b - a <= 2_000 for a, b in pairwise(times))
    assert [(a.container, a.time_ms) for a in actions] == cluster.dumps()
    assert {(a.what, a.took_ms, a.result) for a in actions} == {
        ("thread dump", 50, "40 threads, 0 of them run tasks")
    }
    assert dumps.refused == ""


async def test_the_fifth_dump_within_ten_minutes_is_refused() -> None:
    cluster, dumps = started()
    await dumps.take(FACTS, calm("tm-1"))
    await cluster.clock.sleep(500)
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert dumps.refused == "it had 4 thread dumps in the last 10 min"
    await cluster.clock.sleep(101)
    assert len((await dumps.take(FACTS, calm("tm-1")))[1]) == 4


async def test_where_dumps_are_forbidden_nothing_is_asked() -> None:
    cluster, dumps = started(allowed=False)
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert "forbidden" in dumps.refused
    assert cluster.asked == []


async def test_a_dump_that_takes_more_than_a_second_is_the_last() -> None:
    cluster, dumps = started(takes_s=1.1)
    _, actions = await dumps.take(FACTS, calm("tm-1", "tm-2"))
    assert [a.took_ms for a in actions] == [1_100]
    assert len(cluster.dumps()) == 1
    assert "last thread dump" in dumps.refused
    await cluster.clock.sleep(60)
    await dumps.take(FACTS, calm("tm-1"))
    assert len(cluster.dumps()) == 1


async def test_a_taskmanager_that_did_not_answer_is_never_dumped_again() -> None:
    cluster, dumps = started()
    cluster.error = UnreachableError("Cannot reach it.")
    _, actions = await dumps.take(FACTS, calm("tm-1", "tm-2"))
    assert [a.result for a in actions] == ["Cannot reach it."]
    cluster.error = None
    await cluster.clock.sleep(100_000)
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert "did not come back" in dumps.refused
    assert len((await dumps.take(FACTS, calm("tm-2")))[1]) == 4


async def test_a_dump_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_dump, "HANGS_S", 0.05)

    class Hanging(Told):
        async def get(self, path: str) -> Any:
            if "thread-dump" in path:
                self.asked.append((path, 0))
                await asyncio.Event().wait()
            return await super().get(path)

    clock = RecordedClock(NOW_MS)
    cluster = Hanging(clock)
    dumps = ThreadDumps(cluster, clock, allowed=True)
    _, actions = await dumps.take(FACTS, calm("tm-1"))
    assert [a.result for a in actions] == ["no answer in 0.05 s"]
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert len(cluster.dumps()) == 1


async def test_two_runs_never_have_two_dumps_of_a_cluster_in_flight() -> None:
    cluster, dumps = started(takes_s=0.5)

    async def second() -> None:
        await cluster.clock.sleep(0.25)
        assert await dumps.take(FACTS, calm("tm-2")) == ([], [])
        assert dumps.refused == "another thread dump of this cluster is being taken"

    (_, actions), _ = await asyncio.gather(dumps.take(FACTS, calm("tm-1")), second())
    assert len(actions) == 4


async def test_a_checkpoint_that_has_just_begun_can_bear_a_dump() -> None:
    cluster, dumps = started()
    cluster.checkpoint_begun_ms = NOW_MS - 5_000
    assert len((await dumps.take(FACTS, calm("tm-1")))[1]) == 4


async def test_a_checkpoint_near_its_time_out_forbids_a_dump() -> None:
    cluster, dumps = started()
    cluster.checkpoint_begun_ms = NOW_MS - 31_000
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert dumps.refused == "a checkpoint has run for half of its time-out"


async def test_what_is_not_known_of_checkpoints_is_taken_for_danger() -> None:
    cluster, dumps = started()
    cluster.checkpoint_begun_ms = "?"
    assert await dumps.take(FACTS, calm("tm-1")) == ([], [])
    assert "not known how long a checkpoint" in dumps.refused
    off = msgspec.structs.replace(FACTS, checkpoints=None)
    assert len((await dumps.take(off, calm("tm-1")))[1]) == 4


@pytest.mark.parametrize("version", VERSIONS)
async def test_dumps_of_a_real_cluster_show_the_threads_of_the_run(version: str) -> None:
    get, clock = played(f"threads-{version}")
    listed = await runs(get)
    taskmanagers = [t["id"] for t in (await get.get("/taskmanagers"))["taskmanagers"]]
    source = JobFactsSource("demo", get, clock)
    facts = {name: (await source.look_up(run)).value for name, run in listed.items()}
    lock = facts["lock"]
    assert lock is not None
    # When this was recorded another run's checkpoints were waited for.
    lock = msgspec.structs.replace(lock, checkpoints=None)
    samples, actions = await ThreadDumps(get, clock, allowed=True).take(lock, calm(*taskmanagers))
    assert len(actions) == 8
    assert len(samples) == 8 * 6
    assert {s.task for s in samples} == {"Source: orders -> parse", "enrich", "ledger: Writer"}
