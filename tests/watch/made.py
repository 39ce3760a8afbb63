"""Events for tests: readable ones by hand, and any that Hypothesis can think of."""

from typing import Any

from hypothesis import strategies as st

from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    Event,
    FailureEvent,
    LogEvent,
    MetricReport,
    Origin,
    Place,
    Table,
    Values,
    tables,
)
from drsquirrel.model.snapshot import Rollup
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import LIMITS, Limits

MINUTE_MS = 60_000
NOON_MS = 1_760_000_040_000 // MINUTE_MS * MINUTE_MS
"""The start of a minute."""
HOSTILE = Limits(
    places_per_report=2,
    tracks_per_minute=3,
    reports_per_minute=4,
    failures_per_minute=2,
    checkpoints_per_minute=2,
    changes_per_minute=2,
    signatures_per_minute=2,
    lines_per_signature=2,
    skewed_per_minute=1,
    names_per_minute=1,
    text_chars=64,
)
"""Limits so small that every set overflows."""
TRACE = "java.lang.IllegalStateException: boom 7\n\tat demo.Enrich.map(Enrich.java:31)"


def origin(sequence: int = 1, container: str = "tm-1", epoch: str = "e", **more: Any) -> Origin:
    told: dict[str, Any] = {"cluster": "prod", "producer": "plugin", **more}
    return Origin(epoch=epoch, sequence=sequence, container=container, **told)


def report(
    sequence: int = 1,
    time_ms: int = NOON_MS,
    *scopes: Values,
    job: str = "j",
    container: str = "tm-1",
    epoch: str = "e",
) -> MetricReport:
    return MetricReport(
        origin=origin(sequence, container, epoch), time_ms=time_ms, tables=tables(scopes), job=job
    )


def subtask(subtask: int = 0, attempt: int = 0, **values: float) -> Values:
    return Values(values, Place("v", subtask, attempt=attempt))


_NAMES = st.sampled_from(
    [
        "numRecordsIn",
        "busy_ms",
        "accumulateBusyTimeMs",
        "Shuffle.Netty.Output.Buffers.outPoolUsage",
        "records-lag-max",
        "KafkaConsumer.records-lag-max",
        "KafkaSourceReader.KafkaConsumer.records-lag-max",
        "input_queue_buffers",
        "Count",
        "numRestarts",
        "Status.JVM.Memory.Heap.Used",
        "no such metric",
    ]
)
_NUMBERS = st.one_of(
    st.integers(0, 3),
    st.integers(-(2**70), 2**70),
    st.sampled_from([0.5, 1.5, 2.5, float("nan"), float("inf"), -float("inf"), 1e300, -1e300]),
    st.floats(),
    st.none(),
)
_PLACES = st.builds(
    Place,
    vertex=st.sampled_from(["", "v"]),
    subtask=st.sampled_from([-1, 0]),
    operator=st.sampled_from(["", "", "sink"]),
    group=st.sampled_from(["", "", "G1_Old_Generation", "All"]),
    attempt=st.sampled_from([0, 1]),
)
_TABLES = st.builds(
    Table,
    names=st.lists(_NAMES, max_size=4).map(tuple),
    places=st.lists(_PLACES, max_size=2).map(tuple),
    numbers=st.lists(_NUMBERS, max_size=8).map(tuple),
)
"""Few of them are even."""
_TOLD = st.lists(
    st.builds(Values, st.dictionaries(_NAMES, _NUMBERS, max_size=4), _PLACES), max_size=4
)
_ORIGINS = st.builds(
    Origin,
    cluster=st.just("prod"),
    producer=st.sampled_from(["plugin", "flink-rest"]),
    epoch=st.sampled_from(["e", "f"]),
    sequence=st.integers(0, 6),
    container=st.sampled_from(["", "tm-1", "tm-2"]),
    schema=st.sampled_from([1, 1, 1, 2]),
)
_SECONDS = st.one_of(
    st.integers(-3, 70), st.sampled_from([-61, 61, 120, -120, 86_400, -86_400, -1_760_000_000])
)
_TIMES = _SECONDS.map(lambda seconds: NOON_MS + 1_000 * seconds)
_TEXTS = st.sampled_from(["", "boom 1", "boom 2", TRACE, "x" * 100])
_COMMON: dict[str, Any] = {"origin": _ORIGINS, "time_ms": _TIMES, "job": st.sampled_from(["", "j"])}
_JOB = {**_COMMON, "job": st.just("j")}

