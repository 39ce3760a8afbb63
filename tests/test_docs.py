"""What the documents say is there: generated pages, links, commands, reasons of packages."""

import re
import tomllib
from pathlib import Path

import pytest

from docs.generate import REFERENCE, pages

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#([\w-]+))?\)")


def heads(text: str) -> list[str]:
    """The headings of a document, as links name them."""
    return [
        re.sub(r"[^\w -]", "", head).strip().replace(" ", "-").lower()
        for head in re.findall(r"^#+ (.+)$", text, re.M)
    ]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("name", pages())
def test_a_generated_page_is_what_the_code_says_now(name: str) -> None:
    assert (REFERENCE / name).read_text("utf-8") == pages()[name], (
        "run `python -m docs.generate` and commit docs/reference"
    )


def test_the_reference_holds_nothing_that_is_not_generated() -> None:
    assert {path.name for path in REFERENCE.iterdir()} == set(pages())


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_link_leads_somewhere(document: Path) -> None:
    for target, head in LINK.findall(document.read_text("utf-8")):
        if "://" in target:
            continue
        path = (document.parent / target).resolve()
        assert path.exists(), f"{named(document)}: no {target}"
        assert not head or head in heads(path.read_text("utf-8")), f"{target} has no {head}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_every_command_a_document_names_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    commands = heads(pages()["commands.md"])
    for command in re.findall(r"`drsquirrel (\w+)", text):
        anchors = (f"drsquirrel-{command}", f"drsquirrel-{command}-")
        there = any(found == anchors[0] or found.startswith(anchors[1]) for found in commands)
        assert there, f"{named(document)}: drsquirrel {command}"
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in re.findall(r"(?:`|^ {4})make ([\w-]+)", text, re.M):
        assert re.search(rf"^{target}:", makefile, re.M), f"{named(document)}: make {target}"


def test_every_package_we_depend_on_has_its_reason() -> None:
    page = (ROOT / "docs/decisions/dependencies.md").read_text("utf-8")
    reasons = re.findall(r"^\| ([\w-]+) \|", page, re.M)
    needed = [re.split(r"[^\w-]", name)[0] for name in PROJECT["dependencies"]]
    assert [name for name in needed if name not in reasons] == []


@pytest.mark.parametrize("decision", DECISIONS, ids=named)
def test_a_decision_says_what_it_rests_on_and_what_it_costs(decision: Path) -> None:
    text = " ".join(heads(decision.read_text("utf-8")))
    for part in ("context", "options", "choice", "price"):
        assert part in text, f"{named(decision)}: no heading {part}"


def test_every_pinned_package_is_an_exact_version_without_an_address() -> None:
    for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.]+", line), line
