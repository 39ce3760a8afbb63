"""The operators of a chain in the order of the data, from the names Flink gives to a vertex."""

import html
import re

from drsquirrel.model.facts import bounded

OPERATORS_MAX = 500
BRANCHES_MAX = 50
"""So deep may branches lie within branches; what is deeper is taken for a name."""
_BRANCH = re.compile(r"(?:[:|] {2}| {3})*[:+]- (.*)")
_INDEX = re.compile(r"^\[vertex-\d+\]")
_OPENING, _CLOSING = "([{", ")]}"


def operators_of(name: str, description: str) -> tuple[str, ...]:
    """The names of the chained operators of a vertex, a head before what it feeds.

    `name` is "a -> (b, c)", short and as the metrics have it; `description` is the same as a tree,
    "a<br/>:- b<br/>+- c", with longer texts in SQL jobs. Only the tree tells for sure where an
    operator's own name ends, so the name counts if both agree on how many there are.
    """
    by_name = _of_name(_INDEX.sub("", name))
    by_tree = _of_tree(description)
    chosen = by_name if len(by_name) == len(by_tree) or not by_tree else by_tree
    return tuple(map(bounded, chosen[:OPERATORS_MAX]))


def _of_tree(description: str) -> list[str]:
    lines = html.unescape(re.sub(r"<br ?/?>", "\n", description)).split("\n")
    head = _INDEX.sub("", lines[0]).strip()
    if not head:
        return []
    branches = (_BRANCH.fullmatch(line) for line in lines[1:])
    found = [head, *(branch.group(1).strip() for branch in branches if branch)]
    # Other modes (pipeline.vertex-description-mode) write it as the name is written.
    return found if len(found) > 1 else _of_name(head)


def _of_name(name: str, depth: int = 0) -> list[str]:
    found: list[str] = []
    for part in _split(name, " -> "):
        is_branching = part.startswith("(") and part.endswith(")")
        if is_branching and found and depth < BRANCHES_MAX:
            for branch in _split(part[1:-1], ", "):
                found += _of_name(branch, depth + 1)
        else:
            found.append(part)
    return [part.strip() for part in found if part.strip()]


def _split(text: str, separator: str) -> list[str]:
    """The parts between separators that stand outside of all brackets."""
    parts, depth, start = [], 0, 0
    for i, character in enumerate(text):
        if character in _OPENING:
            depth += 1
        elif character in _CLOSING:
            depth -= 1
        elif depth == 0 and i >= start and text.startswith(separator, i):
            parts.append(text[start:i])
            start = i + len(separator)
    return [*parts, text[start:]]
