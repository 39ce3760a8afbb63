"""The case: where slow subtasks are, what threads belong to whom, what costs more than before."""

import pytest
from msgspec.structs import replace

from drsquirrel.diagnose.bottleneck import Site, Walk
from drsquirrel.diagnose.case import cost_rise, slow_host, threads_at
from drsquirrel.diagnose.inquiry import Expected, Inquiry
from drsquirrel.diagnose.minute import RunMinute
from drsquirrel.diagnose.now import window_ms
from drsquirrel.diagnose.vertex import VertexMinute
from drsquirrel.model.case import ThreadVerdict, VertexNow
from drsquirrel.model.facts import CheckpointSettings, Heartbeats, JobFacts, RunSeen, ThreadSample
from drsquirrel.model.report import JobRef, Onset, RunRef
from drsquirrel.model.unknown import Number, Unknown
from tests.diagnose.made import graph, subtask, vertex
from tests.diagnose.test_answer import container

NOTHING = Unknown("not measured")
HOSTS = {
    "tm-1": container("tm-1", host="a"),
    "tm-2": container("tm-2", host="a"),
    "tm-3": container("tm-3", host="b"),
    "tm-4": container("tm-4"),
}


def at(*subtasks: tuple[str, Number], skew: Number = 1.0, name: str = "m") -> VertexNow:
    """A vertex with subtasks (container, wall cost)."""
    return VertexNow(
        vertex=vertex(name, "s"),
        subtasks=tuple(
            subtask(i, container=c, cost_us=cost) for i, (c, cost) in enumerate(subtasks)
        ),
        reads_from_outside=False,
        writes_outside=False,
        cost_rise=NOTHING,
        records_skew=skew,
        cost_skew=NOTHING,
        send_errors_per_s=NOTHING,
    )


@pytest.mark.parametrize(
    ("subtasks", "place"),
    [
        ([("tm-1", 9.0), ("tm-2", 8.0), ("tm-3", 1.0), ("tm-3", 1.0)], "a"),
        ([("tm-1", 9.0), ("tm-3", 1.0)], "a"),
        ([("tm-1", 9.0), ("tm-1", 9.0), ("tm-2", 1.0), ("tm-2", 1.0)], "tm-1"),
        ([("tm-4", 9.0), ("tm-3", 1.0)], "tm-4"),
        ([("tm-1", 9.0), ("tm-1", 1.0)], ""),
        ([("tm-1", 9.0), ("tm-3", 9.0), ("tm-2", 1.0), ("tm-2", 1.0)], ""),
        ([("tm-1", 1.0), ("tm-3", 1.9)], ""),
    ],
)
def test_the_slow_place_is_where_all_slow_subtasks_and_no_quick_one_are(
    subtasks: list[tuple[str, Number]], place: str
) -> None:
    assert slow_host(at(*subtasks), HOSTS) == place


def test_uneven_records_are_no_slow_place_and_unknown_ones_tell_nothing() -> None:
    two = [("tm-1", 9.0), ("tm-3", 1.0)]
    assert slow_host(at(*two, skew=1.6), HOSTS) == ""
    assert isinstance(slow_host(at(*two, skew=NOTHING), HOSTS), Unknown)
    assert isinstance(slow_host(at(("tm-1", 9.0), ("tm-3", NOTHING)), HOSTS), Unknown)


def calm(*costs: float | None) -> list[RunMinute]:
    return [
        RunMinute(
            NOTHING, False, (), Walk(()), {"m": VertexMinute(cost_us=c)}, frozenset(), (), (), False
        )
        for c in costs
    ]


def test_a_cost_rises_against_the_minutes_without_a_bottleneck() -> None:
    assert cost_rise(calm(10, 10, 20, None), "m", [25.0, 30.0, 99.0]) == 3.0
    for minutes, now in ((calm(10, 10), [30.0]), (calm(0, 0, 0), [30.0]), (calm(1, 1, 1), [])):
        assert isinstance(cost_rise(minutes, "m", now), Unknown)


