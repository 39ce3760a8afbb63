"""How far sources are behind, and whether that grows: steady growth, bursts, draining."""

from drsquirrel.diagnose.lag import LagSeen, lags_of, rising_of
from drsquirrel.diagnose.reading import Line, ScopeKey
from drsquirrel.model.unknown import Unknown
from tests.diagnose.made import line, reading


def scopes(
    *values: int, name: str = "pending_records", subtask: int = 0, step_s: int = 20
) -> dict[ScopeKey, list[Line]]:
    readings = [reading(i * step_s, **{name: v}) for i, v in enumerate(values)]
    return {ScopeKey("s", subtask, "Source: s"): [line(*readings)]}


def seen(*values: int, name: str = "pending_records", step_s: int = 20) -> LagSeen:
    [found] = lags_of(scopes(*values, name=name, step_s=step_s))
    return found


def test_a_lag_that_grows_steadily_rises() -> None:
    found = seen(0, 100, 200, 300)
    assert (found.rising, found.falling, found.slope_per_s) == (True, False, 5.0)
    assert (found.records, found.behind_ms) == (300, None)


def test_a_lag_that_stays_or_drains_does_not_rise() -> None:
    assert (seen(9, 9, 9).rising, seen(9, 9, 9).falling) == (False, False)
    assert (seen(300, 200, 100).rising, seen(300, 200, 100).falling) == (False, True)


def test_a_burst_that_drains_within_the_window_does_not_rise() -> None:
    assert seen(0, 900, 100, 400).rising is False


def test_growth_is_held_against_what_is_read_meanwhile() -> None:
    reads = {ScopeKey("s", 0): [line(reading(0, records_out=0), reading(60, records_out=600_000))]}
    small = lags_of(scopes(0, 1000, 2000, 3000) | reads)
    assert [lag.rising for lag in small] == [False], "50/s of 10,000/s read is noise"
    assert [lag.rising for lag in lags_of(scopes(0, 20_000, 40_000, 60_000) | reads)] == [True]


def test_a_small_step_back_is_no_drain() -> None:
    assert seen(0, 1000, 999, 2000).rising is True


def test_what_was_seen_for_less_than_25_s_is_unknown() -> None:
    found = seen(0, 50, step_s=20)
    assert isinstance(found.rising, Unknown) and isinstance(found.falling, Unknown)
    assert (found.records, found.slope_per_s) == (50, None)


def test_only_the_last_90_s_count() -> None:
    assert seen(5000, 0, 0, 0, 0, 900, 1800, 2700, 3600, step_s=20).rising is True


def test_where_the_last_90_s_hold_no_two_points_three_older_ones_decide() -> None:
    assert seen(0, 500, 1000, step_s=95).rising is True
    assert isinstance(seen(0, 500, step_s=95).rising, Unknown), "a burst may lie between"


def test_a_lag_is_that_of_all_subtasks_together() -> None:
    both = scopes(0, 100, 200) | scopes(50, 50, 50, subtask=1)
    [found] = lags_of(both)
    assert found.records == 250
    late = scopes(0, 100, 200, 300) | {
        ScopeKey("s", 1, "Source: s"): [line(reading(40, pending_records=7))]
    }
    [found] = lags_of(late)
    assert (found.records, found.slope_per_s) == (307, None), "before 40 s one was not known"


def test_what_is_told_of_the_whole_operator_is_not_added_to_its_subtasks() -> None:
    whole = {ScopeKey("s", -1, "Source: s"): [line(reading(70, pending_records=400))]}
    [found] = lags_of(scopes(100, 100, 100) | whole)
    assert found.records == 400


def test_kafkas_own_lag_counts_where_pending_records_are_not_told() -> None:
    assert seen(10, 20, 30, name="records_lag_max").records == 30


def test_event_time_is_the_worst_of_the_subtasks_and_rises_by_a_tenth() -> None:
    behind = scopes(0, 4000, 8000, name="emit_lag_ms") | scopes(
        0, 0, 9000, name="emit_lag_ms", subtask=1
    )
    [found] = lags_of(behind)
    assert (found.records, found.behind_ms, found.rising) == (None, 9000, True)
    assert seen(0, 1000, 2000, name="emit_lag_ms").rising is False


def test_a_lag_that_was_not_seen_since_is_left_out() -> None:
    assert lags_of(scopes(0, 100, 200), since_ms=41_000) == ()
    assert lags_of({ScopeKey("s", 0, "map"): [line(reading(0, records_sent=1))]}) == ()


def test_of_several_operators_of_a_source_any_that_rises_decides() -> None:
    def lag(rising: object) -> LagSeen:
        return LagSeen("s", "o", 1.0, None, 1.0, rising, False)  # type: ignore[arg-type]

    unknown = Unknown("young")
    assert rising_of([lag(False), lag(True)]) == {"s": True}
    assert rising_of([lag(False), lag(unknown)]) == {"s": unknown}
    assert rising_of([lag(False), lag(False)]) == {"s": False}
    assert rising_of([]) == {}
