"""The house rules a machine can hold: sizes, names, purity, where output and tests may stand."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "drsquirrel"
PURE = ("model", "watch", "rules", "diagnose", "guide", "flinkconf")
FILE_LINES = 400
RULE_LINES = 150
FUNCTION_LINES = 70
LINE_LENGTH = 100
GENERATED = {ROOT / "web/src/data/schema.ts"}
SAYS_NOTHING = {
    "util",
    "utils",
    "common",
    "helper",
    "helpers",
    "misc",
    "core",
    "manager",
    "service",
}
PRINTING = ("cli.py", "operating.py", "watcher.py", "ending.py", "show")
"""Parts of the package whose business is output."""
IMPURE_CALLS = {"open", "input", "print", "breakpoint", "exec", "eval"}
"""Input, output, and code that no test sees."""
IMPURE_METHODS = {"now", "today", "utcnow", "read_text", "write_text", "getenv"}
"""The clock, files and the environment."""
NOT_MIRRORING = {"test_architecture.py", "test_docs.py", "conftest.py"}
"""What stands directly in tests/: about the whole, not about one stage."""
OF_ALL_STAGES = ROOT / "tests/faults"
"""Faults put into a real Flink, and what the report then says."""


def sources(*endings: str) -> list[Path]:
    """All files of ours with one of the endings."""
    folders = ("drsquirrel", "demo", "docs", "benchmarks", "tests", "web/src", ".ci")
    return sorted(
        path
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.suffix in endings
        and path.is_file()
        and not path.is_relative_to(PACKAGE / "show/page")
    )


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), named(path))


def python_of_the_package(*parts: str) -> list[Path]:
    """The Python files of some parts of the package, of all where none is named."""
    wanted = [PACKAGE / part for part in parts] or [PACKAGE]
    return [p for p in sources(".py") if any(p.is_relative_to(w) for w in wanted)]


def expect_none(findings: Iterator[str]) -> None:
    """Fails with every finding on a line of its own."""
    found = list(findings)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_no_file_is_longer_than_a_person_reads_in_one_go() -> None:
    rules = (PACKAGE / "rules/checks", PACKAGE / "rules/causes")

    def findings() -> Iterator[str]:
        for path in sources(".py", ".ts", ".tsx", ".java", ".css"):
            limit = RULE_LINES if path.parent in rules else FILE_LINES
            lines = path.read_text("utf-8").count("\n")
            if lines > limit and path not in GENERATED:
                yield f"{named(path)}: {lines} lines, at most {limit}: divide it by its subjects"

    expect_none(findings())


def test_no_line_runs_out_of_the_window() -> None:
    """Of Python, ruff says so."""
    expect_none(
        f"{named(path)}:{number}: {len(line)} characters, at most {LINE_LENGTH}: wrap the line"
        for path in sources(".ts", ".tsx", ".java", ".css")
        if path not in GENERATED
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if len(line) > LINE_LENGTH
    )


def test_no_function_is_longer_than_a_screen() -> None:
    expect_none(
        f"{named(path)}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}: "
        "name its parts"
        for path in sources(".py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    )


def test_every_name_of_a_file_or_folder_says_what_is_inside() -> None:
    expect_none(
        f"{named(path)}: a name that says nothing: call it after what it holds"
        for path in sources(".py", ".ts", ".tsx", ".java", ".css", ".md", ".json", ".yaml")
        if SAYS_NOTHING & {*path.relative_to(ROOT).parent.parts, path.name.split(".")[0]}
    )


def test_every_module_says_in_a_sentence_what_it_holds() -> None:
    expect_none(
        f"{named(path)}: begin with a docstring of one sentence: what the module holds"
        for path in sources(".py")
        if not path.name.startswith("test_") and (tree := parsed(path)).body
        if not (ast.get_docstring(tree) or "").split("\n\n")[0].endswith((".", "?"))
    )


def test_no_error_is_swallowed_unseen() -> None:
    expect_none(
        f"{named(path)}:{node.lineno}: swallows every exception: name the ones you expect"
        for path in sources(".py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler)
        and all(isinstance(statement, ast.Pass) for statement in node.body)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    )


def test_only_the_commands_and_the_outputs_print() -> None:
    printing = [PACKAGE / part for part in PRINTING]
    expect_none(
        f"{named(path)}:{node.lineno}: prints: log, or return what is to be said"
        for path in python_of_the_package()
        if not any(path.is_relative_to(allowed) for allowed in printing)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print"
    )


def test_what_judges_reads_no_clock_no_file_and_no_environment() -> None:
    """Imports are held by import-linter; this holds what needs none."""

    def impure(node: ast.Call) -> bool:
        if isinstance(node.func, ast.Attribute):
            return node.func.attr in IMPURE_METHODS
        return isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS

    expect_none(
        f"{named(path)}:{node.lineno}: {ast.unparse(node.func)}() in a pure package: "
        "take what it gives as an argument"
        for path in python_of_the_package(*PURE)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and impure(node)
    )


def test_nothing_of_the_program_is_kept_in_globals_that_change() -> None:
    expect_none(
        f"{named(path)}:{node.lineno}: `global {', '.join(node.names)}`: pass it as an argument"
        for path in sources(".py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Global)
    )


def test_tests_stand_where_the_code_stands() -> None:
    def findings() -> Iterator[str]:
        for path in (ROOT / "tests").rglob("test_*.py"):
            if path.is_relative_to(OF_ALL_STAGES):
                continue
            about = path.parent.relative_to(ROOT / "tests")
            if about == Path():
                name = path.stem.removeprefix("test_")
                mirrors = path.name in NOT_MIRRORING or any(
                    name == module.stem or name.startswith(f"{module.stem}_")
                    for module in PACKAGE.glob("*.py")
                )
            else:
                mirrors = (PACKAGE / about).exists() or (ROOT / about).exists()
            if not mirrors:
                yield f"{named(path)}: put it in the folder of the stage it is about"
        for part in PACKAGE.iterdir():
            if (part / "__init__.py").exists() and not list(
                (ROOT / "tests" / part.name).rglob("*.py")
            ):
                yield f"drsquirrel/{part.name}: has no tests in tests/{part.name}"

    expect_none(findings())


def test_a_name_of_a_test_is_a_sentence() -> None:
    expect_none(
        f"{named(path)}:{node.lineno}: {node.name}: say in its name what holds"
        for path in sources(".py")
        if path.is_relative_to(ROOT / "tests") and path.name.startswith("test_")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and node.name.count("_") < 3
    )


def test_no_test_puts_a_mock_in_the_place_of_our_code() -> None:
    expect_none(
        f"{named(path)}: uses a mock: use the real thing, a recording or a fake clock"
        for path in sources(".py")
        if re.search(r"^\s*(from|import) (unittest\.mock|mock)\b", path.read_text("utf-8"), re.M)
        or re.search(r"^\s*from unittest import mock\b", path.read_text("utf-8"), re.M)
    )


def test_the_page_never_writes_markup_from_text() -> None:
    expect_none(
        f"{named(path)}: sets markup from text: let React write text"
        for path in sources(".ts", ".tsx")
        if re.search(r"innerHTML|outerHTML|insertAdjacentHTML|dangerously", path.read_text("utf-8"))
    )
