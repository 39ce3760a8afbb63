"""The hour as a check sees it."""

import pytest

from drsquirrel.model.series import BOTTLENECK, BUSY_SHARE, RESTARTS
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import Hour, Moment, UndeclaredSeriesError, graded
from drsquirrel.rules.load import load

NOTHING = (None,) * 57
HOUR = Hour({BUSY_SHARE: {"a": (*NOTHING, 0.2, None, 0.9), "b": (*NOTHING, 0.5, None, 0.9)}}, None)


def test_the_worst_entity_counts_minute_by_minute() -> None:
    assert HOUR.worst(BUSY_SHARE) == (*NOTHING, 0.5, None, 0.9)


def test_the_highest_value_is_the_newest_of_equals() -> None:
    assert HOUR.highest(BUSY_SHARE) == Moment(0.9, "a", 59)
    assert Hour({RESTARTS: {"": (2, 0, 2, None)}}, None).highest(RESTARTS) == Moment(2, "", 2)


def test_without_a_sample_nothing_is_highest_or_latest() -> None:
    empty = Hour({RESTARTS: {}}, None)
    assert empty.highest(RESTARTS) is None
    assert empty.latest(RESTARTS) is None
    assert empty.most(RESTARTS, 1) == (0, "")
    assert empty.observed(RESTARTS) == 0


def test_latest_total_and_most_are_of_one_entity() -> None:
    assert HOUR.latest(BUSY_SHARE, "a") == 0.9
    assert HOUR.total(BUSY_SHARE, "b") == pytest.approx(1.4)
    assert HOUR.most(BUSY_SHARE, 0.5) == (2, "b")
    assert HOUR.observed(BUSY_SHARE) == 2


def test_a_series_that_was_not_declared_cannot_be_read() -> None:
    with pytest.raises(UndeclaredSeriesError, match="bottleneck is not in needs or also"):
        HOUR.of(BOTTLENECK)


def test_a_grade_is_reached_at_its_threshold() -> None:
    assert graded(3, warn=1, fail=3) is Outcome.FAIL
    assert graded(2.9, warn=1, fail=3) is Outcome.WARN
    assert graded(0.9, warn=1, fail=3) is Outcome.PASS
    assert graded(9, warn=None, fail=None) is Outcome.PASS


def test_every_check_says_its_news_its_topic_and_how_to_get_its_data() -> None:
    for code, check in load().checks.items():
        assert len({*check.title, check.topic}) == 3, code
        assert check.assess_by.endswith("."), code
        assert check.needs and not set(check.needs) & set(check.also), code
