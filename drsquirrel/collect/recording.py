"""The recording: all answers of a cluster over a while in one file, enough to repeat a diagnosis.

JSON lines in zstd frames: a header, then what was asked when and what came, then an end. Frames
are closed as they are written, so a recording that was killed is readable up to its last frame.
What is recorded has been redacted before: a `Recorder` stands outside of the client.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, BinaryIO, Literal, Self

import msgspec
import zstandard
from msgspec import Meta, Raw, Struct

from drsquirrel.collect.flink_rest.client import Get
from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.model.clock import Clock

FORMAT = "drsquirrel-recording"
SCHEMA = 1
LEVEL = 9
FRAME_BYTES = 1 << 18
FRAME_MS = 5_000
FILE_MAX_BYTES = 1 << 28
END_BYTES = 256
"""Kept free for the end."""
UNPACKED_MAX_BYTES = 1 << 31
"""An hour of 80 tasks unpacks to 35 MB, a day of them to 0.8 GB."""
LINE_MAX_BYTES = 1 << 26
LINES_MAX = 1_000_000
"""A day of the most requests that are made by default has 0.9 million."""
HELD_LEVEL = 1
HELD_MAX_BYTES = 1 << 29
"""A recording in memory: answers of Flink take a fifth of their length there, packed one by one."""
READ_BYTES = 1 << 20
WINDOW_MAX_BYTES = 1 << 23
"""Twice what `LEVEL` looks back: a frame that wants more memory is none of ours."""
SPAN_MAX_MS = 2 * 86_400_000
"""A recording is played back look for look: one of a day is the longest that is made."""
NO_ANSWER = Raw(b"")
Time = Annotated[int, Meta(ge=0, lt=7_258_118_400_000)]
"""Before the year 2200."""


class Header(Struct, frozen=True, kw_only=True):
    """The first line. `interval_ms` is how often the cluster was asked."""

    format: str = FORMAT
    schema: int = SCHEMA
    drsquirrel: str
    cluster: str
    flink_version: str
    begun_ms: Time
    interval_ms: Annotated[int, Meta(ge=1_000, le=3_600_000)]


class Asked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A later line: what was asked at `t` (ms), and the answer, the error, or that it was the last.

    `took` is after how many ms that came. `same` means: the answer of the line before that has this
    path. `kind` names the error's class. A line with `end` is the last one: "full" where the file
    had reached its size.
    """

    t: Time
    path: str = ""
    took: Annotated[int, Meta(gt=-SPAN_MAX_MS, lt=SPAN_MAX_MS)] = 0
    answer: Raw = NO_ANSWER
    same: bool = False
    error: str = ""
    kind: str = ""
    status: int = 0
    end: Literal["", "closed", "full"] = ""


class RecordingError(Exception):
    """A recording cannot be written or read; str() is the sentence to show."""


class Recorder:
    """Answers through `get` and writes down what it answered; a context manager.

    Raises FileExistsError rather than to overwrite a file. `full` tells that the file has reached
    `max_bytes`, or as much as is read again, and that nothing more is written. What the disk
    refuses is no error of an answer: `close` raises it.
    """

    def __init__(
        self, get: Get, file: Path, header: Header, clock: Clock, max_bytes: int = FILE_MAX_BYTES
    ) -> None:
        self._get = get
        self._clock = clock
        self._max_bytes = max_bytes
        self._frame = bytearray(msgspec.json.encode(header) + b"\n")
        self._frame_ms = header.begun_ms
        self._written_bytes = 0
        self._lines, self._lines_bytes = 1, len(self._frame)
        self._last: dict[str, bytes] = {}
        self._file: BinaryIO = file.open("xb", buffering=0)
        self.full = False
        self._trouble = ""
        self._flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    async def get(self, path: str) -> Any:
        """The answer of the `get` behind; raises what that raises."""
        asked_ms = self._clock.now_ms()
        try:
            answer = await self._get.get(path)
        except FlinkError as error:
            self._write_error(path, asked_ms, error)
            raise
        self._write_answer(path, asked_ms, msgspec.json.encode(answer))
        return answer

    def close(self) -> None:
        """Write the end and close the file; raises RecordingError if something is missing in it."""
        if self._file.closed:
            return
        self._end("closed")
        self._file.close()
        if self._trouble:
            raise RecordingError(f"Could not write all of {self._file.name}: {self._trouble}.")

    def _write_answer(self, path: str, asked_ms: int, answer: bytes) -> None:
        digest = hashlib.blake2b(answer, digest_size=16).digest()
        same = self._last.get(path) == digest
        self._last[path] = digest
        raw = NO_ANSWER if same else Raw(answer)
        took = self._clock.now_ms() - asked_ms
        self._write(Asked(t=asked_ms, path=path, took=took, same=same, answer=raw))

    def _write_error(self, path: str, asked_ms: int, error: FlinkError) -> None:
        self._last.pop(path, None)
        self._write(
            Asked(
                t=asked_ms,
                path=path,
                took=self._clock.now_ms() - asked_ms,
                error=str(error),
                kind=type(error).__name__,
                status=getattr(error, "status", 0),
            )
        )

    def _write(self, asked: Asked) -> None:
        if self.full or self._file.closed:
            return
        line = msgspec.json.encode(asked) + b"\n"
        self._lines += 1
        self._lines_bytes += len(line)
        if (
            self._lines >= LINES_MAX
            or self._lines_bytes > UNPACKED_MAX_BYTES - END_BYTES
            or len(line) > LINE_MAX_BYTES
        ):
            self._end("full")
            return
        self._frame += line
        if len(self._frame) >= FRAME_BYTES or asked.t - self._frame_ms >= FRAME_MS:
            self._frame_ms = asked.t
            self._flush()

    def _flush(self) -> None:
        packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(self._frame)
        if self._written_bytes + len(packed) + END_BYTES > self._max_bytes:
            self._frame.clear()
            self._end("full")
            return
        self._frame.clear()
        self._put(packed)

    def _end(self, end: Literal["closed", "full"]) -> None:
        if self.full:
            return
        if self._frame:
            self._flush()
        if not self.full:
            self.full = end == "full"
            line = msgspec.json.encode(Asked(t=self._clock.now_ms(), end=end)) + b"\n"
            self._put(zstandard.ZstdCompressor(write_checksum=True).compress(line))

    def _put(self, packed: bytes) -> None:
        if self._trouble:
            return
        self._written_bytes += len(packed)
        try:
            while packed:
                packed = packed[self._file.write(packed) :]
        except OSError as error:
            self._trouble = error.strerror or str(error)


