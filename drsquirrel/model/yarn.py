"""What YARN tells of a Flink application: who runs it, since when, and its containers."""

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from drsquirrel.model.kill import Kill

APPLICATION = re.compile(r"application_\d+_\d+")
"""The id of an application, which is the name of its cluster too unless that was given one."""
FORGOTTEN = "FORGOTTEN"
"""The state of an application that the ResourceManager knows no more."""
GONE = "GONE"
"""The state of a container that YARN names no more, and of whose end it has told nothing."""
LISTED_MAX = 50
"""Containers that run are listed of one application in a report: the first."""
ENDED_MAX = 50
"""Containers that have ended are kept of one application: the latest."""


class YarnContainer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One container; a Flink process has its container's id. Null: not told."""

    id: str
    node: str = ""
    """Host and port of its NodeManager's page."""
    state: str = ""
    memory_mib: int | None = None
    vcores: int | None = None
    exit_code: int | None = None
    """Null while it runs, and where nobody tells it."""
    kill: Kill | None = None
    said_by: str = ""
    """Who told of its end: "NodeManager", "NodeManager's log"."""

    @property
    def is_over(self) -> bool:
        return self.exit_code is not None or self.kill is not None or self.state == GONE


class YarnFacts(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One application as YARN tells of it. Times are by the ResourceManager's clock."""

    application: str
    name: str = ""
    user: str = ""
    queue: str = ""
    state: str = ""
    """ACCEPTED, RUNNING, FINISHED, FAILED, KILLED…"""
    final_status: str = ""
    """UNDEFINED while it runs; then SUCCEEDED, FAILED or KILLED."""
    launched_ms: int | None = None
    ended_ms: int | None = None
    diagnostics: str = ""
    containers: tuple[YarnContainer, ...] = ()
    """Those alive, then those that have ended, the latest first."""
    unlisted: int = 0
    """How many more containers run."""
    taken_ms: int
    """When the ResourceManager told it, by our clock."""
    complete: bool = True
    says: str = ""
    """What is missing, in a sentence; empty where nothing is."""

    @property
    def is_over(self) -> bool:
        return self.ended_ms is not None

    @property
    def alive(self) -> tuple[YarnContainer, ...]:
        return tuple(c for c in self.containers if not c.is_over)


def in_report(facts: YarnFacts) -> YarnFacts:
    """The facts with no more containers than a report lists."""
    alive, ended = facts.alive, (c for c in facts.containers if c.is_over)
    return replace(
        facts,
        containers=(*alive[:LISTED_MAX], *ended),
        unlisted=max(0, len(alive) - LISTED_MAX),
    )


def with_ended(facts: YarnFacts, before: Iterable[YarnContainer]) -> YarnFacts:
    """The facts with the containers that ended before and that YARN has forgotten."""
    known = {c.id for c in facts.containers}
    ended = [c for c in facts.containers if c.is_over]
    ended += [c for c in before if c.is_over and c.id not in known]
    # Their numbers grow.
    ended.sort(key=lambda c: c.id, reverse=True)
    return replace(facts, containers=(*facts.alive, *ended[:ENDED_MAX]))
