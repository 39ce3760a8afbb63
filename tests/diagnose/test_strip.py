"""The strips of the last hour and their sentences."""

import pytest

from drsquirrel.diagnose.hour import MeasuredHour, MinuteValues
from drsquirrel.diagnose.strip import cells_of, last_hour, worst_cells
from drsquirrel.model import series
from drsquirrel.model.case import CheckpointsNow, Episode
from drsquirrel.model.event import CheckpointEvent, Origin
from drsquirrel.model.facts import CheckpointSettings, JobFacts
from drsquirrel.model.report import LastHour, Strip
from drsquirrel.model.series import Series
from tests.diagnose.made import graph, vertex
from tests.diagnose.test_answer import container

NOON_MINUTE = 720
FACTS = graph(vertex("s"), vertex("m", "s"), vertex("k", "m"))
UNSEEN: MinuteValues = (None,) * 60
ORIGIN = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0)
NONE = CheckpointsNow(
    completed=(),
    failed=(),
    in_progress=None,
    failures_in_row=0,
    last_completed_ms=None,
    running_since_ms=None,
)
SETTINGS = CheckpointSettings(interval_ms=10_000, timeout_ms=600_000, tolerable_failures=0)


def row(*newest: float | None) -> MinuteValues:
    """Calm minutes, then these."""
    return (0.0,) * (60 - len(newest)) + newest


def shown(
    measured: dict[Series, dict[str, MinuteValues]],
    *,
    culprits: str = "",
    places: tuple[str, ...] = (),
    facts: JobFacts | None = FACTS,
    checkpoints: CheckpointsNow = NONE,
    episodes: tuple[Episode, ...] = (),
    containers: tuple[str, ...] = ("tm-1", ""),
) -> LastHour:
    """An hour from 12:00 to 13:00."""
    hour = MeasuredHour(
        (NOON_MINUTE + 60) * 60_000 - 1,
        NOON_MINUTE,
        (),
        (None,) * 60,
        dict.fromkeys(containers, ()),
    )
    every = {s: measured.get(s, {}) for s in series.SERIES}
    return last_hour(
        hour, facts, every, checkpoints, episodes, frozenset(culprits), frozenset(places)
    )


def strip(found: LastHour, id_: str) -> Strip:
    return next(s for s in found.strips if s.id == id_)


def test_cells_tell_clear_some_high_and_unseen() -> None:
    assert cells_of((0.0, 0.1, 0.5, None), 0.1, 0.5) == ".lh_"


def test_the_worst_of_all_strips_makes_the_row_of_the_list() -> None:
    def of(cells: str) -> Strip:
        return Strip(kind="gc", id="x", name="x", cells=cells, sentence="")

    assert worst_cells((of("h.l_" * 15), of("..._" * 15))) == "h.l_" * 15
    assert worst_cells((of("too short"),)) == "_" * 60
    assert worst_cells(()) == "_" * 60


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (UNSEEN, "not seen"),
        (row(), "calm in 60 min"),
        (row(0.2), "1 of 60 min raised"),
        ((None,) * 50 + row()[:9] + (0.9,), "1 of 10 min high · first, 12:59 UTC"),
        (row(0.9, 0.0, 0.0), "1 of 60 min high"),
    ],
)
def test_a_strip_says_how_many_of_its_minutes_are_high(values: MinuteValues, sentence: str) -> None:
    found = shown({series.BACKPRESSURED_SHARE: {"m": values}})
    assert strip(found, "m").sentence == sentence


def test_the_first_to_be_high_is_marked_and_so_are_all_that_began_with_it() -> None:
    found = shown({series.BACKPRESSURED_SHARE: {"s": row(0.9), "m": row(0.9, 0.9)}})
    assert [strip(found, v).first for v in "smk"] == [False, True, False]
    assert strip(found, "m").worst_minute == 59
    assert found.sentence == "Backpressure began at `m`, 12:58 UTC."


def test_a_culprit_at_its_limit_is_marked_as_such_and_not_as_first() -> None:
    found = shown(
        {
            series.BACKPRESSURED_SHARE: {"s": row(0.9, 0.9, 0.9), "k": row()},
            series.BOTTLENECK: {"k": row(1.0)},
        },
        culprits="k",
    )
    assert strip(found, "k").cells == "." * 59 + "h"
    assert strip(found, "k").sentence == "works at its limit since 12:59 UTC"
    assert found.sentence == (
        "`k` has worked at its limit since 12:59 UTC, 2 min after the first backpressure (`s`)."
    )


def test_a_chain_at_its_limit_is_told_without_backpressure() -> None:
    found = shown({series.BOTTLENECK: {"k": row(1.0, 1.0)}}, culprits="k")
    assert found.sentence == "`k` has worked at its limit since 12:58 UTC."


def test_a_culprit_may_have_been_at_its_limit_before_the_pressure_reached_the_top() -> None:
    found = shown(
        {
            series.BACKPRESSURED_SHARE: {"s": row(0.9)},
            series.BOTTLENECK: {"k": row(1.0, 1.0, 1.0)},
        },
        culprits="k",
    )
    assert "2 min before the first backpressure" in found.sentence


def test_a_culprit_that_is_not_at_its_limit_is_not_said_to_be() -> None:
    found = shown(
        {
            series.BACKPRESSURED_SHARE: {"m": row(0.9)},
            series.BOTTLENECK: {"m": row(1.0, 0.0, 0.0)},
        },
        culprits="m",
    )
    assert strip(found, "m").sentence == "1 of 60 min high"
    assert strip(found, "m").culprit and not strip(found, "m").first
    assert found.sentence == ""


