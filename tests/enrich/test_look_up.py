"""Look-ups: cached, timed out, within a budget, in parallel."""

import asyncio

import pytest

from drsquirrel.enrich.look_up import Found, Remembered, look_up_all
from tests.collect.flink_rest.clock import HandClock


class Source:
    """Answers with how often it was asked; notes how many ask at a time."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = ""
        self.hangs = False
        self.now = self.most = 0

    async def ask(self, key: str) -> int:
        self.asked.append(key)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(10 if self.hangs else 0.01)
            if self.fails:
                raise ValueError(self.fails)
            return len(self.asked)
        finally:
            self.now -= 1


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def remembered(
    source: Source, clock: HandClock, per_minute: int = 100, limit: int = 10
) -> Remembered[str, int]:
    return Remembered(
        source.ask,
        clock,
        fresh_ms=5_000,
        retry_ms=2_000,
        timeout_s=0.2,
        per_minute=per_minute,
        limit=limit,
    )


async def test_what_is_fresh_is_not_asked_again(source: Source, clock: HandClock) -> None:
    look_up = remembered(source, clock)
    found = await look_up.look_up("a")
    assert (found.value, found.complete, found.says) == (1, True, "")
    clock.pass_ms(4_999)
    assert await look_up.look_up("a") == found
    assert found.age_ms(clock.now_ms()) == 4_999
    clock.pass_ms(1)
    assert (await look_up.look_up("a")).value == 2


async def test_what_cannot_be_asked_anew_keeps_its_value_and_its_age(
    source: Source, clock: HandClock
) -> None:
    look_up = remembered(source, clock)
    source.fails = "It is busy."
    nothing = await look_up.look_up("a")
    assert (nothing.value, nothing.complete, nothing.says) == (None, False, "It is busy.")
    source.fails = ""
    clock.pass_ms(2_000)
    before = await look_up.look_up("a")
    source.fails = "It is busy."
    clock.pass_ms(5_000)
    found = await look_up.look_up("a")
    assert (found.value, found.complete, found.says) == (before.value, False, "It is busy.")
    assert (found.taken_ms, found.asked_ms) == (before.taken_ms, clock.now_ms())


async def test_a_source_that_hangs_is_given_up(source: Source, clock: HandClock) -> None:
    source.hangs = True
    found = await remembered(source, clock).look_up("a")
    assert found.says == "There was no answer about a within 0.2 s."


async def test_the_budget_of_a_minute_is_kept_for_all_keys(
    source: Source, clock: HandClock
) -> None:
    look_up = remembered(source, clock, per_minute=3)
    found = [await look_up.look_up(key) for key in "abcd"]
    assert [f.complete for f in found] == [True, True, True, False]
    assert "at most 3 times a minute" in found[3].says
    clock.pass_ms(60_000)
    assert (await look_up.look_up("d")).complete
    assert source.asked == ["a", "b", "c", "d"]


async def test_two_who_ask_at_once_share_an_answer(source: Source, clock: HandClock) -> None:
    look_up = remembered(source, clock)
    one, other = await asyncio.gather(look_up.look_up("a"), look_up.look_up("a"))
    assert one == other and source.asked == ["a"]


async def test_of_many_keys_the_latest_are_remembered(source: Source, clock: HandClock) -> None:
    look_up = remembered(source, clock, limit=2)
    for key in ("a", "b", "c", "a"):
        await look_up.look_up(key)
    assert source.asked == ["a", "b", "c", "a"]


async def test_many_are_looked_up_in_parallel_but_not_all_at_once(
    source: Source, clock: HandClock
) -> None:
    found: list[Found[int]] = await look_up_all(remembered(source, clock), "abcdefgh", at_once=3)
    assert [f.value for f in found] == [3, 3, 3, 6, 6, 6, 8, 8]
    assert source.most == 3
