"""Since when something has held, as an interval; and bursts."""

import pytest

from drsquirrel.diagnose.burst import is_in_burst
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.minute import RunMinute
from drsquirrel.diagnose.onset import onset_of, stretch_start
from drsquirrel.diagnose.vertex import VertexMinute
from drsquirrel.model.report import Onset
from drsquirrel.model.unknown import Unknown

YES, NO, WHAT = True, False, None
MINUTE_S = 60
NOTHING = Unknown("x")


def hour(*run: RunMinute | None) -> MeasuredHour:
    """The last minutes of an hour that ends 30 s into minute 100."""
    return MeasuredHour(100 * 60_000 + 30_000, 41, (), (None,) * (60 - len(run)) + run, {})


def onset(*held: bool | None, started_s: int = 0) -> tuple[int, int] | None:
    found = onset_of(hour(), [None] * (60 - len(held)) + list(held), started_s * 1000)
    return None if found is None else (found.earliest_ms // 1000, found.latest_ms // 1000)


@pytest.mark.parametrize(
    ("held", "first"),
    [
        ([], None),
        ([NO, WHAT], None),
        ([YES, NO, NO], None),
        ([NO, YES, YES], 1),
        ([YES, NO, YES], 0),
        ([YES, WHAT, YES], 0),
        ([YES, NO, WHAT, YES], 3),
        ([NO, YES, NO], 1),
        ([YES, NO, YES, WHAT, YES, NO], 0),
    ],
)
def test_the_stretch_up_to_now_bridges_one_minute_at_a_time(
    held: list[bool | None], first: int | None
) -> None:
    assert stretch_start(held) == first


def test_what_does_not_hold_has_no_onset() -> None:
    assert onset(YES, NO, NO) is None


def test_an_onset_lies_between_the_last_calm_minute_and_the_end_of_the_first_that_holds() -> None:
    assert onset(NO, NO, YES, YES) == (98 * MINUTE_S, 100 * MINUTE_S)


def test_minutes_that_were_not_seen_widen_it() -> None:
    assert onset(NO, WHAT, WHAT, YES, YES) == (96 * MINUTE_S, 100 * MINUTE_S)
    assert onset(NO, YES, WHAT, WHAT, YES) == (96 * MINUTE_S, 100 * MINUTE_S + 30)


def test_without_a_calm_minute_it_may_be_as_old_as_the_run() -> None:
    assert onset(YES, YES, started_s=77) == (77, 100 * MINUTE_S)
    assert onset(NO, YES, started_s=99 * MINUTE_S + 7) == (99 * MINUTE_S + 7, 100 * MINUTE_S + 30)


def test_an_onset_is_never_after_now() -> None:
    assert onset(NO, YES) == (99 * MINUTE_S, 100 * MINUTE_S + 30)
    late = onset_of(hour(), [YES] * 60, 10**12)
    assert late == Onset(earliest_ms=41 * 60_000 + 60_000, latest_ms=41 * 60_000 + 60_000)


def burst(pattern: str) -> bool:
    """h: held back, r: the lag rises, "." neither, "_" not seen, "?" seen without numbers."""

    def minute(cell: str) -> RunMinute | None:
        if cell == "_":
            return None
        share = None if cell == "?" else 0.5 if cell == "h" else 0.0
        of = VertexMinute(backpressured_share=share, lag_rising=float(cell == "r"))
        return RunMinute(NOTHING, False, (), NOTHING, {"s": of}, frozenset(), (), (), False)

    return is_in_burst(hour(*map(minute, pattern)))


@pytest.mark.parametrize("pattern", [".h..h..h", ".hh...r..hh", "h.h.h", ".h._h.?.h", "hh.r.rh"])
def test_the_third_burst_is_one(pattern: str) -> None:
    assert burst(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "h", ".h..", ".h.h", ".h..h..hh", ".hhhhhh..h..h", ".h..h..h.", "h.hhhhhhh"],
)
def test_the_first_two_or_a_longer_one_is_none(pattern: str) -> None:
    assert not burst(pattern)
