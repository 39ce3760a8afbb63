"""The page of a rule: its docstring, a summary and sections under fixed headings."""

from dataclasses import dataclass
from functools import cache
from inspect import getdoc
from typing import NamedTuple

from drsquirrel.rules.cause import Cause
from drsquirrel.rules.check import Check

CHECK_HEADINGS = ("What it checks", "Why it is bad", "How to fix", "When to ignore it")
CAUSE_HEADINGS = ("What is wrong", "How it shows", "How to fix", "What does not help")


class PageError(ValueError):
    """A rule's docstring does not have the headings of its kind."""


class Section(NamedTuple):
    """One heading of a page and its text, on one line."""

    heading: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """What is written about one rule."""

    summary: str
    sections: tuple[Section, ...]

    def under(self, heading: str) -> str:
        """The text below a heading of this page."""
        return next(s.text for s in self.sections if s.heading == heading)


@cache
def page_of(rule: Check | Cause) -> Page:
    """Read the docstring: a summary, then one "Heading: text" a section, each in its order."""
    headings = CHECK_HEADINGS if isinstance(rule, Check) else CAUSE_HEADINGS
    written: list[tuple[str, list[str]]] = [("", [])]
    for line in (getdoc(type(rule)) or "").splitlines():
        heading, colon, rest = line.partition(":")
        if colon and heading in headings:
            written.append((heading, [rest]))
        else:
            written[-1][1].append(line)
    (_, summary), *sections = ((heading, " ".join(" ".join(t).split())) for heading, t in written)
    if tuple(heading for heading, text in sections if text) != headings or not summary:
        raise PageError(f"{type(rule).__name__} needs a summary and, in this order: {headings}")
    return Page(summary, tuple(Section(h, text[0].upper() + text[1:]) for h, text in sections))
