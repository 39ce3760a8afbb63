"""The textbook rows: which answer wins its question, how surely, and that no rival ever does.

textbook.yaml holds cases that DIAGNOSIS.md sections 3 and 4 tell apart, by Flink's REST API alone
and with thread dumps. `likely` names the answer that must be likely or certain, alone; where it is
not there no answer may be. `possible` names the one that then must lead.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from drsquirrel.diagnose.question import weigh
from drsquirrel.model.verdict import Confidence
from drsquirrel.rules.cause import Question
from drsquirrel.rules.load import load
from tests.rules.building import case_of

CASES = yaml.safe_load((Path(__file__).parent / "textbook.yaml").read_text("utf-8"))
CAUSES = load().causes
SURE = (Confidence.LIKELY, Confidence.CERTAIN)


@pytest.mark.parametrize("case", CASES, ids=[c["case"] for c in CASES])
def test_the_right_answer_wins_and_never_a_rival(case: dict[str, Any]) -> None:
    built = case_of(case["given"])
    ranked = weigh(Question[case["question"]], CAUSES, built)
    shares = {a.code: (round(a.share, 2), a.confidence.value) for a in ranked}
    expect = case["expect"]
    sure = [a.code for a in ranked if a.confidence in SURE]
    if "likely" in expect:
        assert sure == [expect["likely"]], shares
    else:
        assert sure == [], shares
    if "possible" in expect:
        assert ranked[0].code == expect["possible"], shares
        assert ranked[0].confidence is Confidence.POSSIBLE, shares
    if "certain" in expect:
        assert ranked[0].certain is expect["certain"], shares
    if "rival" in expect:
        assert ranked[1].code == expect["rival"], shares
        assert ranked[1].share >= 0.15, shares
