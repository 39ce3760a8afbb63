"""What a root cause is: an answer to a question, the evidence it weighs, its advice."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar

from drsquirrel.model import report
from drsquirrel.model.case import Case
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import Truth, Unknown
from drsquirrel.model.verdict import Stand
from drsquirrel.rules.threshold import threshold as threshold

Advice = report.Advice


class Question(Enum):
    """The questions of DIAGNOSIS.md section 5; answers to one exclude each other."""

    IS_IT_RUNNING = "Does it run?"
    WHO_FAILED_FIRST = "Who failed first?"
    WHY_DOES_THE_BOTTLENECK_LIMIT = "Why does this vertex limit the job?"
    WHY_DO_CHECKPOINTS_FAIL = "Why do checkpoints fail or take long?"
    WHAT_GROWS = "What grows?"


class Strength(Enum):
    """How much one piece of evidence moves the score of an answer."""

    WEAK = 1.0
    STRONG = 2.0
    DECISIVE = 3.0


weak, strong, decisive = Strength.WEAK, Strength.STRONG, Strength.DECISIVE


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One reason. Of each group only the strongest item counts, so one fact is not counted twice.

    `weight` is signed; 0 with stand UNDECIDED says what would decide and was not measured.
    `excludes`: logically impossible on fresh, present input.
    """

    group: str
    text: str
    value: str = ""
    weight: float = 0.0
    stand: Stand = Stand.FOR
    excludes: bool = False


def for_or_against(
    group: str,
    truth: Truth,
    strength: Strength,
    *,
    yes: str,
    no: str,
    value: str = "",
    against: Strength | None = None,
) -> Iterator[Evidence]:
    """Evidence for where true, against where false (by `against`, else as strong); unknown adds
    nothing and is listed as undecided with its reason."""
    if isinstance(truth, Unknown):
        yield undecided(group, f"{yes}?", truth.reason)
    elif truth:
        yield supports(group, strength, yes, value)
    else:
        yield opposes(group, against or strength, no, value)


def supports(group: str, strength: Strength, text: str, value: str = "") -> Evidence:
    """Evidence for the answer."""
    return Evidence(group=group, text=text, value=value, weight=strength.value)


def opposes(group: str, strength: Strength, text: str, value: str = "") -> Evidence:
    """Evidence against the answer."""
    return Evidence(
        group=group, text=text, value=value, weight=-strength.value, stand=Stand.AGAINST
    )


def undecided(group: str, text: str, value: str = "") -> Evidence:
    """What would decide and was not measured, or does not tell here."""
    return Evidence(group=group, text=text, value=value, stand=Stand.UNDECIDED)


def impossible(text: str, value: str = "") -> Evidence:
    """The answer is logically impossible here."""
    return Evidence(
        group="impossible", text=text, value=value, stand=Stand.RULED_OUT, excludes=True
    )


@dataclass(frozen=True)
class Cause(ABC):
    """A root cause. The docstring is its page; its code is its file's name in kebab case.

    `topic` names it within a sentence: "a hot key".
    `explains`: codes of checks this cause leads to; `leads_to`: codes of other causes that are then
    its consequences (an acyclic graph, held by a test). `prior` is added to the score.
    `blames_container`: the container its culprit names is what is wrong, not only where it shows.
    Words and advice are asked for only where the evidence speaks for the answer.
    """

    topic: ClassVar[str]
    answers: ClassVar[Question]
    explains: ClassVar[tuple[str, ...]] = ()
    leads_to: ClassVar[tuple[str, ...]] = ()
    prior: ClassVar[float] = 0.0
    blames_container: ClassVar[bool] = True

    @abstractmethod
    def weigh(self, case: Case) -> Iterator[Evidence]:
        """The evidence for and against this answer, in the case at hand."""

    @abstractmethod
    def title(self, case: Case) -> str:
        """The sentence that names cause and culprit; names between backticks (report.quoted)."""

    @abstractmethod
    def culprit(self, case: Case) -> Culprit:
        """Where it sits."""

    @abstractmethod
    def advise(self, case: Case) -> Iterator[Advice]:
        """What to change, with values computed from this job's numbers."""

    def certain(self, case: Case) -> bool:
        """Whether an exact signature or process-level fact decides by itself; asked only of an
        answer that is not excluded."""
        return False

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        """What people try and what does not help here."""
        return ()

    def if_nothing_is_done(self, case: Case) -> str:
        """What happens next, from the numbers; "" where they do not tell."""
        return ""
