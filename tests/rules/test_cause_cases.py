"""Every cause against its case file: causes/<name>.yaml, each case in the words of building.py.

`score` is positive or negative (prior and evidence), or none where the answer is excluded;
`undecided` lists the groups that were not measured, `advice` what must be among the advice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from drsquirrel.diagnose.question import score_of
from drsquirrel.model.verdict import Stand
from drsquirrel.rules.load import load
from tests.rules.building import case_of

FOLDER = Path(__file__).parent / "causes"
CAUSES = load().causes
WORDS = {"score", "certain", "title", "culprit", "advice", "undecided", "if_nothing_is_done"}


def cases_of(code: str) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / f"{code.replace('-', '_')}.yaml").read_text("utf-8"))


CASES = [(code, case) for code in sorted(CAUSES) for case in cases_of(code)]


@pytest.mark.parametrize(("code", "case"), CASES, ids=[f"{k}: {c['case']}" for k, c in CASES])
def test_a_cause_says_what_its_case_file_expects(code: str, case: dict[str, Any]) -> None:
    cause, built, expect = CAUSES[code], case_of(case["given"]), case["expect"]
    assert set(expect) <= WORDS, f"not a word of expectations: {set(expect) - WORDS}"
    evidence = tuple(cause.weigh(built))
    score = score_of(cause.prior, evidence)
    sign = "none" if score == float("-inf") else "positive" if score > 0 else "negative"
    assert sign == expect["score"], [(e.group, e.text, e.weight) for e in evidence]
    assert (sign != "none" and cause.certain(built)) is expect.get("certain", False)
    undecided = {e.group for e in evidence if e.stand is Stand.UNDECIDED}
    assert undecided >= set(expect.get("undecided", ())), undecided
    if "title" in expect:
        assert cause.title(built) == expect["title"]
    if "if_nothing_is_done" in expect:
        assert cause.if_nothing_is_done(built) == expect["if_nothing_is_done"]
    for field, value in expect.get("culprit", {}).items():
        wanted = tuple(value) if isinstance(value, list) else value
        assert getattr(cause.culprit(built), field) == wanted
    for wanted in expect.get("advice", ()):
        assert any(_is(a, wanted) for a in cause.advise(built)), list(cause.advise(built))
    if sign == "positive":
        assert cause.title(built) and cause.culprit(built) and list(cause.advise(built))
        assert cause.will_not_help(built)


def _is(advice: Any, wanted: Mapping[str, Any]) -> bool:
    return all(getattr(advice, field) == value for field, value in wanted.items())


@pytest.mark.parametrize("code", sorted(CAUSES))
def test_a_case_file_has_a_clear_a_rivals_and_a_missing_evidence_case(code: str) -> None:
    cases = cases_of(code)
    assert any(c["expect"]["score"] == "positive" for c in cases)
    assert any(c["expect"]["score"] != "positive" for c in cases)
    assert any(c["expect"].get("undecided") for c in cases)


def test_no_case_file_is_left_without_its_cause() -> None:
    assert {p.stem.replace("_", "-") for p in FOLDER.glob("*.yaml")} == set(CAUSES)
