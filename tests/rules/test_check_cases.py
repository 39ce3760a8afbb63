"""Every health check against its case file: checks/<name>.yaml, series in promtool's notation.

One value a minute, newest last, on the left padded with minutes not seen: `3x4` is four times 3,
`0+10x3` is 0 10 20, `_x5` is five minutes not seen. A series of several entities is a mapping.
"""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from drsquirrel.diagnose.health import assess
from drsquirrel.model.facts import CheckpointSettings, JobFacts
from drsquirrel.model.report import HOUR_MINUTES
from drsquirrel.model.series import BY_NAME
from drsquirrel.rules.check import Minutes
from drsquirrel.rules.load import load

FOLDER = Path(__file__).parent / "checks"
CODES = sorted(load().checks)
TERM = re.compile(r"(?P<value>_|-?[\d.]+)(?P<step>[+-][\d.]+)?(?:x(?P<count>\d+))?")
CHECKPOINTS = CheckpointSettings(interval_ms=60_000, timeout_ms=600_000, tolerable_failures=0)


def minutes(notation: str) -> Minutes:
    """The 60 minute values of a series in the notation above."""
    values: list[float | None] = []
    for term in notation.split():
        match = TERM.fullmatch(term)
        assert match, f"not a series: {term}"
        value, step, count = match["value"], float(match["step"] or 0), int(match["count"] or 1)
        values += [None if value == "_" else float(value) + step * i for i in range(count)]
    assert len(values) <= HOUR_MINUTES, f"{len(values)} minutes: {notation}"
    return (None,) * (HOUR_MINUTES - len(values)) + tuple(values)


def cases_of(code: str) -> list[dict[str, Any]]:
    return yaml.safe_load((FOLDER / f"{code.replace('-', '_')}.yaml").read_text("utf-8"))


CASES = [(code, case) for code in CODES for case in cases_of(code)]


@pytest.mark.parametrize(("code", "case"), CASES, ids=[f"{k}: {c['case']}" for k, c in CASES])
def test_a_check_comes_to_what_its_case_file_expects(code: str, case: dict[str, Any]) -> None:
    series = {
        BY_NAME[name]: {
            entity: minutes(row)
            for entity, row in (rows if isinstance(rows, dict) else {"": rows}).items()
        }
        for name, rows in case["series"].items()
    }
    facts = JobFacts(
        cluster="c",
        job="j",
        start_ms=1,
        name="orders",
        checkpoints=None if case.get("checkpoints") is False else CHECKPOINTS,
        job_type=case.get("job_type", "STREAMING"),
    )
    check = load({code: case.get("thresholds", {})}).checks[code]
    result = assess(code, check, series, facts)
    for field, expected in case["expect"].items():
        seen = getattr(result, field)
        wanted = pytest.approx(expected) if isinstance(expected, float) else expected
        assert seen == wanted, f"{field} is {seen!r}, says {result.says!r}"


@pytest.mark.parametrize("code", CODES)
def test_a_case_file_has_a_healthy_a_sick_and_a_no_data_case(code: str) -> None:
    outcomes = {case["expect"]["outcome"] for case in cases_of(code)}
    assert outcomes >= {"pass", "fail", "no_data"}


def test_no_case_file_is_left_without_its_check() -> None:
    assert {p.stem.replace("_", "-") for p in FOLDER.glob("*.yaml")} == set(CODES)


def test_the_notation_repeats_steps_and_leaves_out() -> None:
    assert minutes("_x2 0+10x3 7 2x2")[-8:] == (None, None, 0.0, 10.0, 20.0, 7.0, 2.0, 2.0)
