"""What the watcher told of processes is told again as they did."""

from drsquirrel.heard_tasks import lost_by
from drsquirrel.model.event import FailureEvent, MetricReport, Place, Values, tables
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.watch.fold import fold
from drsquirrel.watch.told_again import ROUND_MS, rounds
from tests.watch.made import NOON_MS, origin

MINUTE = NOON_MS // MINUTE_MS
BEGIN_MS = MINUTE * MINUTE_MS


def report(after_ms: int, *places: Place, job: str = "j", **numbers: int) -> MetricReport:
    told = [Values({"numRecordsIn": 1}, place) for place in places] or [Values(numbers)]
    return MetricReport(
        origin=origin(sequence=after_ms),
        time_ms=BEGIN_MS + after_ms,
        tables=tables(told),
        job=job,
        job_name="orders",
    )


def told(*reports: MetricReport) -> list[tuple[int, list[MetricReport]]]:
    rollups = fold((r.time_ms, r) for r in reports).rollups
    return [
        (over_ms - BEGIN_MS + 1, [again for _, again in found])
        for over_ms, found in rounds(rollups, MINUTE)
    ]


def test_who_spoke_first_and_last_in_a_minute_spoke_in_between() -> None:
    a, b = Place("v", 0, attempt=0), Place("v", 1, attempt=0)
    found = told(report(3_000, a, b), report(13_000, a, b), report(23_000, a), report(53_000, a))
    assert [over_ms for over_ms, _ in found] == [ROUND_MS * n for n in range(1, 7)]
    places = [{p for r in reports for t in r.tables for p in t.places} for _, reports in found]
    assert [b in of_round for of_round in places] == [True, True, False, False, False, False]
    assert all(a in of_round for of_round in places)
    last = [reports[0].time_ms - BEGIN_MS for _, reports in found]
    assert last == [9_999, 19_999, 29_999, 39_999, 49_999, 53_000]


def test_nobody_is_told_before_it_spoke_or_after_it_fell_silent() -> None:
    a = Place("v", 0, attempt=0)
    found = told(report(23_000, a), report(33_000, a))
    assert [len(reports) for _, reports in found] == [0, 0, 1, 1, 0, 0]
    assert told() == [(ROUND_MS * n, []) for n in range(1, 7)]


def test_of_operators_nothing_is_told_again() -> None:
    of_task, of_operator = Place("v", 0, attempt=0), Place("v", 0, "sink", attempt=0)
    found = told(report(1_000, of_task, of_operator))
    assert next(t.places for _, reports in found for r in reports for t in r.tables) == (of_task,)


def test_failures_and_changes_are_told_again_in_their_round() -> None:
    failure = FailureEvent(origin=origin(1), time_ms=BEGIN_MS + 15_000, job="j", throwable="Error")
    [rollup] = fold([(failure.time_ms, failure)]).rollups
    found = [[what for _, what in told] for _, told in rounds([rollup], MINUTE)]
    assert found == [[], [*rollup.failures], [], [], [], []]


def test_what_a_process_has_lost_is_told_again() -> None:
    found = told(report(1_000, job="", publisher_dropped_total=7))
    assert [lost_by(r) for _, reports in found for r in reports] == [7]
