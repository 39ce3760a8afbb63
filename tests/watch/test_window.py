"""The hour and the windows of arrival: what they keep, tell, let go and expect."""

from functools import partial

import pytest
from msgspec.structs import replace

from drsquirrel.model.event import Event
from drsquirrel.model.snapshot import WINDOW_MS, Rollup, Subject, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import Limits
from drsquirrel.watch.window import AT_ONCE, Hours, Windows
from tests.watch.made import MINUTE_MS, NOON_MS, report, subtask

OPEN_MS = NOON_MS // WINDOW_MS * WINDOW_MS
RUN = Subject(cluster="prod", job="j")
FEW = Limits(subjects=1)


def rollups(*events: Event) -> list[Rollup]:
    return fold([(event.time_ms, event) for event in events]).rollups


def minutes_from(start_ms: int, count: int, **about: str) -> list[Rollup]:
    """One report a minute."""
    return rollups(*(report(n, start_ms + n * MINUTE_MS, **about) for n in range(count)))


def test_an_hour_merges_what_comes_about_a_minute():
    hours = Hours()
    first, second = report(1, NOON_MS, subtask(busy_ms=1)), report(2, NOON_MS, subtask(busy_ms=2))
    hours.add(rollups(first))
    hours.add(rollups(second))
    assert hours.of(RUN) == {NOON_MS // MINUTE_MS: rollups(first, second)[0]}
    assert hours.of(Subject(cluster="elsewhere")) == {}
    assert hours.minute("prod", NOON_MS // MINUTE_MS) == [*hours.of(RUN).values()]
    assert hours.minute("elsewhere", NOON_MS // MINUTE_MS) == []
    assert hours.minute("prod", NOON_MS // MINUTE_MS + 1) == []


def test_an_hour_forgets_old_minutes_and_silent_subjects():
    hours = Hours()
    hours.add(minutes_from(NOON_MS, 70))
    hours.add(minutes_from(NOON_MS, 1, job="other"))
    hours.expire(NOON_MS + 69 * MINUTE_MS)
    assert len(hours.of(RUN)) == Limits().hour_minutes + 1
    assert hours.of(Subject(cluster="prod", job="other")) == {}


@pytest.mark.parametrize("late_minutes", [0, 1, 30, 62, 63, 64, 90, 10_000])
def test_what_comes_late_changes_its_own_minute_and_after_the_hour_none(late_minutes: int) -> None:
    hours, now_ms = Hours(), NOON_MS + 69 * MINUTE_MS
    hours.add(minutes_from(NOON_MS, 70))
    hours.expire(now_ms)
    before = {minute: encoder.encode(rollup) for minute, rollup in hours.of(RUN).items()}
    late_ms = now_ms - late_minutes * MINUTE_MS
    hours.add(rollups(report(999, late_ms, subtask(busy_ms=7))))
    hours.expire(now_ms)
    after = {minute: encoder.encode(rollup) for minute, rollup in hours.of(RUN).items()}
    assert after.keys() == before.keys()
    changed = {minute for minute in after if after[minute] != before[minute]}
    is_within = late_minutes <= Limits().hour_minutes
    assert changed == ({late_ms // MINUTE_MS} if is_within else set())


def test_an_hour_takes_no_more_subjects_than_its_limit():
    hours = Hours(FEW)
    assert hours.add(minutes_from(NOON_MS, 2)) == {}
    assert hours.add(minutes_from(NOON_MS, 2, job="other")) == {"too many subjects": 2}
    assert hours.add(minutes_from(NOON_MS, 3)) == {}
    hours.expire(NOON_MS + 90 * MINUTE_MS)
    assert hours.add(minutes_from(NOON_MS, 1, job="other")) == {}


def elsewhere(start_ms: int) -> list[Rollup]:
    subject = Subject(cluster="elsewhere", job="j")
    return [replace(rollup, subject=subject) for rollup in minutes_from(start_ms, 1)]


def test_a_cluster_with_too_many_subjects_takes_no_place_from_another():
    hours, windows = Hours(Limits(subjects=AT_ONCE)), Windows(FEW)
    for kept in (hours.add, partial(windows.add, OPEN_MS)):
        for job in ("j", "other"):
            assert kept(minutes_from(OPEN_MS, 1, job=job)) == {}
        assert kept(minutes_from(OPEN_MS, 1, job="third")) == {"too many subjects": 1}
        assert kept(elsewhere(OPEN_MS)) == {}


def test_windows_that_were_let_go_leave_their_places():
    windows = Windows(FEW)
    windows.add(OPEN_MS, minutes_from(OPEN_MS, 1))
    for later in range(1, 4):
        now_ms = OPEN_MS + later * WINDOW_MS
        windows.grown(now_ms)
        assert windows.add(now_ms, minutes_from(now_ms, 1)) == {}


def test_a_window_is_told_whenever_it_has_grown():
    windows = Windows()
    windows.add(OPEN_MS + 1_000, minutes_from(OPEN_MS, 1))
    (first,) = windows.grown(OPEN_MS + 2_000)
    assert windows.grown(OPEN_MS + 3_000) == []
    windows.add(OPEN_MS + 61_000, minutes_from(OPEN_MS, 2))
    (second,) = windows.grown(OPEN_MS + 62_000)
    assert (first.subject, first.window_ms, first.reports_seen) == (RUN, OPEN_MS, 1)
    assert (second.window_ms, second.reports_seen, len(second.rollups)) == (OPEN_MS, 2, 2)


def test_a_window_holds_what_arrived_in_it_whatever_it_is_about():
    windows = Windows()
    windows.add(OPEN_MS + WINDOW_MS, minutes_from(OPEN_MS, 1))
    (snapshot,) = windows.grown(OPEN_MS + WINDOW_MS)
    assert snapshot.window_ms == OPEN_MS + WINDOW_MS
    assert snapshot.rollups[0].minute == OPEN_MS // MINUTE_MS


def test_what_comes_for_a_window_that_is_gone_travels_in_the_next():
    windows = Windows()
    windows.add(OPEN_MS, minutes_from(OPEN_MS, 1))
    windows.grown(OPEN_MS + WINDOW_MS)
    windows.add(OPEN_MS + WINDOW_MS - 1, minutes_from(OPEN_MS, 2))
    (snapshot,) = windows.grown(OPEN_MS + WINDOW_MS + 1)
    assert (snapshot.window_ms, len(snapshot.rollups)) == (OPEN_MS + WINDOW_MS, 2)


def test_windows_take_no_more_subjects_than_their_limit_but_for_one_that_has_just_begun():
    windows = Windows(FEW)
    for window in (0, 1):
        assert not windows.is_full()
        assert windows.add(OPEN_MS + window * WINDOW_MS, minutes_from(OPEN_MS, 2)) == {}
    assert windows.is_full()
    later_ms = OPEN_MS + 2 * WINDOW_MS
    assert windows.add(later_ms, minutes_from(OPEN_MS, 2)) == {"too many subjects": 2}
    assert len(windows.grown(later_ms)) == AT_ONCE
    assert not windows.is_full()


def expected(
    *arrived: tuple[int, list[Rollup]], now_ms: int, every_ms: int = MINUTE_MS
) -> int | None:
    windows = Windows()
    for arrival_ms, known in arrived:
        windows.grown(arrival_ms)
        windows.add(arrival_ms, known)
    (snapshot,) = windows.grown(now_ms, {"prod": every_ms})
    return snapshot.reports_expected


NEXT_MS = OPEN_MS + WINDOW_MS


def test_who_reported_in_the_window_before_is_expected_again():
    before = (OPEN_MS, minutes_from(OPEN_MS, 5) + minutes_from(OPEN_MS, 5, container="tm-2"))
    now = (NEXT_MS, minutes_from(NEXT_MS, 1))
    assert expected(before, now, now_ms=NEXT_MS + 2 * MINUTE_MS) == 4
    assert expected(before, now, now_ms=NEXT_MS + WINDOW_MS) == 10
    assert expected(before, now, now_ms=NEXT_MS + 9 * WINDOW_MS, every_ms=10_000) == 60


def test_of_a_new_producer_only_what_it_sent_is_expected():
    before = (OPEN_MS, minutes_from(OPEN_MS, 5))
    now = (NEXT_MS, minutes_from(NEXT_MS, 2, container="tm-2"))
    assert expected(before, now, now_ms=NEXT_MS + WINDOW_MS) == 5 + 2


@pytest.mark.parametrize("windows_ago", [0, 2])
def test_without_the_window_before_nothing_is_known_of_expectations(windows_ago):
    before = (NEXT_MS - windows_ago * WINDOW_MS, minutes_from(OPEN_MS, 1))
    now = (NEXT_MS, minutes_from(NEXT_MS, 1))
    assert expected(before, now, now_ms=NEXT_MS) is None


def test_without_an_interval_nothing_is_expected():
    windows = Windows()
    windows.add(OPEN_MS, minutes_from(OPEN_MS, 5))
    windows.grown(NEXT_MS)
    windows.add(NEXT_MS, minutes_from(NEXT_MS, 1))
    assert windows.grown(NEXT_MS + WINDOW_MS)[0].reports_expected is None