EVENTS: dict[str, st.SearchStrategy[Event]] = {
    "report": st.builds(
        MetricReport,
        **_COMMON,
        job_name=st.sampled_from(["", "orders", "clicks"]),
        tables=st.one_of(_TOLD.map(tables), st.lists(_TABLES, max_size=3).map(tuple)),
    ),
    "log": st.builds(
        LogEvent,
        **_COMMON,
        level=st.sampled_from(["INFO", "WARN", "ERROR", "FATAL"]),
        logger=st.just("a.B"),
        message=_TEXTS,
        throwable=_TEXTS,
        count=st.integers(1, 3),
    ),
    "failure": st.builds(
        FailureEvent,
        **_JOB,
        throwable=_TEXTS,
        signature=st.sampled_from(["", "s"]),
        task=st.sampled_from(["", "map"]),
        host=_TEXTS,
        labels=st.dictionaries(_TEXTS, _TEXTS, max_size=2),
    ),
    "checkpoint": st.builds(
        CheckpointEvent,
        **_JOB,
        id=st.integers(1, 2),
        status=st.sampled_from(["IN_PROGRESS", "FAILED", "COMPLETED", "NEW"]),
        ended_ms=st.one_of(st.none(), _TIMES),
        state_bytes=st.one_of(st.none(), st.integers(0, 2)),
        failure=_TEXTS,
    ),
    "change": st.builds(
        ChangeEvent,
        **_COMMON,
        what=st.sampled_from(["job-state", "slots"]),
        subject=st.sampled_from(["RUNNING", "FAILED"]),
        text=_TEXTS,
    ),
}
"""Anything, by kind."""

_NEAR: dict[str, Any] = {
    "origin": st.builds(origin, st.integers(0, 6)),
    "time_ms": st.integers(0, 2).map(NOON_MS.__add__),
    "job": st.just("j"),
}
_FEW_VALUES = st.dictionaries(
    st.sampled_from(["busy_ms", "idle_ms", "input_queue_buffers"]), st.integers(0, 3)
)
NEAR: list[st.SearchStrategy[Event]] = [
    st.builds(
        MetricReport,
        **_NEAR,
        tables=st.builds(Values, _FEW_VALUES, st.just(Place("v"))).map(lambda v: tables([v])),
    ),
    st.builds(
        LogEvent,
        **_NEAR,
        level=st.just("WARN"),
        logger=st.just("a.B"),
        message=st.sampled_from(["took 1 ms", "took 2 ms"]),
        count=st.integers(1, 2),
    ),
    st.builds(
        FailureEvent,
        **{**_NEAR, "time_ms": st.just(NOON_MS)},
        throwable=st.just(TRACE),
        signature=st.just(""),
        host=st.sampled_from(["a", "b"]),
        vertex=st.sampled_from(["", "v"]),
    ),
    st.builds(
        CheckpointEvent,
        **{**_NEAR, "time_ms": st.just(NOON_MS)},
        id=st.just(1),
        status=st.sampled_from(["IN_PROGRESS", "FAILED", "COMPLETED"]),
        ended_ms=st.sampled_from([None, NOON_MS, NOON_MS + 1]),
        sync_ms=st.sampled_from([None, 0, 1]),
    ),
]
"""Events of one kind that are about the same, so that they meet in every possible way."""

_ARRIVED_MS = st.sampled_from([5_000, 5_000, 5_000, 59_000, 200_000]).map(NOON_MS.__add__)


def arrivals(events: st.SearchStrategy[Event]) -> st.SearchStrategy[list[tuple[int, Event]]]:
    """Events with their times of arrival, which stay with them however often they are told."""
    return st.lists(st.tuples(_ARRIVED_MS, events), max_size=10)


ARRIVALS = st.one_of(arrivals(st.one_of(*EVENTS.values())), *map(arrivals, NEAR))
THREE_ARRIVALS = st.one_of(
    st.tuples(*[arrivals(st.one_of(*EVENTS.values()))] * 3),
    *(st.tuples(*[arrivals(near)] * 3) for near in NEAR),
)


def folded(*events: Event, late_ms: int = 0, limits: Limits = LIMITS) -> list[Rollup]:
    return fold([(event.time_ms + late_ms, event) for event in events], limits).rollups


def only(*events: Event, late_ms: int = 0, limits: Limits = LIMITS) -> Rollup:
    (rollup,) = folded(*events, late_ms=late_ms, limits=limits)
    return rollup
