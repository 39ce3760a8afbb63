"""Where processes tell their metrics elsewhere, Flink is asked for little more than states."""

from drsquirrel.model import metric
from tests.collect.flink_rest.simulated import Simulated
from tests.collect.flink_rest.watched import BUSY, Watched, values_of

MIDDLE = tuple(f"step {i}" for i in range(8))
VERTICES = ("Source: orders", *MIDDLE, "ledger: Writer")
ALL = frozenset({"", "tm-0", "tm-1"})


def vertices_asked(flink: Simulated) -> int:
    return sum("/vertices/" in path for path in flink.asked)


async def test_while_nothing_happens_vertices_are_asked_for_states_once_a_minute(
    flink: Simulated,
) -> None:
    flink.job(vertices=VERTICES)
    async with Watched(flink) as watched:
        await watched.rounds(4)
        watched.watch.elsewhere = ALL
        rounds = []
        for _ in range(12):
            found = await watched.round()
            rounds.append((found.requests, vertices_asked(flink), found.vertices_covered))
            assert not any("/taskmanagers/tm" in path for path in flink.asked)
    calm = [requests for requests, vertices, _ in rounds if not vertices]
    assert len(calm) == 10
    assert max(calm) <= 8
    assert sum(covered for *_, covered in rounds) == 2 * len(VERTICES)


async def test_once_something_happens_the_states_are_seen_at_once(flink: Simulated) -> None:
    job = flink.job(vertices=VERTICES)
    async with Watched(flink) as watched:
        await watched.rounds(4)
        watched.watch.elsewhere = ALL
        await watched.round()
        assert vertices_asked(flink) == 0
        job.restart(flink.now_ms)
        found = await watched.round()
        assert len(values_of(found, metric.TASK_STATUS.name)) == len(VERTICES) * job.parallelism


async def test_a_vertex_with_a_subtask_in_a_process_that_tells_nothing_is_asked_as_ever(
    flink: Simulated,
) -> None:
    job = flink.job(vertices=VERTICES)
    async with Watched(flink) as watched:
        await watched.rounds(4)
        watched.watch.elsewhere = frozenset({"", "tm-0"})
        found = await watched.round()
        assert len(values_of(found, BUSY)) == len(VERTICES) * job.parallelism
        assert any("/taskmanagers/tm-1" in path for path in flink.asked)


async def test_what_does_not_change_is_asked_though_the_rest_comes_from_elsewhere(
    flink: Simulated,
) -> None:
    flink.job(vertices=VERTICES)
    async with Watched(flink) as watched:
        watched.watch.elsewhere = ALL
        found = (await watched.rounds(5))[-1]
    assert all(c.collectors and c.heap_max_bytes for c in found.containers)
