import asyncio
import contextlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.collect.flink_rest.error import FlinkError, GoneError, TimedOutError
from drsquirrel.collect.recording import (
    FRAME_BYTES,
    Header,
    Recorder,
    Recording,
    RecordingError,
    read,
)
from drsquirrel.collect.redaction import Redaction
from drsquirrel.collect.replay import RecordedClock, RecordedGet

HEADER = Header(
    drsquirrel="0.1.0", cluster="c", flink_version="2.3.0", begun_ms=1_000_000, interval_ms=10_000
)


class Told:
    """A cluster that answers what it was told to."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers or {}

    async def get(self, path: str) -> Any:
        answer = self.answers[path]
        if isinstance(answer, FlinkError):
            raise answer
        return answer


async def record(file: Path, rounds: list[dict[str, Any]]) -> None:
    """One round each 10 s: every path with its answer or error."""
    cluster, clock = Told(), RecordedClock(HEADER.begun_ms)
    with Recorder(cluster, file, HEADER, clock) as recorder:
        for answers in rounds:
            cluster.answers = answers
            for path in answers:
                try:
                    await recorder.get(path)
                except FlinkError as error:
                    assert error is answers[path]
            await clock.sleep(10)


async def replayed(recording: Recording, rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a cluster that is played back answers to the same questions."""
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    heard: list[dict[str, Any]] = []
    for answers in rounds:
        heard.append({})
        for path in answers:
            try:
                heard[-1][path] = await get.get(path)
            except FlinkError as error:
                heard[-1][path] = error
        await clock.sleep(10)
    return heard


def plain(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Errors as what they say, so that rounds can be compared."""
    return [
        {p: (type(a), str(a)) if isinstance(a, FlinkError) else a for p, a in answers.items()}
        for answers in rounds
    ]


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


async def test_a_recording_stops_at_its_size_and_says_so(tmp_path: Path) -> None:
    clock = RecordedClock(HEADER.begun_ms)
    cluster = Told()
    with Recorder(cluster, tmp_path / "r", HEADER, clock, max_bytes=2_000_000) as recorder:
        for i in range(100):
            cluster.answers = {"/x": [i, os.urandom(50_000).hex()]}
            assert (await recorder.get("/x"))[0] == i
            await clock.sleep(10)
        assert recorder.full
    assert (tmp_path / "r").stat().st_size <= 2_000_000
    recording = read(tmp_path / "r")
    assert not recording.cut_off
    assert 20 < len(recording.asked["/x"]) < 40


async def test_a_file_that_cannot_grow_harms_no_answer_and_is_told_at_the_end(
    tmp_path: Path,
) -> None:
    clock = RecordedClock(HEADER.begun_ms)
    cluster = Told()
    recorder = Recorder(cluster, tmp_path / "r", HEADER, clock)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for i in range(5):
            cluster.answers = {"/x": [i, os.urandom(50_000).hex()]}
            assert (await recorder.get("/x"))[0] == i
            await clock.sleep(10)
        with pytest.raises(RecordingError, match=r"Could not write all of .*: File too large"):
            recorder.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert read(tmp_path / "r").cut_off


async def test_after_its_end_a_recorder_answers_and_writes_no_more(tmp_path: Path) -> None:
    recorder = Recorder(Told({"/x": 1}), tmp_path / "r", HEADER, RecordedClock(HEADER.begun_ms))
    await recorder.get("/x")
    recorder.close()
    recorder.close()
    assert await recorder.get("/x") == 1
    assert len(read(tmp_path / "r").asked["/x"]) == 1


async def test_an_error_of_an_unknown_kind_is_still_an_error_of_flink(tmp_path: Path) -> None:
    class LaterError(FlinkError):
        """A kind that a later Dr. Squirrel may record."""

    await record(tmp_path / "r", [{"/x": LaterError("Something new.")}])
    recording = read(tmp_path / "r")
    with pytest.raises(FlinkError, match="Something new") as raised:
        await RecordedGet(recording, RecordedClock(recording.begins_ms)).get("/x")
    assert type(raised.value) is FlinkError


async def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("mine")
    with pytest.raises(FileExistsError):
        Recorder(Told(), tmp_path / "r", HEADER, RecordedClock(0))
    assert (tmp_path / "r").read_text() == "mine"


def test_a_recorder_that_is_killed_leaves_all_but_the_last_moments(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio, sys
        from pathlib import Path
        from drsquirrel.collect.recording import Header, Recorder
        from drsquirrel.collect.replay import RecordedClock

        class Counting:
            i = 0
            async def get(self, path):
                self.i += 1
                return {"i": self.i}

        async def main():
            clock = RecordedClock(0)
            header = Header(drsquirrel="x", cluster="c", flink_version="2.3.0", begun_ms=0,
                            interval_ms=10_000)
            recorder = Recorder(Counting(), Path(sys.argv[1]), header, clock)
            while True:
                await recorder.get("/x")
                print(recorder._get.i, flush=True)
                await clock.sleep(10)

        asyncio.run(main())
        """
    )
    for lines in (1, 17, 80):
        file = tmp_path / f"killed-{lines}"
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(file)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(lines):
            seen = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
        if lines == 1:
            continue  # it may have had no time to write an answer
        recording = read(file)
        assert recording.cut_off
        answers = [msgspec.json.decode(asked.answer)["i"] for asked in recording.asked["/x"]]
        assert answers == list(range(1, len(answers) + 1))
        assert len(answers) >= seen


