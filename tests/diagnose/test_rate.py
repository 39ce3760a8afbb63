"""Shares and rates between two readings, and when they are not to be trusted."""

import pytest

from drsquirrel.diagnose.rate import (
    FROZEN,
    TOO_SHORT,
    TWICE_COUNTED,
    UNTOLD,
    Untrusted,
    Work,
    cost_us,
    counter_rate,
    gc_shares,
    work,
)
from drsquirrel.diagnose.reading import Line
from drsquirrel.model.unknown import Unknown
from tests.diagnose.made import line, reading, times


def measured(of: Line, since_ms: int = 0) -> Work:
    found = work(of, since_ms)
    assert isinstance(found, Work), found
    return found


def test_shares_are_of_the_measured_time_and_add_up_to_one() -> None:
    # The counters lag the clock by ten of the sixty seconds.
    of = line(times(0, 0, 0, 0, records_in=0), times(60, 40, 5, 5, records_in=500))
    found = measured(of)
    assert (found.busy, found.pressured, found.idle) == (0.8, 0.1, 0.1)
    assert found.measured_ms == 50_000
    assert found.records_in_per_s == 10.0
    assert isinstance(found.records_out_per_s, Unknown)


def test_a_span_of_less_than_25_s_says_nothing() -> None:
    assert work(line(times(0, 0, 0, 0), times(20, 20, 0, 0))) is TOO_SHORT
    assert work(line(times(0, 0, 0, 0))) is TOO_SHORT


def test_the_span_nearest_to_a_minute_is_taken() -> None:
    of = line(times(0, 0, 0, 0), times(50, 0, 0, 50), times(90, 40, 0, 50), times(110, 60, 0, 50))
    assert measured(of).busy == 1.0
    shorter = work(of, 0, 30_000)
    assert isinstance(shorter, Work) and shorter.measured_ms == 60_000


def test_what_was_not_seen_since_is_not_known() -> None:
    of = line(times(0, 0, 0, 0), times(60, 60, 0, 0))
    assert measured(of, since_ms=60_000).busy == 1.0
    assert work(of, 60_001) is UNTOLD


def test_readings_without_times_are_untold() -> None:
    assert work(line(reading(0, task_status=4), reading(60, task_status=4))) is UNTOLD


def test_counters_that_go_backwards_are_not_trusted() -> None:
    found = work(line(times(0, 0, 50, 0), times(60, 60, 0, 0)))
    assert isinstance(found, Untrusted) and "backwards" in found


def test_counters_that_stand_still_are_frozen() -> None:
    assert work(line(times(0, 10, 10, 10), times(60, 15, 10, 10))) is FROZEN


@pytest.mark.parametrize(
    ("busy", "pressured", "idle", "shares"),
    [
        (0, 0, 120, (0.0, 0.0, 1.0)),
        (0, 120, 0, (0.0, 1.0, 0.0)),
        (-60, 0, 120, (0.0, 0.0, 1.0)),
        (0, 40, 40, (1 / 3, 1 / 3, 1 / 3)),
    ],
)
def test_times_counted_twice_are_halved(
    busy: int, pressured: int, idle: int, shares: tuple[float, float, float]
) -> None:
    found = measured(line(times(0, 100, 0, 0), times(60, 100 + busy, pressured, idle)))
    assert (found.busy, found.pressured, found.idle) == pytest.approx(shares)


def test_a_wait_of_hours_that_ends_in_a_span_tells_nothing_of_it() -> None:
    assert work(line(times(0, 0, 0, 0), times(60, 0, 0, 3600))) is TWICE_COUNTED


def test_a_residual_that_makes_up_for_what_was_counted_twice_is_busy() -> None:
    of = line(times(0, 5, 9, 9, records_in=10), times(60, 5, 9, 9, records_in=900))
    assert measured(of).busy == 1.0


def test_a_source_that_leaves_out_busy_time_is_busy_for_the_rest() -> None:
    of = line(
        reading(0, backpressured_ms=0, idle_ms=0), reading(60, backpressured_ms=30_000, idle_ms=0)
    )
    assert (measured(of).busy, measured(of).pressured) == (0.5, 0.5)


def test_a_counter_that_started_again_has_no_rate() -> None:
    of = line(times(0, 0, 0, 0, records_in=50), times(60, 60, 0, 0, records_in=1))
    assert isinstance(measured(of).records_in_per_s, Unknown)
    lines = [line(reading(0, cpu_time_ns=9), reading(60, cpu_time_ns=1))]
    assert isinstance(counter_rate(lines, "cpu_time_ns"), Unknown)


def test_a_rate_is_of_the_newest_line_that_has_two_readings() -> None:
    old = line(reading(0, n=0), reading(60, n=600))
    new = line(reading(70, n=0))
    assert counter_rate([old, new], "n") == 10.0
    assert isinstance(counter_rate([new], "n"), Unknown)
    assert isinstance(counter_rate([old], "n", 60_001), Unknown)


def test_a_record_costs_busy_time_unless_there_are_too_few() -> None:
    assert cost_us(0.5, 100.0) == 5000.0
    assert isinstance(cost_us(0.5, 0.9), Unknown)
    assert isinstance(cost_us(0.5, Unknown("not told")), Unknown)


def collector(rise_ms: int) -> list[Line]:
    return [line(reading(0, gc_time_ms=0), reading(60, gc_time_ms=rise_ms))]


def test_shares_of_all_collectors_are_added_up_and_the_old_ones_apart() -> None:
    every, old = gc_shares({"Copy": collector(6000), "MarkSweepCompact": collector(3000)})
    assert (every, old) == pytest.approx((0.15, 0.05))


def test_a_collector_that_does_not_stop_the_world_is_not_assessed() -> None:
    for share in gc_shares({"ZGC Cycles": collector(6000), "Copy": collector(1)}):
        assert isinstance(share, Unknown) and "ZGC Cycles" in share.reason


def test_without_a_collector_or_with_one_reading_the_share_is_unknown() -> None:
    assert all(isinstance(share, Unknown) for share in gc_shares({}))
    one = {"Copy": [line(reading(0, gc_time_ms=0))], "MarkSweepCompact": collector(0)}
    every, old = gc_shares(one)
    assert isinstance(every, Unknown) and old == 0.0
