"""What a health check is: the hour it sees, the finding it returns, the class it derives from."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import HOUR_MINUTES, EvidenceRow
from drsquirrel.model.series import Series
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.threshold import threshold as threshold

BASIC = "basic job stats"
BACKPRESSURE = "backpressure and skew"
MEMORY = "GC, memory, CPU"

Minutes = tuple[float | None, ...]


class Moment(NamedTuple):
    """A value, where and in which minute of the hour (0 oldest) it was seen."""

    value: float
    entity: str
    minute: int


class UndeclaredSeriesError(Exception):
    """A rule read a series that it did not declare in `needs` or `also`."""


@dataclass(frozen=True)
class Hour:
    """The last hour as one check sees it: minute values by entity, of declared series only.

    An entity is a name as a person reads it: a vertex, "vertex (3/8)", a container; "" for the run.
    """

    series: Mapping[Series, Mapping[str, Minutes]]
    facts: JobFacts | None

    def of(self, series: Series) -> Mapping[str, Minutes]:
        """All entities of a series."""
        if series not in self.series:
            raise UndeclaredSeriesError(f"{series} is not in needs or also of this rule")
        return self.series[series]

    def worst(self, series: Series) -> Minutes:
        """The highest value over all entities, minute by minute."""
        rows = self.of(series).values()
        if not rows:
            return (None,) * HOUR_MINUTES
        minutes = zip(*rows, strict=True)
        return tuple(max((v for v in m if v is not None), default=None) for m in minutes)

    def highest(self, series: Series) -> Moment | None:
        """The highest value of the hour, the newest of equals; None without a sample."""
        seen = [
            Moment(value, entity, minute)
            for entity, minutes in self.of(series).items()
            for minute, value in enumerate(minutes)
            if value is not None
        ]
        return max(seen, key=lambda m: (m.value, m.minute), default=None)

    def latest(self, series: Series, entity: str = "") -> float | None:
        """The newest value of an entity; None without a sample."""
        minutes = self.of(series).get(entity, ())
        return next((v for v in reversed(minutes) if v is not None), None)

    def total(self, series: Series, entity: str = "") -> float:
        """The sum over the observed minutes."""
        return sum(v for v in self.of(series).get(entity, ()) if v is not None)

    def observed(self, series: Series) -> int:
        """Minutes in which any entity has a value."""
        minutes = zip(*self.of(series).values(), strict=True)
        return sum(m.count(None) < len(m) for m in minutes)

    def most(self, series: Series, at_least: float) -> tuple[int, str]:
        """In how many minutes a series reached a value, and the entity where it did most often."""
        counts = (
            (sum(v is not None and v >= at_least for v in minutes), entity)
            for entity, minutes in self.of(series).items()
        )
        return max(counts, key=lambda c: c[0], default=(0, ""))


@dataclass(frozen=True)
class Finding:
    """What a check came to, with numbers only: the words around it are the rule's page."""

    outcome: Outcome
    value: float | None = None
    shown: str = ""
    threshold: str = ""
    says: str = ""
    evidence: tuple[EvidenceRow, ...] = ()
    minutes: Minutes = ()
    """The signal behind the value, minute by minute."""
    warn_at: float | None = None
    fail_at: float | None = None
    """From where a minute is bad, in the unit of `minutes`: lines to draw across them."""
    over: float = 0.0
    """Value over the threshold of its worst grade: what is further over stands first."""


@dataclass(frozen=True)
class Check(ABC):
    """A health check. The docstring is its page; its code is its file's name in kebab case.

    `title` is (good news, bad news), `topic` the same without news, for where nothing was judged.
    The runner gives no_data while a series in `needs` has no sample or fewer than `min_minutes`
    observed minutes, and error if `check` raises; the rule sees only `needs` and `also` (the latter
    may be empty). Where `finds_events`, a finding stands however few minutes were seen: three
    restarts are three restarts; only a pass takes `min_minutes`.
    """

    title: ClassVar[tuple[str, str]]
    topic: ClassVar[str]
    section: ClassVar[str]
    needs: ClassVar[tuple[Series, ...]]
    also: ClassVar[tuple[Series, ...]] = ()
    min_minutes: ClassVar[int] = 10
    finds_events: ClassVar[bool] = False
    assess_by: ClassVar[str] = ""
    """How to get the data where it is missing, in one sentence."""

    @abstractmethod
    def check(self, hour: Hour) -> Finding:
        """Judge the hour."""

    def not_applicable(self, facts: JobFacts) -> str:
        """Why the question makes no sense for this run; "" where it does."""
        return ""


def without_checkpoints(facts: JobFacts) -> str:
    """Why checks of checkpoints do not apply; "" where they do."""
    return "" if facts.checkpoints else "Checkpoints are off in this job."


def graded(value: float, *, warn: float | None, fail: float | None) -> Outcome:
    """Fail from `fail`, warn from `warn`, else pass; None: there is no such grade."""
    if fail is not None and value >= fail:
        return Outcome.FAIL
    if warn is not None and value >= warn:
        return Outcome.WARN
    return Outcome.PASS