async def test_a_recording_cut_at_any_byte_is_read_up_to_there_or_refused_in_a_sentence(
    tmp_path: Path,
) -> None:
    await record(tmp_path / "r", [{"/x": i, "/y": "z" * i} for i in range(5)])
    whole = (tmp_path / "r").read_bytes()
    full = read(tmp_path / "r")
    readable = 0
    for length in range(len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        try:
            recording = read(tmp_path / "cut")
        except RecordingError as error:
            assert str(error).startswith(str(tmp_path / "cut")), error
            assert str(error).endswith((".", "`.")), error
            continue
        readable += 1
        assert recording.cut_off or recording.asked == full.asked
        for path, asked in recording.asked.items():
            assert asked == full.asked[path][: len(asked)]
    assert readable > len(whole) // 2


async def test_a_flipped_bit_never_gives_other_answers(tmp_path: Path) -> None:
    await record(tmp_path / "r", [{"/x": i, "/y": "z" * i} for i in range(5)])
    whole = (tmp_path / "r").read_bytes()
    full = read(tmp_path / "r")
    refused = 0
    for position in range(len(whole)):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << (position % 8)
        (tmp_path / "bad").write_bytes(flipped)
        try:
            recording = read(tmp_path / "bad")
        except RecordingError:
            refused += 1
            continue
        for path, asked in recording.asked.items():
            assert asked == full.asked[path][: len(asked)], position
    assert refused > len(whole) * 0.8


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is no recording"),
        (b"{}", "is no recording"),
        (b"PK\x03\x04 a zip archive", "is no recording"),
        (zstandard.compress(b"hello\n"), "is no recording"),
        (zstandard.compress(b'{"format":"other","schema":1}\n'), "is no recording"),
        (zstandard.compress(b"[1]\n"), "is no recording"),
        (
            zstandard.compress(b'{"format":"drsquirrel-recording","schema":2,"drsquirrel":"9"}\n'),
            r"newer Dr\. Squirrel \(9, schema 2\).*so update it",
        ),
        (zstandard.compress(b'{"format":"drsquirrel-recording","schema":1}\n'), "is damaged"),
        (
            zstandard.compress(msgspec.json.encode(HEADER) + b"\n"),
            "cut off before its first answer",
        ),
        (zstandard.compress(msgspec.json.encode(HEADER) + b"\n{nonsense}\n"), "is damaged"),
        (
            zstandard.compress(
                msgspec.json.encode(HEADER) + b'\n{"t":1,"path":"/x","same":true}\n'
            ),
            "is damaged",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(RecordingError, match=sentence) as refused:
        read(tmp_path / "bad")
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"Cannot read .*missing: No such file"):
        read(tmp_path / "missing")


def test_a_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.recording.UNPACKED_MAX_BYTES", 5_000_000)
    compressor = zstandard.ZstdCompressor(level=1)
    head = compressor.compress(msgspec.json.encode(HEADER) + b"\n")
    zeros = compressor.compress(b" " * 1_000_000)
    (tmp_path / "bomb").write_bytes(head + zeros * 20)
    with pytest.raises(RecordingError, match="larger than what is read"):
        read(tmp_path / "bomb")


async def test_no_secret_of_an_answer_or_an_error_gets_into_the_file(tmp_path: Path) -> None:
    from tests.collect.test_redaction import Canaries, answers

    canaries = Canaries()
    planted = answers(canaries)
    redaction = Redaction()

    class RedactingClient:
        """As FlinkClient does it: what leaves is redacted."""

        async def get(self, path: str) -> Any:
            if path == "/error":
                said = canaries("jdbc:mysql://u:{}@db/x")
                raise GoneError(redaction.redact_text(said), 404)
            return redaction.redact(path, planted[path])

    clock = RecordedClock(HEADER.begun_ms)
    with Recorder(RedactingClient(), tmp_path / "r", HEADER, clock) as recorder:
        for path in planted:
            await recorder.get(path)
        with pytest.raises(GoneError):
            await recorder.get("/error")
    with (
        (tmp_path / "r").open("rb") as packed,
        zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as content,
    ):
        text = content.read(FRAME_BYTES * 100).decode()
    assert "/jobs/7/exceptions" in text
    assert len(canaries.planted) > 50
    assert [c for c in canaries.planted if c in text and "x.AKIA" not in c] == []
