"""Turns /jobs/:id/exceptions into failure events; pure."""

import re
from collections.abc import Callable, Iterator, Sequence

from drsquirrel.collect.flink_rest.answer import Exceptions, Failure
from drsquirrel.model.event import FailureEvent, Origin
from drsquirrel.model.throwable import cut

THROWABLE_CHARS = 16_384
"""A Flink trace with its causes has 5 to 15 thousand."""
TASK_CHARS = 2_000
_TASK = re.compile(r"(?P<name>.*) \((?P<number>\d+)/\d+\)(?: - execution #(?P<attempt>\d+))?", re.S)


def failures(exceptions: Exceptions, limit: int) -> Iterator[tuple[Failure, bool]]:
    """The newest entries oldest first, each before those that failed along with it (True)."""
    oldest_first = sorted(exceptions.exception_history.entries, key=lambda e: e.timestamp)
    for entry in oldest_first[-limit:]:
        yield entry, False
        for other in entry.concurrent_exceptions[:limit]:
            yield other, True


def failure_event(
    entry: Failure,
    *,
    concurrent: bool,
    origin: Origin,
    job: str,
    start_ms: int,
    vertices: Sequence[tuple[str, str]],
    sign: Callable[[str], str],
) -> FailureEvent:
    """The event of one entry; `vertices` are (id, name) of the run."""
    task = entry.task_name or ""
    vertex, subtask, attempt = place(task, vertices)
    address = entry.endpoint or entry.location or ""
    return FailureEvent(
        origin=origin,
        time_ms=entry.timestamp,
        job=job,
        start_ms=start_ms,
        throwable=cut(entry.stacktrace, THROWABLE_CHARS),
        signature=sign(entry.stacktrace),
        task=cut(task, TASK_CHARS),
        vertex=vertex,
        subtask=subtask,
        attempt=attempt,
        on_container=entry.task_manager_id or "",
        host=host(address),
        concurrent=concurrent,
        labels=entry.failure_labels,
    )


def place(task: str, vertices: Sequence[tuple[str, str]]) -> tuple[str, int, int]:
    """Vertex id, subtask and attempt of "enrich (1/2) - execution #0"; "" or -1 where unknown.

    Two vertices may have the same name: then the vertex is unknown, as it is for a name that Flink
    has cut.
    """
    found = _TASK.fullmatch(task)
    if found is None:
        return "", -1, -1
    ids = [id_ for id_, name in vertices if name == found["name"]]
    attempt = found["attempt"]
    return (
        ids[0] if len(ids) == 1 else "",
        int(found["number"]) - 1,
        int(attempt) if attempt is not None else -1,
    )


def host(address: str) -> str:
    """The host of "host:port", "" of Flink's "(unassigned)"."""
    name, colon, port = address.rpartition(":")
    return name if colon and port.isdecimal() else ""
