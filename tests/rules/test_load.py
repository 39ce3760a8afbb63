"""Rules are found by their place, and settings that name no rule are refused with a hint."""

import pytest

from drsquirrel.rules.load import Rules, ThresholdError, load
from drsquirrel.rules.threshold import thresholds_of


def test_every_file_is_a_rule_whose_code_is_its_name() -> None:
    rules = load()
    for code, rule in {**rules.checks, **rules.causes}.items():
        module = type(rule).__module__.rpartition(".")[2]
        assert code == module.replace("_", "-")
        assert type(rule).__name__.lower() == code.replace("-", "")
        assert rules[code] is rule


def test_each_cause_has_a_name_of_its_own_that_stands_within_a_sentence() -> None:
    topics = [cause.topic for cause in load().causes.values()]
    assert len(set(topics)) == len(topics)
    assert all(
        topic.startswith(("a ", "an ", "too ", "one ", "records ", "barriers ")) for topic in topics
    )


def test_a_check_and_a_cause_never_share_a_code() -> None:
    rules = load()
    assert not set(rules.checks) & set(rules.causes)


def test_a_setting_overrides_one_threshold_of_one_rule() -> None:
    check = load({"checkpoint-slow": {"warn_share": 0.4}}).checks["checkpoint-slow"]
    assert {t.name: t.value for t in thresholds_of(check)} == {"warn_share": 0.4, "fail_share": 0.8}
    assert {t.name: t.default for t in thresholds_of(check)}["warn_share"] == 0.5


def test_an_unknown_rule_names_the_nearest_right_one() -> None:
    with pytest.raises(ThresholdError, match=r"'chekpoint-slow'; did you mean checkpoint-slow\?"):
        load({"chekpoint-slow": {"warn_share": 1}})


def test_an_unknown_threshold_names_the_nearest_right_one() -> None:
    with pytest.raises(ThresholdError, match=r"of checkpoint-slow .*did you mean warn_share\?"):
        load({"checkpoint-slow": {"warn_shar": 1}})


def test_where_there_is_nothing_near_the_error_says_so() -> None:
    with pytest.raises(ThresholdError, match="'checkpoint-slow'; it has none"):
        Rules({}, {})["checkpoint-slow"]


@pytest.mark.parametrize("value", ["0.4", True, None])
def test_a_threshold_must_be_a_number(value: object) -> None:
    with pytest.raises(ThresholdError, match="warn_share must be a number"):
        load({"checkpoint-slow": {"warn_share": value}})  # type: ignore[dict-item]
