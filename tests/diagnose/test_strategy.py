"""Flink's sentences about restart strategies, in short plain words."""

import pytest

from drsquirrel.diagnose.strategy import in_words

FIXED = "Restart with fixed delay ({}). #{} restart attempts."
RATE = "Failure rate restart with maximum of {} failures within interval {} and fixed delay {}"
GROWING = (
    "Restart with exponential delay: starting at {}, increasing by 1.500000, with maximum {}. "
    "Delay resets after PT1H with jitter 0.100000"
)


@pytest.mark.parametrize(
    ("flinks", "ours"),
    [
        (FIXED.format("PT5S", 1_000_000), "fixed delay of 5 s, 1,000,000 attempts"),
        (FIXED.format("5000 ms", 3), "fixed delay of 5 s, 3 attempts"),
        (FIXED.format("PT0.25S", 1), "fixed delay of 250 ms, 1 attempt"),
        (FIXED.format("PT1H30M", 2**31 - 1), "fixed delay of 90 min, any number of attempts"),
        (
            RATE.format(5, "PT10M", "PT15S."),
            "fixed delay of 15 s, at most 5 failures in 10 min",
        ),
        (
            RATE.format(1, "300000 ms", "1000 ms"),
            "fixed delay of 1 s, at most 1 failure in 5 min",
        ),
        (GROWING.format("PT1S", "PT2M"), "delay growing from 1 s to 2 min"),
        ("Restart deactivated.", "off"),
        ("Cluster level default restart strategy", "the cluster's default"),
    ],
)
def test_a_strategy_is_told_in_few_words(flinks: str, ours: str) -> None:
    assert in_words(flinks) == ours


@pytest.mark.parametrize("sentence", ["", "Restart when the moon is full.", "PT5S"])
def test_a_sentence_that_is_not_known_stays_as_it_is(sentence: str) -> None:
    assert in_words(sentence) == sentence


@pytest.mark.parametrize("span", ["PT", "5 fortnights", "PT-5S"])
def test_a_time_span_that_is_not_known_stays_as_it_is(span: str) -> None:
    assert in_words(FIXED.format(span, 2)) == f"fixed delay of {span}, 2 attempts"
