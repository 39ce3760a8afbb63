"""What every cause must be, beyond its own case file: evidence, codes and the graph of causes."""

from collections.abc import Iterator
from dataclasses import dataclass
from graphlib import TopologicalSorter

import pytest

from drsquirrel.model.case import Case
from drsquirrel.model.report import Advice, Culprit
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Stand
from drsquirrel.rules.cause import (
    Cause,
    Evidence,
    Question,
    for_or_against,
    impossible,
    strong,
    weak,
)
from drsquirrel.rules.failure import fault_of
from drsquirrel.rules.limit import limit_of
from drsquirrel.rules.load import load
from tests.rules.building import case_of

RULES = load()


@dataclass(frozen=True)
class Stub(Cause):
    """A cause that says nothing."""

    answers = Question.WHAT_GROWS

    def weigh(self, case: Case) -> Iterator[Evidence]:
        yield impossible("never", "0")

    def title(self, case: Case) -> str:
        return "Nothing"

    def culprit(self, case: Case) -> Culprit:
        return Culprit()

    def advise(self, case: Case) -> Iterator[Advice]:
        yield Advice(title="Nothing")


def test_what_is_true_speaks_for_what_is_false_against_and_the_unknown_not() -> None:
    words = {"yes": "it grows", "no": "it does not grow"}
    (item,) = for_or_against("g", True, strong, value="3×", **words)
    assert (item.weight, item.stand, item.text, item.value) == (2, Stand.FOR, "it grows", "3×")
    (item,) = for_or_against("g", False, strong, **words)
    assert (item.weight, item.stand, item.text) == (-2, Stand.AGAINST, "it does not grow")
    (item,) = for_or_against("g", False, strong, against=weak, **words)
    assert item.weight == -1
    (item,) = for_or_against("g", Unknown("no samples"), strong, **words)
    assert (item.weight, item.stand) == (0, Stand.UNDECIDED)
    assert (item.text, item.value) == ("it grows?", "no samples")


def test_what_is_impossible_is_ruled_out_by_its_number() -> None:
    (item,) = Stub().weigh(case_of({}))
    assert (item.excludes, item.stand, item.value) == (True, Stand.RULED_OUT, "0")


def test_a_cause_that_does_not_say_more_is_uncertain_and_promises_nothing() -> None:
    case = case_of({})
    assert Stub().certain(case) is False
    assert Stub().will_not_help(case) == ()
    assert Stub().if_nothing_is_done(case) == ""


def test_a_cause_explains_checks_that_exist() -> None:
    for code, cause in RULES.causes.items():
        assert cause.explains and set(cause.explains) <= set(RULES.checks), code


def test_causes_lead_to_causes_that_exist_and_never_in_a_circle() -> None:
    graph = {code: set(cause.leads_to) for code, cause in RULES.causes.items()}
    for code, follows in graph.items():
        assert follows <= set(RULES.causes), code
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph)


def test_every_question_has_an_answer() -> None:
    assert {cause.answers for cause in RULES.causes.values()} == set(Question)


@pytest.mark.parametrize("code", sorted(RULES.causes))
def test_evidence_for_weighs_more_than_nothing_and_evidence_against_less(code: str) -> None:
    cause = RULES.causes[code]
    unknown = {"tm-1": dict.fromkeys(("gc", "cores", "cores_used", "heap_floor"), "unknown")}
    for given in ({"limit": "ledger"}, {"limit": "ledger", "containers": unknown}):
        for item in cause.weigh(case_of(given)):
            assert item.text and item.group
            assert (item.weight > 0) == (item.stand is Stand.FOR)
            assert (item.weight < 0) == (item.stand is Stand.AGAINST)


def test_words_about_what_the_case_does_not_have_are_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="the case is about none"):
        limit_of(case_of({}))
    with pytest.raises(ValueError, match="the case has none"):
        fault_of(case_of({}))
    with pytest.raises(ValueError, match="no collector is reported"):
        RULES.causes["gc-pressure"].title(case_of({"containers": {"tm-1": {"gc": "unknown"}}}))
