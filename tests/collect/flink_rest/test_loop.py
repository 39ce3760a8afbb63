"""The loop over rounds: its pauses, and that nobody waits for anybody else's cluster."""

import asyncio
import time
from itertools import pairwise

import pytest
from aiohttp import web

from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.loop import pause_s, watch_cluster
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.server import serving
from tests.collect.flink_rest.simulated import Simulated
from tests.collect.flink_rest.watched import Watched

SETTINGS = PollSettings()


class EnoughError(Exception):
    """Ends the loop."""


async def rounds_of(
    watched: Watched, count: int, chance: float = 0.5, woken: asyncio.Event | None = None
) -> list[Round]:
    """`woken` is set after each round."""
    found: list[Round] = []

    async def emit(one: Round) -> None:
        found.append(one)
        if woken is not None:
            woken.set()
        if len(found) == count:
            raise asyncio.CancelledError

    clock = watched.flink.clock
    with pytest.raises(asyncio.CancelledError):
        await watch_cluster(watched.watch, emit, clock, SETTINGS, lambda: chance, woken)
    return found


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_a_pause_is_longer_than_flinks_ten_seconds_and_by_at_most_five_percent(
    chance: float,
) -> None:
    assert 10.05 <= pause_s(SETTINGS, 0, chance) <= 10.5


def test_pauses_double_after_failures_up_to_a_minute_and_spread_over_their_second_half() -> None:
    assert [pause_s(SETTINGS, failed, 1.0) for failed in (1, 2, 3, 50)] == [20, 40, 60, 60]
    assert [pause_s(SETTINGS, failed, 0.0) for failed in (1, 2, 3, 50)] == [10, 20, 30, 30]


def test_a_longer_interval_than_a_minute_is_kept_after_failures() -> None:
    assert pause_s(PollSettings(interval_s=300), 3, 1.0) == 300


async def test_rounds_begin_at_the_interval_however_long_they_take(flink: Simulated) -> None:
    flink.job()
    async with Watched(flink) as watched:
        found = await rounds_of(watched, 4)
    arrivals = [one.arrival_ms for one in found]
    assert [b - a for a, b in pairwise(arrivals)] == [10_300] * 3


async def test_where_something_happens_the_next_round_comes_early_but_no_two_in_a_row(
    flink: Simulated,
) -> None:
    flink.job()
    async with Watched(flink) as watched:
        found = await rounds_of(watched, 5, woken=asyncio.Event())
    gaps = [b.arrival_ms - a.arrival_ms for a, b in pairwise(found)]
    assert gaps == [4_000, 10_300, 4_000, 10_300]


async def test_a_dead_cluster_is_asked_less_often_and_at_once_picked_up(flink: Simulated) -> None:
    flink.down = True
    async with Watched(flink) as watched:
        found = await rounds_of(watched, 5, chance=0.999)
        assert [one.answered for one in found] == [False] * 5
        gaps = [round(b.arrival_ms - a.arrival_ms, -3) for a, b in pairwise(found)]
        assert gaps == [20_000, 40_000, 60_000, 60_000]
        assert watched.client.requests == 5
        flink.down = False
        assert [one.answered for one in await rounds_of(watched, 2)] == [True, True]


async def test_a_round_that_breaks_off_is_logged_and_the_next_one_is_made(
    flink: Simulated, caplog: pytest.LogCaptureFixture
) -> None:
    calls = 0

    async def emit(_: Round) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ValueError("a bug of ours")
        raise asyncio.CancelledError

    async with Watched(flink) as watched:
        with pytest.raises(asyncio.CancelledError):
            await watch_cluster(watched.watch, emit, flink.clock, SETTINGS)
    assert calls == 2
    assert "lab broke off" in caplog.text and "a bug of ours" in caplog.text


class RealClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def test_a_pause_that_has_begun_is_cut_short(
    flink: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.flink_rest.loop.CACHED_S", 0.3)
    monkeypatch.setattr("drsquirrel.collect.flink_rest.loop.SOON_S", 0.1)
    settings = PollSettings(interval_s=30, settle_s=0.02)
    woken, arrivals = asyncio.Event(), list[float]()

    async def emit(_: Round) -> None:
        arrivals.append(time.monotonic())
        asyncio.get_running_loop().call_later(0.5, woken.set)
        if len(arrivals) == 2:
            raise asyncio.CancelledError

    flink.job()
    async with FlinkClient(flink.url, settings=settings) as client:
        cluster = ClusterWatch("lab", client, RealClock(), settings, str)
        with pytest.raises(asyncio.CancelledError):
            await watch_cluster(cluster, emit, RealClock(), settings, woken=woken)
    assert 0.5 < arrivals[1] - arrivals[0] < 15


async def test_a_hanging_cluster_delays_no_other(flink: Simulated) -> None:
    settings = PollSettings(interval_s=0.2, settle_s=0.02, request_timeout_s=3.0)
    arrivals: dict[str, list[int]] = {"hanging": [], "well": []}
    enough = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(60)
        return web.Response()

    async def watch(name: str, url: str) -> None:
        async def emit(found: Round) -> None:
            arrivals[name].append(found.arrival_ms)
            if len(arrivals["well"]) == 5:
                enough.set()

        async with FlinkClient(url, settings=settings) as client:
            cluster = ClusterWatch(name, client, RealClock(), settings, str)
            await watch_cluster(cluster, emit, RealClock(), settings)

    flink.job()
    async with serving(hang) as hanging:
        watches = [asyncio.create_task(watch("hanging", hanging)) for _ in range(20)]
        watches.append(asyncio.create_task(watch("well", flink.url)))
        await asyncio.wait_for(enough.wait(), timeout=30)
        for task in watches:
            task.cancel()
        await asyncio.gather(*watches, return_exceptions=True)
    # 20 that hang for 3 s each: in turn with them the fifth round would come after minutes.
    assert max(b - a for a, b in pairwise(arrivals["well"])) < 3_000
    assert len(arrivals["hanging"]) <= 40


def test_the_clocks_of_tests_keep_their_contract() -> None:
    clock = HandClock(5)
    asyncio.run(clock.sleep(1.5))
    assert (clock.now_ms(), clock.slept_s) == (1_505, [1.5])
