"""The page on promises names tests that are there, and says which are part of the evidence only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "promises.md").read_text("utf-8")
NAMED = re.findall(r"`((?:tests|benchmarks)/[\w/.]+|\w+Test)(?:::(\w+))?`( †)?", PAGE)
OF_A_MODULE = re.compile(r"^pytestmark = .*pytest\.mark\.alone", re.M)


def source_of(file: str) -> str:
    if "/" in file:
        return (ROOT / file).read_text("utf-8")
    [path] = (ROOT / "plugin" / "src" / "test").rglob(f"{file}.java")
    return path.read_text("utf-8")


@pytest.mark.parametrize(("file", "test", "mark"), NAMED)
def test_a_test_that_is_named_is_there_and_runs_where_the_page_says(
    file: str, test: str, mark: str
) -> None:
    source = source_of(file)
    found = re.search(rf"((?:^@.*\n(?:[ )\]].*\n)*)*)^(?:async )?def {test}\(", source, re.M)
    if file.startswith("tests/") and test:
        assert found, test
        is_alone = "mark.alone" in found[1] or OF_A_MODULE.search(source) is not None
        assert is_alone == bool(mark), f"{test}: † is for what is marked alone"
    elif test:
        assert f"void {test}(" in source
    assert bool(mark) or not file.startswith("benchmarks/")


def test_every_promise_of_the_tier_is_there() -> None:
    promised = {*(f"R{n}" for n in range(1, 11)), "S1", "S28", "S29"}
    assert {*re.findall(r"^## (\w+) ", PAGE, re.M)} == promised
