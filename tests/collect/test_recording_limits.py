import os
import resource
import signal
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from drsquirrel.collect.flink_rest.error import BadAnswerError, FlinkError, GoneError
from drsquirrel.collect.recording import (
    FRAME_BYTES,
    Recorder,
    RecordingError,
    answer_of,
    read,
)
from drsquirrel.collect.redaction import Redaction
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from tests.collect.recorded import HEADER, Told, record


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


def written(file: Path, **wrong: int) -> Path:
    """A recording of two lines, with a number changed in its header or its last line."""
    header: dict[str, Any] = msgspec.to_builtins(HEADER)
    lines = [{"t": HEADER.begun_ms, "path": "/x"}, {"t": HEADER.begun_ms + 10_000, "path": "/x"}]
    (header if "interval_ms" in wrong or "begun_ms" in wrong else lines[-1]).update(wrong)
    text = b"\n".join(map(msgspec.json.encode, [header, *lines]))
    file.write_bytes(zstandard.compress(text + b"\n"))
    return file


@pytest.mark.parametrize(
    "wrong",
    [
        {"t": 2**62},
        {"t": 10**40},
        {"t": -1},
        {"t": HEADER.begun_ms + 3 * 86_400_000},
        {"took": 2**60},
        {"interval_ms": 0},
        {"interval_ms": -10_000},
        {"interval_ms": 10**30},
        {"begun_ms": 2**62},
    ],
    ids=str,
)
def test_times_that_no_recorder_wrote_are_damage_not_an_endless_playback(
    tmp_path: Path, wrong: dict[str, int]
) -> None:
    assert read(written(tmp_path / "well", t=HEADER.begun_ms + 1)).cut_off
    with pytest.raises(RecordingError, match="is damaged"):
        read(written(tmp_path / "r", **wrong))


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_lines_nested_without_end_are_damage(tmp_path: Path, depth: int) -> None:
    nested = b"[" * depth + b"]" * depth
    line = b'{"t":%d,"path":"/x","answer":%s}' % (HEADER.begun_ms, nested)
    text = msgspec.json.encode(HEADER) + b"\n" + line + b"\n"
    (tmp_path / "r").write_bytes(zstandard.compress(text))
    with pytest.raises(RecordingError, match="is damaged"):
        read(tmp_path / "r")
    (tmp_path / "header").write_bytes(zstandard.compress(nested + b"\n"))
    with pytest.raises(RecordingError, match="is no recording"):
        read(tmp_path / "header")


async def test_an_answer_that_is_no_text_is_an_error_of_this_answer_alone(tmp_path: Path) -> None:
    line = b'{"t":%d,"path":"/x","answer":"\xff"}' % HEADER.begun_ms
    text = msgspec.json.encode(HEADER) + b"\n" + line + b"\n"
    (tmp_path / "r").write_bytes(zstandard.compress(text))
    recording = read(tmp_path / "r")
    with pytest.raises(BadAnswerError, match="/x is broken"):
        await RecordedGet(recording, RecordedClock(recording.begins_ms)).get("/x")


def test_a_frame_that_wants_much_memory_is_not_unpacked(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    packing = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packing.compress(msgspec.json.encode(HEADER) + b"\n") + packing.flush()
    (tmp_path / "r").write_bytes(packed)
    with pytest.raises(RecordingError, match="is no recording"):
        read(tmp_path / "r")


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
        answers = [msgspec.json.decode(answer_of(a))["i"] for a in recording.asked["/x"]]
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


@pytest.mark.parametrize(
    ("bound", "most"), [("UNPACKED_MAX_BYTES", 200_000), ("LINES_MAX", 30), ("LINE_MAX_BYTES", 999)]
)
async def test_a_recorder_ends_before_it_writes_more_than_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str, most: int
) -> None:
    monkeypatch.setattr(f"drsquirrel.collect.recording.{bound}", most)
    clock, cluster = RecordedClock(HEADER.begun_ms), Told()
    with Recorder(cluster, tmp_path / "r", HEADER, clock) as recorder:
        for i in range(40):
            cluster.answers = {"/x": [i, "x" * 500 * i]}
            await recorder.get("/x")
            await clock.sleep(10)
        assert recorder.full
    recording = read(tmp_path / "r")
    assert not recording.cut_off
    assert 2 <= len(recording.asked["/x"]) < 30


def of_lines(file: Path, answers: list[bytes]) -> Path:
    """A recording of these answers, however many."""
    line = b'{"t":%d,"path":"/x","answer":"%%s"}\n' % HEADER.begun_ms
    text = msgspec.json.encode(HEADER) + b"\n" + b"".join(line % answer for answer in answers)
    file.write_bytes(zstandard.compress(text))
    return file


def test_answers_are_held_packed_and_no_more_of_them_than_there_is_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drsquirrel.collect.recording.HELD_MAX_BYTES", 200_000)
    file = of_lines(tmp_path / "flat", [b"x" * 100_000] * 100)
    tracemalloc.start()
    flat = read(file)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held_bytes < 500_000
    assert len(answer_of(flat.asked["/x"][-1])) == 100_002
    with pytest.raises(RecordingError, match="larger than what is read: record for less long"):
        read(of_lines(tmp_path / "noise", [os.urandom(50_000).hex().encode()] * 100))


@pytest.mark.parametrize("field", ["path", "error", "kind"])
def test_whatever_else_is_long_in_a_line_counts_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str
) -> None:
    monkeypatch.setattr("drsquirrel.collect.recording.HELD_MAX_BYTES", 200_000)
    lines = [
        msgspec.json.encode({"t": HEADER.begun_ms, "path": "/x", field: f"{i}" + "x" * 50_000})
        for i in range(5)
    ]
    (tmp_path / "r").write_bytes(
        zstandard.compress(b"\n".join([msgspec.json.encode(HEADER), *lines, b""]))
    )
    with pytest.raises(RecordingError, match="larger than what is read"):
        read(tmp_path / "r")


def test_lines_without_end_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.collect.recording.LINES_MAX", 1_000)
    assert len(read(of_lines(tmp_path / "r", [b""] * 999)).asked["/x"]) == 999
    with pytest.raises(RecordingError, match="larger than what is read"):
        read(of_lines(tmp_path / "r", [b""] * 1_000))


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