def inquiry(*threads: ThreadSample, facts: JobFacts | None = None) -> Inquiry:
    return Inquiry(
        job=JobRef(id="j", cluster="c", name="orders"),
        run=RunRef(id="r", job_id="j", start_ms=1, state="RUNNING"),
        seen=RunSeen(cluster="c", job="j", start_ms=1, name="orders", state="RUNNING"),
        facts=facts or graph(vertex("m", "s"), vertex("m2", "m")),
        expected=Expected(interval_ms=10_000, last_answer_ms=1),
        rollups={},
        threads=threads,
    )


def samples(task: str, at_ms: int = 2_000_000, subtask: int = 0) -> list[ThreadSample]:
    frames = (
        "com.example.Hash.of(Hash.java:1)",
        "org.apache.flink.streaming.api.operators.StreamMap.processElement(S.java)",
    )
    return [
        ThreadSample(
            container="tm-1",
            time_ms=at_ms + i,
            task=task,
            subtask=subtask,
            state="RUNNABLE",
            frames=frames,
        )
        for i in range(9)
    ]


SITE = Site("m", (0,), 1.0)
NOW_MS = 2_100_000


def seen(
    *threads: ThreadSample,
    name: str = "m",
    onset: Onset | None = None,
    facts: JobFacts | None = None,
) -> ThreadVerdict | Unknown:
    here = at(("tm-1", NOTHING), ("tm-1", NOTHING), name=name)
    return threads_at(inquiry(*threads, facts=facts), here, SITE, onset, NOW_MS)


def test_threads_of_the_saturated_subtasks_tell_what_they_do() -> None:
    found = seen(*samples("m"))
    assert isinstance(found, ThreadVerdict) and found.samples == 9


def test_threads_of_another_time_subtask_or_vertex_do_not_count() -> None:
    assert isinstance(seen(*samples("m", at_ms=NOW_MS - 1_200_001 - 9)), Unknown)
    assert isinstance(seen(*samples("m", subtask=1)), Unknown)
    assert isinstance(seen(*(replace(s, container="tm-2") for s in samples("m"))), Unknown)
    assert isinstance(seen(*samples("x")), Unknown)
    assert isinstance(seen(*samples("")), Unknown)
    late = Onset(earliest_ms=2_050_000, latest_ms=2_060_000)
    assert isinstance(seen(*samples("m"), onset=late), Unknown), "before it began"


def test_a_name_that_flink_has_cut_is_meant_unless_another_vertex_is_called_so() -> None:
    facts = graph(vertex("m", "s"), vertex("m2 -> x", "m"))
    assert isinstance(seen(*samples("m2 -"), name="m2 -> x", facts=facts), ThreadVerdict)
    assert isinstance(seen(*samples("m"), name="m2 -> x", facts=facts), Unknown)


@pytest.mark.parametrize(
    ("interval_s", "late_s", "deaf_s"),
    [(10, 12, 20), (30, 32, 60), pytest.param(2, 12, 20, id="never sooner than by default")],
)
def test_a_heartbeat_is_late_2_s_after_the_next_was_due(
    interval_s: int, late_s: int, deaf_s: int
) -> None:
    beats = Heartbeats(interval_ms=interval_s * 1000, timeout_ms=180_000)

    def told(age_ms: object) -> tuple[bool, bool]:
        at = container("tm-1", heartbeat_age_ms=age_ms, heartbeats=beats)
        return at.is_silent, at.is_deaf

    assert told(NOTHING) == told(late_s * 1000.0) == (False, False)
    assert told(late_s * 1000 + 1.0) == told(deaf_s * 1000.0) == (True, False)
    assert told(deaf_s * 1000 + 1.0) == (True, True)


def test_now_is_two_checkpoint_intervals_from_half_a_minute_to_one() -> None:
    def window(interval_ms: int) -> int:
        settings = CheckpointSettings(interval_ms=interval_ms, timeout_ms=1, tolerable_failures=0)
        facts = JobFacts(cluster="c", job="j", start_ms=1, name="o", checkpoints=settings)
        return window_ms(facts)

    assert [window(ms) for ms in (1_000, 20_000, 600_000)] == [30_000, 40_000, 60_000]
    assert window_ms(None) == window_ms(graph()) == 60_000
