"""What serve reads: the rendered documents of the store and the handbook of the rules.

Both are protocols, so that this stage knows neither the store nor the rules.
"""

from typing import Literal, Protocol

from msgspec import Struct


class Rendered(Struct, frozen=True):
    """A document as it goes out, and an opaque word that changes whenever the bytes do."""

    body: bytes
    etag: str
    """Letters, digits, "-" and "_" only, without quotes."""

    def is_in(self, if_none_match: str | None) -> bool:
        """Whether the reader already has it: RFC 9110, section 13.1.2, weak comparison."""
        if if_none_match is None:
            return False
        known = (tag.strip().removeprefix("W/") for tag in if_none_match.split(","))
        return any(tag in ("*", f'"{self.etag}"') for tag in known)


class Pages(Protocol):
    """The rendered documents. What reads them may wait for a database: each such call is made in a
    thread of its own. `metrics` and `ready` return at once: they are called on the event loop."""

    def jobs(self) -> Rendered | None:
        """The JobList; None before the first one was made."""
        ...

    def report(self, run_id: str) -> Rendered | None:
        """The latest Report of a run; None if there is none."""
        ...

    def run_of_job(self, job_id: str) -> str | None:
        """The worst live run of a job, else its latest; None for an unknown job."""
        ...

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        """The latest run with this Flink JobID; None if none was ever seen."""
        ...

    def logs(self, run_id: str) -> Rendered | None:
        """The LogList of a run; None for an unknown one."""
        ...

    def metrics(self) -> str:
        """Our own metrics in Prometheus' text format."""
        ...

    def ready(self) -> str | None:
        """None when ready, else a sentence why not."""
        ...


class RuleRef(Struct, frozen=True, kw_only=True):
    """One rule in the list of rules."""

    code: str
    kind: Literal["check", "cause"]
    title: str


class RuleSection(Struct, frozen=True, kw_only=True):
    """One part of a rule's page, such as "How to fix"."""

    heading: str
    text: str


class RuleThreshold(Struct, frozen=True, kw_only=True):
    """A number a rule judges by: its default and the value in force."""

    name: str
    default: float
    value: float
    unit: str
    help: str


class RulePage(Struct, frozen=True, kw_only=True):
    """Everything a reader may know of one rule."""

    code: str
    kind: Literal["check", "cause"]
    title: str
    sections: tuple[RuleSection, ...]
    thresholds: tuple[RuleThreshold, ...]


class Handbook(Protocol):
    """The pages of the rules."""

    def rules(self) -> list[RuleRef]:
        """Every rule, in the order to show them."""
        ...

    def rule(self, code: str) -> RulePage | None:
        """The page of one rule; None if there is no such rule."""
        ...
