"""Log events of a subject as chunks: sorted lines of JSON. Those below CHUNK_EVENTS are the tail.

A batch adds one chunk; as soon as the tail has enough, it is merged into full ones. An event lies
in exactly one chunk, and only in one whose span of time covers it: that makes duplicates cheap
to find and newest-first cheap to read.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec

from drsquirrel.model.event import LogEvent
from drsquirrel.store import sql
from drsquirrel.store.body import BodyError, encoded, packed, unpacked
from drsquirrel.store.connection import Connection

CHUNK_EVENTS = 500
SCAN_CHUNKS = 2_000
"""A search looks into that many chunks, a million events in full ones, and says where it stops."""

_decoder = msgspec.json.Decoder(LogEvent)

Key = tuple[int, str, str, int]


def key(event: LogEvent) -> Key:
    """The order of events, and their identity."""
    origin = event.origin
    return event.time_ms, origin.container, origin.epoch, origin.sequence


def add(connection: Connection, told: Mapping[str, Iterable[LogEvent]], now_ms: int) -> None:
    """Add those events to each subject that it does not have yet."""
    new = {subject: {key(event): event for event in events} for subject, events in told.items()}
    spans = [(subject, min(events)[0], max(events)[0]) for subject, events in new.items()]
    found = connection.each(sql.LOG_CHUNKS_OF_SPAN, spans)
    for events, chunks in zip(new.values(), found, strict=True):
        for (body,) in chunks:
            for event in _events(body):
                events.pop(key(event), None)
    _merge_full_tails(connection, {subject: events for subject, events in new.items() if events})
    rows = (
        {
            "subject": subject,
            "first_ms": part[0].time_ms,
            "last_ms": part[-1].time_ms,
            "events": len(part),
            "written_ms": now_ms,
            "body": packed(b"\n".join(map(encoded, part))),
        }
        for subject, events in new.items()
        for part in _parts([events[k] for k in sorted(events)])
    )
    connection.executemany(sql.ADD_LOG_CHUNK, rows)


def _merge_full_tails(connection: Connection, new: Mapping[str, dict[Key, LogEvent]]) -> None:
    """Take the tail of each subject that has enough with what is new, and add it to that."""
    sizes = connection.each(sql.LOG_TAIL_SIZE, [(subject, CHUNK_EVENTS) for subject in new])
    full = [
        (subject, CHUNK_EVENTS)
        for (subject, events), ((in_tail,),) in zip(new.items(), sizes, strict=True)
        if (in_tail or 0) + len(events) >= CHUNK_EVENTS
    ]
    tails = connection.each(sql.LOG_TAIL, full)
    for (subject, _), chunks in zip(full, tails, strict=True):
        for (body,) in chunks:
            new[subject].update((key(event), event) for event in _events(body))
    connection.executemany(sql.DELETE_LOG_TAIL, full)


def _parts(events: list[LogEvent]) -> Iterator[list[LogEvent]]:
    for start in range(0, len(events), CHUNK_EVENTS):
        yield events[start : start + CHUNK_EVENTS]


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
