"""Where a failure happened, by what Flink calls the task."""

import pytest

from drsquirrel.collect.flink_rest.answer import Exceptions, Failure, parsed
from drsquirrel.collect.flink_rest.failures import (
    THROWABLE_CHARS,
    failure_event,
    failures,
    host,
    place,
)
from drsquirrel.model.event import Origin

VERTICES = [("v1", "enrich"), ("v2", "Source: a (b) -> c"), ("v3", "twin"), ("v4", "twin")]


@pytest.mark.parametrize(
    ("task", "found"),
    [
        ("enrich (1/2) - execution #0", ("v1", 0, 0)),
        ("enrich (12/128) - execution #41", ("v1", 11, 41)),
        ("enrich (2/2)", ("v1", 1, -1)),
        ("Source: a (b) -> c (3/4) - execution #2", ("v2", 2, 2)),
        ("twin (1/2) - execution #0", ("", 0, 0)),
        ("cut by Fli... (1/2) - execution #0", ("", 0, 0)),
        ("no task at all", ("", -1, -1)),
        ("", ("", -1, -1)),
    ],
)
def test_a_task_is_placed_by_its_name(task: str, found: tuple[str, int, int]) -> None:
    assert place(task, VERTICES) == found


@pytest.mark.parametrize(
    ("address", "name"),
    [("tm-1:4242", "tm-1"), ("[::1]:4242", "[::1]"), ("(unassigned)", ""), ("", "")],
)
def test_a_host_is_what_stands_before_the_port(address: str, name: str) -> None:
    assert host(address) == name


def test_entries_come_oldest_first_each_before_those_that_failed_with_it() -> None:
    def entry(time_ms: int, *others: object) -> dict[str, object]:
        return {"stacktrace": "x", "timestamp": time_ms, "concurrentExceptions": list(others)}

    answer = {"exceptionHistory": {"entries": [entry(30, entry(29)), entry(10)]}}

    def told(limit: int) -> list[tuple[int, bool]]:
        return [(e.timestamp, also) for e, also in failures(parsed(answer, Exceptions), limit)]

    assert told(10) == [(10, False), (30, False), (29, True)]
    assert told(1) == [(30, False), (29, True)], "the newest"


def test_of_a_huge_stack_trace_head_and_tail_are_told() -> None:
    text = "a.B: head\n" + "\tat c.D.e(D.java:1)\n" * 100_000 + "Caused by: f.G: tail"
    event = failure_event(
        Failure(stacktrace=text, timestamp=1),
        concurrent=False,
        origin=Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0),
        job="j",
        start_ms=0,
        vertices=[],
        sign=str,
    )
    assert len(event.throwable) == THROWABLE_CHARS
    assert event.throwable.startswith("a.B: head") and event.throwable.endswith("f.G: tail")
