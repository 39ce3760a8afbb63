"""Processes: collections, heap floor, CPU, and whether they are gone."""

import pytest

from drsquirrel.diagnose.container import (
    ContainerMinute,
    Process,
    container_minute,
    place,
    process_of,
    slots_free,
)
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.model.event import ChangeEvent, Origin
from drsquirrel.model.facts import ContainerFacts
from drsquirrel.model.kill import Kill
from drsquirrel.model.snapshot import Rollup, Subject
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.yarn import YarnContainer
from tests.diagnose.made import reading, rollup, track

TM = Subject(cluster="c", container="tm-1")
FACTS = ContainerFacts(cluster="c", id="tm-1", is_taskmanager=True, host="h", cpu_cores=4)
HOUR = range(60)


def minute(
    number: int,
    *,
    used: int = 400,
    low: int = 300,
    most: int = 1000,
    gc_ms: int = 0,
    collections: int = 0,
    cpu_s: float = 0.0,
    **live: int,
) -> Rollup:
    """Two readings, 5 s and 55 s into the minute, between which so much happened."""
    at_s = number * 60
    collector = track(
        group="Copy",
        first=(reading(at_s + 5, gc_time_ms=number * gc_ms, gc_count=number * collections),),
        last=(
            reading(
                at_s + 55, gc_time_ms=(number + 1) * gc_ms, gc_count=(number + 1) * collections
            ),
        ),
    )
    ns = int(cpu_s * 1e9)
    values = {"heap_used_bytes": used, "heap_max_bytes": most, **live}
    own = track(
        first=(reading(at_s + 5, cpu_time_ns=number * ns, **values),),
        last=(reading(at_s + 55, cpu_time_ns=(number + 1) * ns, **values),),
        low={"heap_used_bytes": low},
    )
    return rollup(number, own, collector, subject=TM)


def process(
    *rollups: Rollup,
    facts: ContainerFacts | None = FACTS,
    now_s: int = 300,
    is_listed: bool = True,
    runs: frozenset[str] = frozenset(),
    id_: str = "tm-1",
    yarn: YarnContainer | None = None,
) -> Process:
    memo: Minutes[ContainerMinute] = Minutes()
    by_minute = {r.minute: r for r in rollups}
    return process_of(
        id_, by_minute, facts, memo, HOUR, now_s * 1000, runs=runs, is_listed=is_listed, yarn=yarn
    )


def test_the_heap_floor_is_the_lowest_heap_of_a_window_with_three_collections() -> None:
    found = container_minute((minute(0, collections=2), minute(1, collections=2, low=250)))
    assert found.heap_floor_share == 0.25


def test_without_collections_or_a_maximum_the_heap_floor_is_unknown() -> None:
    few = container_minute((minute(0, collections=1), minute(1, collections=1)))
    assert isinstance(few.heap_floor_share, Unknown)
    for most in (-1, 0):
        unlimited = container_minute((minute(1, collections=5, most=most),))
        assert isinstance(unlimited.heap_floor_share, Unknown)


def test_a_reading_of_times_without_counts_does_not_break_the_heap_floor() -> None:
    timed = track(
        group="Copy", first=(reading(65, gc_time_ms=1),), last=(reading(115, gc_time_ms=2),)
    )
    found = container_minute((rollup(1, timed, subject=TM),))
    assert isinstance(found.heap_floor_share, Unknown)


def test_a_heap_that_was_not_seen_in_the_minute_is_not_known_in_it() -> None:
    beats = rollup(2, track(first=(reading(125, heartbeat_age_ms=3),)), subject=TM)
    found = container_minute((minute(1, collections=9, gc_ms=50, cpu_s=5), beats))
    for value in (found.heap_floor_share, found.gc_share, found.cores_used):
        assert isinstance(value, Unknown)


def test_cores_used_are_cpu_time_without_collections_and_never_below_none() -> None:
    busy = container_minute((minute(0, cpu_s=60, gc_ms=6000), minute(1, cpu_s=60, gc_ms=6000)))
    assert busy.cores_used == pytest.approx(0.9, abs=0.05)
    assert busy.gc_share == pytest.approx(0.1, abs=0.01)
    idle = container_minute((minute(0, cpu_s=0, gc_ms=6000), minute(1, cpu_s=0, gc_ms=6000)))
    assert idle.cores_used == 0.0


def test_what_it_takes_of_memory_is_told_by_the_plugin_and_what_it_may_by_yarn_or_its_cgroup() -> (
    None
):
    by_cgroup = minute(4, rss_bytes=700, cgroup_memory_limit_bytes=900)
    now = process(by_cgroup).now
    assert (now.rss_bytes, now.memory_limit_bytes, now.kill) == (700, 900, None)
    kill = Kill(why="signal", exit_code=137)
    yarn = YarnContainer(id="tm-1", memory_mib=832, kill=kill)
    now = process(by_cgroup, yarn=yarn).now
    assert (now.memory_limit_bytes, now.kill) == (832 * 2**20, kill)
    now = process(minute(4), yarn=YarnContainer(id="tm-1")).now
    assert isinstance(now.rss_bytes, Unknown) and isinstance(now.memory_limit_bytes, Unknown)


def test_a_process_is_as_its_newest_minutes_say() -> None:
    found = process(minute(4, heartbeat_age_ms=900, threads=80, slots_free=3), runs=frozenset("ab"))
    now = found.now
    assert (now.heartbeat_age_ms, now.threads, now.heap_max_bytes) == (900, 80, 1000)
    assert (now.is_taskmanager, now.host, now.cores, now.gone_ms) == (True, "h", 4, None)
    assert found.slots_free == 3
    assert (found.beside("a").other_runs, found.beside("x").other_runs) == (1, 2)
    assert [m is not None for m in found.minutes[3:6]] == [False, True, False]


def test_a_process_of_which_nothing_came_is_unknown() -> None:
    now = process().now
    for value in (now.cores_used, now.gc_share, now.heartbeat_age_ms, now.threads):
        assert isinstance(value, Unknown)


def test_a_process_that_is_not_listed_is_gone_and_stays_as_it_was_seen_last() -> None:
    alive = minute(1, heartbeat_age_ms=700)
    assert process(alive, facts=None).now.gone_ms == 115_000, "nobody told when"
    origin = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0, container="tm-1")
    told = ChangeEvent(origin=origin, time_ms=130_000, what="container-gone", subject="tm-1")
    end = Rollup(subject=TM, minute=2, changes=(told,))
    now = process(alive, end, facts=None, now_s=3000).now
    assert (now.gone_ms, now.heartbeat_age_ms) == (130_000, 700)
    assert process(alive, facts=None).slots_free is None
    assert process(facts=None).now.gone_ms is None


def test_before_a_list_has_come_nobody_is_gone() -> None:
    assert process(minute(1), facts=None, is_listed=False).now.gone_ms is None


def test_the_jobmanager_is_no_taskmanager_though_nothing_is_known_of_it() -> None:
    assert process(facts=None, id_="").now.is_taskmanager is False


def test_free_slots_are_those_of_all_that_tell_them() -> None:
    first, second = process(minute(4, slots_free=3)), process(minute(4, slots_free=0))
    assert slots_free({"a": first, "b": second, "c": process()}) == 3.0
    assert isinstance(slots_free({"c": process()}), Unknown)


def test_a_place_is_the_host_else_the_container() -> None:
    known = {"tm-1": process().now, "tm-2": process(facts=None, id_="tm-2").now}
    assert [place(c, known) for c in ("tm-1", "tm-2", "tm-3")] == ["h", "tm-2", "tm-3"]
