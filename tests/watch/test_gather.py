"""What becomes of the tables of numbers in reports."""

import pytest
from msgspec.structs import replace

from drsquirrel.model.event import Place, Table, Values, tables
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import Limits
from tests.watch.made import NOON_MS, only, report, subtask


def values_of(scope: Values, job: str = "j") -> dict[str, int]:
    tracks = only(report(1, NOON_MS, scope, job=job)).tracks
    return dict(tracks[0].last[0].values) if tracks else {}


def test_the_scopes_of_a_report_keep_their_numbers_apart():
    scopes = [
        subtask(0, mystery=1, busy_ms=2, input_queue_buffers=3),
        Values({"mystery": 4}, Place("v", 1)),
        subtask(2, input_queue_buffers=5, idle_ms=6),
    ]
    tracks = only(report(1, NOON_MS, *scopes), report(2, NOON_MS + 1, *scopes)).tracks
    assert [(t.key.subtask, t.last[0].values, t.high) for t in tracks] == [
        (0, {"busy_ms": 2, "input_queue_buffers": 3}, {"input_queue_buffers": 3}),
        (2, {"idle_ms": 6, "input_queue_buffers": 5}, {"input_queue_buffers": 5}),
    ]


@pytest.mark.parametrize(
    ("scope", "job", "metrics"),
    [
        (Values({"numRestarts": 3}), "j", {"restarts_total": 3}),
        (Values({"numRestarts": 3}), "", {}),
        (subtask(numRecordsIn=3), "j", {"records_in": 3}),
        (
            Values({"numRecordsIn": 3}, Place("v", operator="o")),
            "j",
            {"source_records_in": 3},
        ),
        (
            Values({"Count": 2, "Time": 50}, Place(group="G1")),
            "",
            {"gc_count": 2, "gc_time_ms": 50},
        ),
        (Values({"Count": 2}, Place(group="All")), "", {}),
        (Values({"Count": 2}), "", {}),
        (Values({"threads": 3}), "", {"threads": 3}),
        (subtask(threads=3), "j", {}),
    ],
)
def test_the_scope_decides_what_a_name_means(scope, job, metrics):
    assert values_of(scope, job) == metrics


def test_numbers_become_integers_of_our_units():
    usage = "Shuffle.Netty.Output.Buffers.outPoolUsage"
    assert values_of(subtask(**{usage: 0.25})) == {"out_pool_micro": 250_000}
    assert values_of(subtask(**{usage: 1})) == {"out_pool_micro": 1_000_000}
    assert values_of(subtask(out_pool_micro=7)) == {"out_pool_micro": 7}
    assert values_of(subtask(busy_ms=7.6)) == {"busy_ms": 8}


def test_of_two_names_for_one_metric_ours_and_then_the_newer_wins():
    old = {"KafkaConsumer.records-lag-max": 1}
    new = {"KafkaSourceReader.KafkaConsumer.records-lag-max": 2}
    ours = {"records_lag_max": 3}

    def lag(*names: dict[str, int]) -> dict[str, int]:
        values = {name: value for part in names for name, value in part.items()}
        return values_of(Values(values, Place(operator="o")))

    assert lag(old, new) == lag(new, old) == {"records_lag_max": 2}
    assert lag(new, ours, old) == {"records_lag_max": 3}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 2**63, -1e300, "7"])
def test_what_is_no_usable_number_is_dropped_and_counted(bad):
    values = [{"busy_ms": 1}, {"busy_ms": bad}, {"busy_ms": bad, "idle_ms": 3}, {"busy_ms": 2}]
    reports = [report(n, NOON_MS + n, Values(v, Place("v"))) for n, v in enumerate(values)]
    result = fold([(NOON_MS, r) for r in reports])
    (track,) = result.rollups[0].tracks
    assert [r.values for r in track.first] == [{"busy_ms": 1}, {"idle_ms": 3}]
    assert [r.values for r in track.last] == [{"idle_ms": 3}, {"busy_ms": 2}]
    assert result.dropped == {"no usable number": 2}


def test_null_says_that_there_is_no_number_now():
    rows = [(1, 5), (None, None), (2, None)]
    reports = [
        replace(
            report(n, NOON_MS + n),
            tables=(Table(names=("busy_ms", "threads"), places=(Place("v"),), numbers=row),),
        )
        for n, row in enumerate(rows)
    ]
    result = fold([(NOON_MS, r) for r in reports])
    (track,) = result.rollups[0].tracks
    assert [r.values for r in track.last] == [{"busy_ms": 2}]
    assert result.dropped == {"unknown metric": 1}


@pytest.mark.parametrize("numbers", [(), (1, 2, 3), (1, 2, 3, 4, 5)])
def test_a_table_without_a_number_for_every_place_and_name_is_dropped_and_counted(numbers):
    uneven = Table(names=("busy_ms", "idle_ms"), places=(Place("v"), Place("w")), numbers=numbers)
    good = tables([subtask(busy_ms=1)])
    result = fold([(NOON_MS, replace(report(1, NOON_MS), tables=(uneven, *good)))])
    (track,) = result.rollups[0].tracks
    assert track.last[0].values == {"busy_ms": 1}
    assert result.dropped == {"uneven table": 1}


def test_a_share_so_large_that_it_has_no_64_bits_in_our_unit_is_the_largest_number():
    for share, most in ((2e13, 2**63 - 1), (-2e13, 1 - 2**63)):
        told = values_of(subtask(**{"Shuffle.Netty.Output.Buffers.outPoolUsage": share}))
        assert [*told.values()] == [most]


def test_huge_integers_are_no_numbers_either():
    assert values_of(subtask(busy_ms=10**400)) == {}


def test_unknown_names_are_dropped_and_counted():
    reports = [report(n, NOON_MS + n, subtask(mystery=1, busy_ms=n)) for n in range(3)]
    result = fold([(NOON_MS, r) for r in [*reports, report(9, NOON_MS, subtask(mystery=1))]])
    assert result.dropped == {"unknown metric": 4}
    assert result.rollups[0].tracks[0].last[0].values == {"busy_ms": 2}


def test_places_beyond_the_limit_of_a_report_are_dropped_and_counted():
    scopes = [subtask(n, busy_ms=1) for n in range(5)]
    result = fold([(NOON_MS, report(1, NOON_MS, *scopes))], Limits(places_per_report=2))
    assert len(result.rollups[0].tracks) == 2
    assert result.dropped == {"too many places": 3}
