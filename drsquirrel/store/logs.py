"""Log events of a subject as chunks: sorted lines of JSON. Those below CHUNK_EVENTS are the tail.

A batch adds one chunk; as soon as the tail has enough, it is merged into full ones. An event lies
in exactly one chunk, and only in one whose span of time covers it: that makes duplicates cheap
to find and newest-first cheap to read.
"""

import sqlite3
from collections.abc import Iterable, Iterator

import msgspec

from drsquirrel.model.event import LogEvent
from drsquirrel.store import sql
from drsquirrel.store.body import BodyError, encoded, packed, unpacked

CHUNK_EVENTS = 500
SCAN_CHUNKS = 2_000
"""A search looks into that many chunks, a million events in full ones, and says where it stops."""

_decoder = msgspec.json.Decoder(LogEvent)

Key = tuple[int, str, str, int]


def key(event: LogEvent) -> Key:
    """The order of events, and their identity."""
    origin = event.origin
    return event.time_ms, origin.container, origin.epoch, origin.sequence


def add(connection: sqlite3.Connection, subject: str, events: Iterable[LogEvent]) -> None:
    """Add those events to a subject that it does not have yet."""
    new = {key(event): event for event in events}
    span = subject, min(new)[0], max(new)[0]
    for (body,) in connection.execute(sql.LOG_CHUNKS_OF_SPAN, span):
        for event in _events(body):
            new.pop(key(event), None)
    tail = subject, CHUNK_EVENTS
    ((in_tail,),) = connection.execute(sql.LOG_TAIL_SIZE, tail)
    if in_tail + len(new) >= CHUNK_EVENTS:
        for (body,) in connection.execute(sql.LOG_TAIL, tail):
            new |= {key(event): event for event in _events(body)}
        connection.execute(sql.DELETE_LOG_TAIL, tail)
    ordered = sorted(new)
    for start in range(0, len(ordered), CHUNK_EVENTS):
        part = ordered[start : start + CHUNK_EVENTS]
        body = packed(b"\n".join(encoded(new[k]) for k in part))
        row = subject, part[0][0], part[-1][0], len(part), body
        connection.execute(sql.ADD_LOG_CHUNK, row)


def newest_first(chunks: Iterable[tuple[int, bytes]], contains: str) -> Iterator[LogEvent]:
    """Events of (last_ms, body) chunks that come latest first, though their spans overlap."""
    pending: list[LogEvent] = []
    for last_ms, body in chunks:
        while pending and pending[-1].time_ms > last_ms:
            yield pending.pop()
        pending = sorted([*pending, *_events(body, contains)], key=key)
    yield from reversed(pending)


def _events(body: bytes, contains: str = "") -> Iterator[LogEvent]:
    try:
        for line in _lines(unpacked(body), encoded(contains)[1:-1]):
            event = _decoder.decode(line)
            if any(contains in text for text in (event.message, event.throwable, event.logger)):
                yield event
    except msgspec.MsgspecError as error:
        raise BodyError(str(error)) from error


def _lines(text: bytes, needle: bytes) -> Iterator[bytes]:
    """Lines that contain the needle: a line that does not is never decoded."""
    start = 0
    while start < len(text) and (found := text.find(needle, start)) >= 0:
        end = text.find(b"\n", found)
        end = len(text) if end < 0 else end
        yield text[max(start, text.rfind(b"\n", start, found) + 1) : end]
        start = end + 1
