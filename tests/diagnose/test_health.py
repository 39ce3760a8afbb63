"""The runner of checks: what it hands to a rule, and what becomes of each outcome."""

from dataclasses import dataclass, replace

from drsquirrel.diagnose.health import assess, assess_all
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import GC_SHARE, RESTARTS
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import BASIC, MEMORY, Check, Finding, Hour

FACTS = JobFacts(cluster="c", job="j", start_ms=1, name="orders")
CALM = (0.0,) * 60
PASSES = Finding(Outcome.PASS)
SERIES = {RESTARTS: {"": CALM}, GC_SHARE: {"tm-1": CALM}}


@dataclass(frozen=True)
class Stub(Check):
    """A check that finds what it is told to find.

    What it checks: nothing.
    Why it is bad: it is not.
    How to fix: there is nothing to fix.
    When to ignore it: always.
    """

    title = "All is well", "All is not well"
    topic = "Whether all is well"
    section = BASIC
    needs = (RESTARTS,)
    assess_by = "Wait."

    finding: Finding = PASSES
    applies: bool = True

    def check(self, hour: Hour) -> Finding:
        hour.of(RESTARTS)
        return self.finding

    def not_applicable(self, facts: JobFacts) -> str:
        return "" if self.applies else f"Not for {facts.name}."


@dataclass(frozen=True)
class Broken(Stub):
    __doc__ = Stub.__doc__

    def check(self, hour: Hour) -> Finding:
        raise ZeroDivisionError("secret")


@dataclass(frozen=True)
class Curious(Stub):
    __doc__ = Stub.__doc__

    def check(self, hour: Hour) -> Finding:
        return Finding(Outcome.FAIL, value=hour.total(GC_SHARE))


@dataclass(frozen=True)
class OfEvents(Stub):
    __doc__ = Stub.__doc__
    finds_events = True


@dataclass(frozen=True)
class OfMemory(Stub):
    __doc__ = Stub.__doc__
    section = MEMORY


FAILS = Finding(Outcome.FAIL, value=3.0, over=1.0)


def test_a_finding_becomes_a_result_with_the_words_of_the_page() -> None:
    row = EvidenceRow(name="a", value="1")
    finding = Finding(Outcome.WARN, 2.0, "2", "warns from 1", "Two.", (row,), CALM, 1.0, 3.0)
    result = assess("stub", Stub(finding), SERIES, FACTS)
    assert (result.code, result.section, result.outcome) == ("stub", BASIC, Outcome.WARN)
    assert (result.value, result.shown, result.threshold) == (2.0, "2", "warns from 1")
    assert (result.says, result.evidence, result.minutes) == ("Two.", (row,), CALM)
    assert (result.warn_at, result.fail_at, result.observed_minutes) == (1.0, 3.0, 60)
    assert (result.why, result.fix) == ("It is not.", "There is nothing to fix.")
    assert result.ignore_when == "Always."


def test_the_title_goes_with_the_outcome() -> None:
    titles = {o: assess("stub", Stub(Finding(o)), SERIES, FACTS).title for o in Outcome}
    assert titles[Outcome.PASS] == "All is well"
    assert titles[Outcome.FAIL] == titles[Outcome.WARN] == "All is not well"
    assert titles[Outcome.NO_DATA] == titles[Outcome.ERROR] == "Whether all is well"


def test_without_a_sample_it_says_how_to_assess_it() -> None:
    for series in ({}, {RESTARTS: {}}, {RESTARTS: {"": (None,) * 60}}):
        result = assess("stub", Stub(FAILS), series, FACTS)
        assert result.outcome is Outcome.NO_DATA
        assert result.says == "Not seen in the last hour. Wait."
        assert (result.value, result.observed_minutes) == (None, 0)


def test_with_too_few_minutes_it_says_how_many_were_seen() -> None:
    series = {RESTARTS: {"": (None,) * 51 + (0.0,) * 9}}
    result = assess("stub", Stub(FAILS), series, FACTS)
    assert result.outcome is Outcome.NO_DATA
    assert result.says == "Seen in 9 of the last 60 minutes; it takes 10 to judge."
    assert result.observed_minutes == 9


def test_an_event_counts_however_few_minutes_were_seen_but_a_pass_does_not() -> None:
    series = {RESTARTS: {"": (None,) * 59 + (3.0,)}}
    assert assess("stub", OfEvents(FAILS), series, FACTS).outcome is Outcome.FAIL
    calm = assess("stub", OfEvents(Finding(Outcome.PASS, value=0.0)), series, FACTS)
    assert (calm.outcome, calm.value) == (Outcome.NO_DATA, None)


def test_a_check_that_breaks_is_an_error_of_its_own_without_a_trace() -> None:
    result, other = assess_all({"broken": Broken(), "stub": Stub()}, SERIES, FACTS)
    assert (result.code, result.outcome) == ("broken", Outcome.ERROR)
    assert "ZeroDivisionError" in result.says and "secret" not in result.says
    assert (other.code, other.outcome) == ("stub", Outcome.PASS)


def test_a_check_sees_only_what_it_declared() -> None:
    result = assess("curious", Curious(), SERIES, FACTS)
    assert result.outcome is Outcome.ERROR
    assert "UndeclaredSeriesError" in result.says


def test_a_check_that_makes_no_sense_here_is_not_applicable() -> None:
    result = assess("stub", Stub(FAILS, applies=False), {}, FACTS)
    assert (result.outcome, result.says) == (Outcome.NOT_APPLICABLE, "Not for orders.")


def test_without_facts_a_check_is_judged_by_its_series() -> None:
    assert assess("stub", Stub(FAILS, applies=False), SERIES, None).outcome is Outcome.FAIL


def test_the_worst_comes_first_then_the_section_then_what_is_further_over() -> None:
    checks = {
        "applies-not": Stub(applies=False),
        "passes": Stub(),
        "unseen": replace(OfMemory(), finding=Finding(Outcome.NO_DATA)),
        "breaks": Broken(),
        "warns": Stub(Finding(Outcome.WARN)),
        "fails-elsewhere": OfMemory(Finding(Outcome.FAIL, over=9.0)),
        "fails-b": Stub(FAILS),
        "fails-a": Stub(FAILS),
        "fails-far": Stub(Finding(Outcome.FAIL, over=2.0)),
    }
    order = [r.code for r in assess_all(checks, SERIES, FACTS)]
    assert order == [
        "fails-far",
        "fails-a",
        "fails-b",
        "fails-elsewhere",
        "warns",
        "breaks",
        "unseen",
        "passes",
        "applies-not",
    ]
