"""Readings in the order of time, across attempts, containers and pieces."""

from drsquirrel.diagnose.reading import ScopeKey, latest, lines, recent, span
from tests.diagnose.made import line, reading, rollup, track

SUBTASK = ScopeKey("v", 0)
N = frozenset({"n"})


def test_a_line_is_of_one_attempt_in_one_container_the_newest_last() -> None:
    found = lines(
        [
            rollup(0, track("v", 0, first=(reading(10, n=1),), attempt=1, container="tm-2")),
            rollup(1, track("v", 0, first=(reading(70, n=9),), attempt=0)),
            rollup(2, track("v", 0, first=(reading(130, n=2),), attempt=1, container="tm-2")),
        ]
    )
    assert [(of.container, of.attempt, len(of.readings)) for of in found[SUBTASK]] == [
        ("tm-1", 0, 1),
        ("tm-2", 1, 2),
    ]


def test_pieces_of_one_reading_are_put_together_in_order() -> None:
    pieces = track(
        "v",
        0,
        first=(reading(10, a=1), reading(20, b=1)),
        last=(reading(20, a=2), reading(30, b=2)),
    )
    [of] = lines([rollup(0, pieces)])[SUBTASK]
    assert of.readings == (reading(10, a=1), reading(20, b=1, a=2), reading(30, b=2))


def test_low_and_high_are_those_of_all_minutes_that_tell_them() -> None:
    [of] = lines(
        [
            rollup(0, track("v", 0, first=(reading(1, g=5),), low={"g": 2}, high={"g": 9})),
            rollup(1, track("v", 0, first=(reading(61, g=5),), low={"g": 4}, high={"g": 6})),
        ]
    )[SUBTASK]
    assert (of.lowest("g"), of.highest("g")) == (2, 9)
    assert (of.lowest("h"), of.highest("h")) == (None, None)


def test_a_span_ends_at_the_newest_reading_that_tells_all() -> None:
    readings = (reading(0, n=0), reading(30, n=3), reading(60, n=6), reading(90, m=1))
    found = span(readings, N, least_ms=25_000, target_ms=60_000, since_ms=0)
    assert found is not None and (found.elapsed_ms, found.rise("n")) == (60_000, 6)
    assert span(readings, N, least_ms=61_000, target_ms=60_000, since_ms=0) is None
    assert span(readings, N, least_ms=1, target_ms=1, since_ms=60_001) is None
    assert span(readings, frozenset({"x"}), least_ms=1, target_ms=1, since_ms=0) is None


def test_the_newest_value_is_the_newest_by_time_of_all_lines() -> None:
    of = [line(reading(50, n=5)), line(reading(40, n=4), reading(60, m=1))]
    assert latest(of, "n") == 5
    assert latest(of, "x") is None


def test_recent_are_the_open_minute_and_the_two_before_where_seen() -> None:
    rollups = {m: rollup(m) for m in (1, 3, 4)}
    assert [r.minute for r in recent(rollups, 4 * 60_000 + 1)] == [3, 4]


def test_two_that_tell_of_the_same_at_the_same_time_are_two_lines() -> None:
    [rest, plugin] = lines(
        [
            rollup(
                0,
                track("v", 0, first=(reading(0, n=1),), last=(reading(50, n=2),), epoch="rest"),
                track("v", 0, first=(reading(3, n=10),), last=(reading(53, n=20),), epoch="p"),
            ),
            rollup(1, track("v", 0, first=(reading(63, n=30),), epoch="p")),
        ]
    )[SUBTASK]
    assert [r.values["n"] for r in rest.readings] == [1, 2]
    assert [r.values["n"] for r in plugin.readings] == [10, 20, 30]


def test_one_that_goes_on_where_another_stopped_continues_its_line() -> None:
    [of] = lines(
        [
            rollup(
                0,
                track("v", 0, first=(reading(0, n=1),), last=(reading(20, n=2),), epoch="before"),
                track("v", 0, first=(reading(30, n=3),), last=(reading(50, n=4),), epoch="after"),
            ),
        ]
    )[SUBTASK]
    assert [r.values["n"] for r in of.readings] == [1, 2, 3, 4]
