import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.collect.flink_rest.error import FlinkError, GoneError, TimedOutError
from drsquirrel.collect.recording import (
    Recorder,
    read,
)
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from tests.collect.recorded import HEADER, Told, plain, record, replayed

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
recorded_errors = st.builds(TimedOutError, st.text(min_size=1)) | st.builds(
    GoneError, st.text(min_size=1), st.just(404)
)
recorded_rounds = st.lists(
    st.dictionaries(
        st.sampled_from(["/overview", "/jobs/1", "/jobs/2", "/config"]),
        json_values | recorded_errors,
        min_size=1,
    ),
    min_size=1,
    max_size=12,
)


@given(recorded_rounds)
@settings(max_examples=40, deadline=None)
async def test_any_sequence_of_answers_and_errors_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[dict[str, Any]]
) -> None:
    file = tmp_path_factory.mktemp("recording") / "r"
    await record(file, rounds)
    recording = read(file)
    assert not recording.cut_off
    assert recording.header == HEADER
    assert plain(await replayed(recording, rounds)) == plain(rounds)
    assert plain(await replayed(recording, rounds)) == plain(rounds)


async def test_an_answer_that_did_not_change_is_stored_once(tmp_path: Path) -> None:
    noise = os.urandom(20_000).hex()
    await record(tmp_path / "one", [{"/config": noise}])
    await record(tmp_path / "many", [{"/config": noise}] * 200)
    assert (tmp_path / "many").stat().st_size < (tmp_path / "one").stat().st_size + 15_000


async def test_an_answer_after_an_error_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    rounds = [{"/x": 1}, {"/x": TimedOutError("late")}, {"/x": 1}]
    await record(tmp_path / "r", rounds)
    assert plain(await replayed(read(tmp_path / "r"), rounds)) == plain(rounds)


async def test_a_path_asked_twice_in_a_round_gets_both_answers_in_their_order(
    tmp_path: Path,
) -> None:
    cluster, clock = Told(), RecordedClock(HEADER.begun_ms)
    with Recorder(cluster, tmp_path / "r", HEADER, clock) as recorder:
        for value in range(6):
            cluster.answers = {"/x": value}
            await recorder.get("/x")
            await clock.sleep(0.7 if value % 2 == 0 else 9.3)
    clock = RecordedClock(HEADER.begun_ms)
    get = RecordedGet(read(tmp_path / "r"), clock)
    heard = []
    for value in range(6):
        heard.append(await get.get("/x"))
        # Sooner than recorded: a recorded request took its time, a replayed one does not.
        await clock.sleep(0.4 if value % 2 == 0 else 9.3)
    assert heard == [0, 1, 2, 3, 4, 5]


async def test_an_answer_takes_as_long_as_it_took(tmp_path: Path) -> None:
    clock = RecordedClock(HEADER.begun_ms)

    class Slow(Told):
        async def get(self, path: str) -> Any:
            await clock.sleep(self.answers["seconds"])
            return await super().get(path)

    cluster = Slow()
    with Recorder(cluster, tmp_path / "r", HEADER, clock) as recorder:
        for seconds in (0.25, 4, 0.5):
            cluster.answers = {"/x": [seconds], "/y": TimedOutError("late"), "seconds": seconds}
            await recorder.get("/x")
            with pytest.raises(TimedOutError):
                await recorder.get("/y")
            await clock.sleep(10)
    recording = read(tmp_path / "r")
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    for seconds in (0.25, 4, 0.5):
        for path in ("/x", "/y"):
            began_ms = clock.now_ms()
            with contextlib.suppress(TimedOutError):
                assert await get.get(path) == [seconds]
            assert clock.now_ms() - began_ms == seconds * 1000
        await clock.sleep(10)
    assert clock.now_ms() - 10_000 == recording.ends_ms


async def test_who_asks_less_often_gets_the_answer_in_force(tmp_path: Path) -> None:
    await record(
        tmp_path / "r", [{"/x": i, "/once": i} if i == 0 else {"/x": i} for i in range(20)]
    )
    recording = read(tmp_path / "r")
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    assert await get.get("/x") == 0
    await clock.sleep(120)
    assert await get.get("/x") == 12
    assert await get.get("/once") == 0
    assert clock.now_ms() == HEADER.begun_ms + 120_000


async def test_who_asks_more_often_gets_the_same_answer_until_the_next_is_due(
    tmp_path: Path,
) -> None:
    await record(tmp_path / "r", [{"/x": i} for i in range(3)])
    recording = read(tmp_path / "r")
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    heard = []
    for _ in range(4):
        heard.append(await get.get("/x"))
        await clock.sleep(4)
    assert heard == [0, 0, 1, 1]


async def test_a_path_that_was_never_asked_is_named(tmp_path: Path) -> None:
    await record(tmp_path / "r", [{"/x": 1}] * 5 + [{"/y": 1}])
    recording = read(tmp_path / "r")
    get = RecordedGet(recording, RecordedClock(recording.begins_ms))
    with pytest.raises(FlinkError, match="no answer to /jobs/7: it was never asked"):
        await get.get("/jobs/7")
    with pytest.raises(FlinkError, match="no answer to /y yet: it was first asked 50 s later"):
        await get.get("/y")


async def test_what_is_given_out_can_be_changed_without_harm(tmp_path: Path) -> None:
    await record(tmp_path / "r", [{"/x": {"a": [1]}}])
    recording = read(tmp_path / "r")
    get = RecordedGet(recording, RecordedClock(recording.begins_ms))
    (await get.get("/x"))["a"].append(2)
    assert await get.get("/x") == {"a": [1]}


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = RecordedClock(0)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, seconds: float, times: int) -> None:
        for _ in range(times):
            await clock.sleep(seconds)
            # Somebody who works with others after his sleep, as a collector does.
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(3)))
            woken.append((name, clock.now_ms()))

    await asyncio.gather(sleeper("slow", 25, 2), sleeper("quick", 10, 5))
    assert woken == [
        ("quick", 10_000),
        ("quick", 20_000),
        ("slow", 25_000),
        ("quick", 30_000),
        ("quick", 40_000),
        ("slow", 50_000),
        ("quick", 50_000),
    ]


async def test_a_cancelled_sleeper_keeps_nobody_awake() -> None:
    clock = RecordedClock(0)
    cancelled = asyncio.create_task(clock.sleep(5))
    await asyncio.sleep(0)
    cancelled.cancel()
    await clock.sleep(60)
    assert clock.now_ms() == 60_000
