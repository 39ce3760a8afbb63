import re
from pathlib import Path

from demo.scenarios import BENIGN, DEMO, FAULTS, SCENARIOS

JAVA = Path(__file__).parents[2] / "demo" / "jobs" / "src" / "com" / "example" / "shop"


def test_every_scenario_has_a_name_and_a_job_name_of_its_own() -> None:
    listed = (*DEMO, *FAULTS, *BENIGN)
    assert len(SCENARIOS) == len(listed)
    assert len({scenario.job_name for scenario in listed}) == len(listed)


def test_every_culprit_is_an_operator_of_the_job() -> None:
    for scenario in SCENARIOS.values():
        assert scenario.culprit in (None, *scenario.operators), scenario.name


def test_every_fault_has_a_cause_and_no_benign_job_has_one() -> None:
    assert all(scenario.expected for scenario in FAULTS)
    assert not any(scenario.expected or scenario.culprit for scenario in BENIGN)
    assert [scenario.name for scenario in DEMO if not scenario.expected] == ["healthy"]


def test_every_argument_is_one_the_job_knows() -> None:
    known = set(re.findall(r'"(--[a-z-]+)"', (JAVA / "ShopJob.java").read_text()))
    works = set(re.findall(r'case "(\w+)"', (JAVA / "work" / "Work.java").read_text()))
    for scenario in SCENARIOS.values():
        words = scenario.args.split()
        assert set(words[::2]) <= known, scenario.name
        assert {word.split(":")[0] for word in words if ":" in word} <= works, scenario.name


def test_every_kind_of_work_is_used_by_a_scenario() -> None:
    works = set(re.findall(r'case "(\w+)"', (JAVA / "work" / "Work.java").read_text()))
    used = {word.split(":")[0] for scenario in SCENARIOS.values() for word in scenario.args.split()}
    assert works - used == {"none"}