@pytest.mark.parametrize(
    ("tm", "jm", "sentence"),
    [
        (row(), UNSEEN, "Old-generation garbage collection stayed quiet."),
        (UNSEEN, UNSEEN, ""),
        (row(0.06, 0.0), row(), ""),
        (row(0.2), row(), "Old-generation garbage collection is high in `tm-1` since 12:59 UTC."),
        (
            row(0.2),
            row(0.2, 0.2),
            "Old-generation garbage collection is high in the JobManager since 12:58 UTC.",
        ),
    ],
)
def test_the_sentence_tells_whether_collections_took_part(
    tm: MinuteValues, jm: MinuteValues, sentence: str
) -> None:
    found = shown(
        {
            series.BACKPRESSURED_SHARE: {"m": row(0.9)},
            series.GC_OLD_SHARE: {"tm-1": tm, "": jm},
        },
        places=("tm-1",),
    )
    assert found.sentence == " ".join(
        filter(None, ["Backpressure began at `m`, 12:59 UTC.", sentence])
    )
    assert [s.name for s in found.strips if s.kind == "gc"] == ["tm-1", "JobManager"]
    assert strip(found, "tm-1").culprit


def event(minute: int, status: str = "COMPLETED", duration_ms: int | None = 500) -> CheckpointEvent:
    ended_ms = (NOON_MINUTE + minute) * 60_000
    return CheckpointEvent(
        origin=ORIGIN,
        time_ms=ended_ms - 1,
        job="j",
        id=minute,
        status=status,
        ended_ms=ended_ms,
        duration_ms=duration_ms,
    )


def of_checkpoints(*completed: CheckpointEvent, failed: tuple[CheckpointEvent, ...] = ()) -> Strip:
    facts = JobFacts(
        cluster="c", job="j", start_ms=1, name="o", vertices=FACTS.vertices, checkpoints=SETTINGS
    )
    checkpoints = CheckpointsNow(
        completed=completed,
        failed=failed,
        in_progress=None,
        failures_in_row=0,
        last_completed_ms=None,
        running_since_ms=None,
    )
    return strip(shown({}, facts=facts, checkpoints=checkpoints), "checkpoints")


@pytest.mark.parametrize(
    ("completed", "sentence"),
    [
        ((), "none completed, none failed"),
        ((event(1, duration_ms=None),), "durations not told, none failed, last at 12:01 UTC"),
        ((event(1),), "500 ms, none failed, last at 12:01 UTC"),
        ((event(1), event(2, duration_ms=9_000)), "500 ms → 9 s, none failed, last at 12:02 UTC"),
    ],
)
def test_checkpoints_tell_from_what_duration_to_what(
    completed: tuple[CheckpointEvent, ...], sentence: str
) -> None:
    assert of_checkpoints(*completed).sentence == sentence


def test_slow_checkpoints_are_raised_and_failed_ones_high() -> None:
    slow, long_ago = event(2, duration_ms=300_000), event(-5)
    failed = (event(2, "FAILED"), event(3, "FAILED"), event(99, "FAILED"))
    assert of_checkpoints(event(1), slow, long_ago).cells[:4] == "_.l_"
    found = of_checkpoints(event(1), slow, failed=failed)
    assert found.cells[:4] == "_.hh"
    assert found.sentence == "500 ms → 5 min, 3 failed, last at 12:02 UTC"


def test_restarts_are_counted_without_rescales() -> None:
    lost = (container("tm-1", gone_ms=1),)
    real = Episode(began_ms=1, ended_ms=2, faults=(), first=None, lost=lost)
    rescale = Episode(began_ms=1, ended_ms=2, faults=(), first=None)
    for episodes, sentence in (((), "none"), ((real, rescale), "once"), ((real,) * 3, "3 times")):
        assert strip(shown({}, episodes=episodes), "restarts").sentence == sentence


def test_the_strip_of_restarts_tells_down_from_began() -> None:
    found = shown(
        {
            series.ALL_RUNNING: {"": (*(1.0,) * 56, 1.0, 0.0, 0.0, None)},
            series.RESTARTS: {"": (*(0.0,) * 56, 0.0, 1.0, 0.0, None)},
        }
    )
    assert strip(found, "restarts").cells[-4:] == ".hl_"


def test_records_are_told_for_minutes_in_which_all_sources_tell_them() -> None:
    facts = graph(vertex("a"), vertex("b"), vertex("k", "a", "b"))
    rates = {series.RECORDS_PER_S: {"a": row(5.0, 6.0), "b": (*(1.0,) * 59, None)}}
    assert shown(rates, facts=facts).records_per_s[-3:] == (1.0, 6.0, None)
    assert set(shown({series.RECORDS_PER_S: {"a": row()}}, facts=facts).records_per_s) == {None}
    assert shown({}, facts=None).records_per_s == ()


def test_vertices_of_one_name_are_told_apart() -> None:
    twins = graph(vertex("s"), vertex("k", "s"))
    same = [
        type(v)(**{**{f: getattr(v, f) for f in v.__struct_fields__}, "name": "x"})
        for v in twins.vertices
    ]
    found = shown({}, facts=graph(*same))
    assert [s.name for s in found.strips[:2]] == ["x s", "x k"]
