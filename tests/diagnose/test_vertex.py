"""What subtasks say of their vertex: rates, costs, skew."""

import pytest

from drsquirrel.diagnose.lag import LagSeen
from drsquirrel.diagnose.reading import ScopeKey
from drsquirrel.diagnose.vertex import (
    UNSEEN,
    cost_skew,
    read_by_source,
    send_errors,
    skew,
    subtasks_of,
    total_per_s,
    vertex_minute,
)
from drsquirrel.model.unknown import Unknown
from tests.diagnose.made import BUSY, HELD, line, reading, subtask, vertex, work

SOURCE, MIDDLE = vertex("s"), vertex("m", "s")
UNTOLD = Unknown("not told")


def test_a_minute_tells_the_worst_of_the_subtasks_and_all_records() -> None:
    subtasks = subtasks_of(MIDDLE, {0: BUSY, 1: HELD}, {}, is_last=False)
    lag = LagSeen("m", "o", 7.0, None, 1.0, True, False)
    found = vertex_minute(MIDDLE, subtasks, [lag], True)
    assert (found.backpressured_share, found.busy_share) == (0.9, 0.99)
    assert (found.records_per_s, found.bottleneck) == (1000.0, 1.0)
    assert (found.lag_records, found.lag_ms, found.lag_rising) == (7.0, None, 1.0)
    assert found.cost_us == pytest.approx((0.99 + 0.05) / 2 / 500 * 1e6)


def test_what_was_not_seen_is_none() -> None:
    assert vertex_minute(MIDDLE, (), [], None) == UNSEEN
    lag = LagSeen("m", "o", None, 9.0, None, UNTOLD, UNTOLD)
    found = vertex_minute(MIDDLE, (), [lag], None)
    assert (found.lag_ms, found.lag_rising) == (9.0, None)


def test_the_hot_subtask_is_the_one_with_most_records_in_or_of_a_source_out() -> None:
    hot, cool = work(0.99, records=900.0), work(0.3, records=100.0)
    for at in (SOURCE, MIDDLE):
        subtasks = subtasks_of(at, {0: cool, 1: hot}, {}, is_last=False)
        assert vertex_minute(at, subtasks, [], None).hot_saturated == 1.0
        subtasks = subtasks_of(
            at, {0: work(0.99, records=100.0), 1: work(0.3, records=900.0)}, {}, is_last=False
        )
        assert vertex_minute(at, subtasks, [], None).hot_saturated == 0.0


def test_of_a_source_counts_what_its_operator_reads_else_what_its_task_puts_out() -> None:
    [told, other] = subtasks_of(SOURCE, {0: BUSY, 1: BUSY}, {0: 90.0}, is_last=False)
    assert (told.records_out_per_s, other.records_out_per_s) == (90.0, 500.0)
    [told, other] = subtasks_of(SOURCE, {0: BUSY, 1: BUSY}, {0: 90.0}, is_last=True)
    assert told.wall_cost_us == pytest.approx(11_000)
    assert isinstance(other.records_out_per_s, Unknown), "a chain with its sink puts out nothing"


def test_what_sources_read_is_summed_over_the_operators_of_a_subtask() -> None:
    rates = [line(reading(0, source_records_in=0), reading(60, source_records_in=600))]
    of_scope = {
        ScopeKey("s", 0, "Source: a"): rates,
        ScopeKey("s", 0, "Source: b"): rates,
        ScopeKey("s", 1, "map"): [line(reading(0, records_sent=1))],
        ScopeKey("s", -1, "Source: a"): rates,
        ScopeKey("t", 0, "Source: a"): rates,
        ScopeKey("s", 0): rates,
    }
    assert read_by_source(of_scope, "s", 0) == {0: 20.0}


def test_too_few_subtasks_say_nothing_of_all() -> None:
    wide = vertex("m", "s", parallelism=10)
    nine = [subtask(i) for i in range(9)]
    assert total_per_s(wide, nine) == 4500.0
    assert total_per_s(wide, nine[:8]) is None
    assert total_per_s(wide, [subtask(i, records=UNTOLD) for i in range(10)]) is None


def test_skew_is_most_over_mean_from_100_records_a_second() -> None:
    uneven = [subtask(0, records=900.0), subtask(1, records=100.0)]
    assert skew(vertex("m", "s REBALANCE"), uneven) == 1.8
    few = [subtask(0, records=90.0), subtask(1, records=9.0)]
    assert isinstance(skew(MIDDLE, few), Unknown)
    assert isinstance(skew(vertex("m", "s", parallelism=1), [subtask()]), Unknown)


def test_on_a_hash_edge_what_key_groups_alone_give_is_no_skew() -> None:
    subtasks = [subtask(i, records=200.0 if i < 28 else 100.0) for i in range(100)]
    hashed = vertex("m", "s", parallelism=100)
    spread = vertex("m", "s REBALANCE", parallelism=100)
    assert skew(hashed, subtasks) == pytest.approx(1.0)
    assert skew(spread, subtasks) == pytest.approx(1.5625)
    unset = vertex("m", "s", parallelism=100, max_parallelism=-1)
    assert skew(unset, subtasks) == pytest.approx(1.5625)


def test_cost_skew_is_the_dearest_over_the_median_of_the_others() -> None:
    costs = [subtask(i, cost_us=c) for i, c in enumerate((100.0, 200.0, 300.0, 900.0))]
    assert cost_skew(costs) == 4.5
    assert isinstance(cost_skew(costs[:1]), Unknown)
    assert isinstance(cost_skew([subtask(cost_us=UNTOLD)] * 2), Unknown)


def test_send_errors_are_those_of_the_own_operators() -> None:
    rates = [line(reading(0, send_errors=0), reading(60, send_errors=120))]
    of_scope = {
        ScopeKey("k", 0, "sink"): rates,
        ScopeKey("k", 0): rates,
        ScopeKey("x", 0, "y"): rates,
    }
    assert send_errors(of_scope, "k", 0) == 2.0
    assert isinstance(send_errors(of_scope, "m", 0), Unknown)