class Recording(Struct, frozen=True, kw_only=True):
    """A recording in memory: per path what was asked, in the order of time, the answers packed.

    From the first question to the last answer. `cut_off` tells that the end is missing: the
    recorder was killed, or the file not copied whole.
    """

    header: Header
    asked: dict[str, list[Asked]]
    begins_ms: int
    ends_ms: int
    cut_off: bool


def answer_of(asked: Asked) -> bytes:
    """The JSON that a recording in memory has of an answer."""
    return zstandard.ZstdDecompressor().decompress(asked.answer)


def read(file: Path) -> Recording:
    """The recording in a file; raises RecordingError."""
    lines = _lines(file)
    header = _header(file, next(lines, b""))
    asked: dict[str, list[Asked]] = {}
    begins_ms: int | None = None
    ends_ms, cut_off = header.begun_ms, True
    held_bytes, packer = 0, zstandard.ZstdCompressor(level=HELD_LEVEL)
    for number, line in enumerate(lines, start=2):
        entry = _entry(file, line)
        if entry.end:
            cut_off = False
            break
        ends_ms = max(ends_ms, entry.t + entry.took)
        begins_ms = entry.t if begins_ms is None else begins_ms
        told = asked.setdefault(entry.path, [])
        if entry.same:
            if not told or told[-1].error:
                raise _damaged(file)
            entry = msgspec.structs.replace(told[-1], t=entry.t, took=entry.took)
        else:
            # The copy is as short as it says; what the packer gives has all the room it was given.
            answer = bytes(memoryview(packer.compress(entry.answer)))
            own_path = "" if told else entry.path
            held_bytes += sum(map(len, (answer, entry.error, entry.kind, own_path)))
            path = told[0].path if told else entry.path  # one text for all
            entry = msgspec.structs.replace(entry, path=path, answer=Raw(answer))
        told.append(entry)
        if number > LINES_MAX or held_bytes > HELD_MAX_BYTES:
            raise _too_large(file)
    if begins_ms is None:
        raise RecordingError(f"{file} was cut off before its first answer: record again.")
    if ends_ms - begins_ms > SPAN_MAX_MS:
        raise _damaged(file)
    for told in asked.values():
        told.sort(key=lambda entry: entry.t)
    return Recording(
        header=header, asked=asked, begins_ms=begins_ms, ends_ms=ends_ms, cut_off=cut_off
    )


def _header(file: Path, line: bytes) -> Header:
    try:
        head = msgspec.json.decode(line)
        ours = head["format"] == FORMAT
        schema = int(head["schema"])
    except (msgspec.DecodeError, KeyError, TypeError, ValueError, RecursionError):
        ours = False
    if not ours:
        raise RecordingError(f"{file} is no recording: make one with `drsquirrel record URL FILE`.")
    if schema > SCHEMA:
        raise RecordingError(
            f"{file} was made by a newer Dr. Squirrel ({head.get('drsquirrel')}, schema {schema}): "
            f"this one reads up to schema {SCHEMA}, so update it."
        )
    try:
        return msgspec.convert(head, Header)
    except msgspec.ValidationError:
        raise _damaged(file) from None


def _entry(file: Path, line: bytes) -> Asked:
    try:
        return msgspec.json.decode(line, type=Asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _damaged(file) from None


def _lines(file: Path) -> Iterator[bytes]:
    """The complete lines of a file; what follows the last line end was cut off and is left out."""
    rest = b""
    unpacked_bytes = 0
    try:
        with (
            file.open("rb") as packed,
            zstandard.ZstdDecompressor(max_window_size=WINDOW_MAX_BYTES).stream_reader(
                packed, read_across_frames=True
            ) as stream,
        ):
            while piece := stream.read(READ_BYTES):
                unpacked_bytes += len(piece)
                if unpacked_bytes > UNPACKED_MAX_BYTES or len(rest) > LINE_MAX_BYTES:
                    raise _too_large(file)
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
    except OSError as error:
        raise RecordingError(f"Cannot read {file}: {error.strerror}.") from None
    except zstandard.ZstdError:
        if unpacked_bytes == 0:
            yield b""  # not even one frame: no recording
        raise _damaged(file) from None


def _too_large(file: Path) -> RecordingError:
    return RecordingError(f"{file} is larger than what is read: record for less long.")


def _damaged(file: Path) -> RecordingError:
    return RecordingError(f"{file} is damaged: copy it again, or record again.")
