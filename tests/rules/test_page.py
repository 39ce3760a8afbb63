"""A rule's docstring is its page: a summary and fixed headings, in plain English."""

import re
from dataclasses import dataclass

import pytest

from drsquirrel.rules.cause import Cause
from drsquirrel.rules.check import Check, Finding, Hour
from drsquirrel.rules.load import load
from drsquirrel.rules.page import CAUSE_HEADINGS, CHECK_HEADINGS, PageError, page_of
from drsquirrel.rules.threshold import thresholds_of

RULES = {**load().checks, **load().causes}
NOT_PLAIN = re.compile(
    r"\b(leverag\w+|utili[sz]\w+|facilitat\w+|in order to|etc|e\.g|i\.e|please|simply|obviously"
    r"|synergy|seamless\w*|robust\w*)\b",
    re.IGNORECASE,
)
LONGEST_SENTENCE_WORDS = 45


@dataclass(frozen=True)
class Odd(Check):
    """A check whose page is not finished.

    What it checks: something: with a colon
        and a second line.
    """

    def check(self, hour: Hour) -> Finding:
        raise NotImplementedError


@pytest.mark.parametrize("code", RULES)
def test_a_page_has_the_headings_of_its_kind(code: str) -> None:
    rule = RULES[code]
    page = page_of(rule)
    expected = CAUSE_HEADINGS if isinstance(rule, Cause) else CHECK_HEADINGS
    assert tuple(s.heading for s in page.sections) == expected
    assert page.summary.endswith(".")


@pytest.mark.parametrize("code", RULES)
def test_a_page_is_plain_english(code: str) -> None:
    page = page_of(RULES[code])
    for text in (page.summary, *(s.text for s in page.sections)):
        assert text[-1] in ".:)", text
        assert not NOT_PLAIN.search(text), NOT_PLAIN.search(text)
        for sentence in re.split(r"[.:;]\s", text):
            assert len(sentence.split()) <= LONGEST_SENTENCE_WORDS, sentence


@pytest.mark.parametrize("code", RULES)
def test_every_threshold_says_its_unit_and_what_it_is(code: str) -> None:
    for t in thresholds_of(RULES[code]):
        assert t.unit and t.help.endswith("."), t


def test_a_section_is_found_by_its_heading_on_one_line() -> None:
    page = page_of(load().checks["checkpoint-slow"])
    text = "The longest end-to-end time of a completed checkpoint, as a share of the time-out."
    assert page.under("What it checks") == text


def test_a_page_without_its_headings_is_refused() -> None:
    with pytest.raises(PageError, match="Odd needs a summary and"):
        page_of(Odd())
