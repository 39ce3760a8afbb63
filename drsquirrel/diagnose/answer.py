"""Answers as the report shows them: evidence, who was ruled out, since when, in which order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from drsquirrel.diagnose.memory import SURE
from drsquirrel.diagnose.question import Causes, Weighed, questions_of, weigh
from drsquirrel.model.case import Case, Episode
from drsquirrel.model.report import Answer, Culprit, Evidence, Onset
from drsquirrel.model.verdict import Confidence, Stand
from drsquirrel.rules import failure
from drsquirrel.rules.cause import Question

RIVAL = 0.1
"""An answer with at least this share is a rival of one that is not sure, and not ruled out."""
SHOWN_RULED_OUT = 5


@dataclass(frozen=True)
class Asked:
    """What one question came to. `broken` are rules that broke, each with its error."""

    answer: Answer | None
    next_words: str
    """What happens if nothing is done."""
    weighed: int
    """Answers that were weighed."""
    broken: tuple[str, ...]


@dataclass(frozen=True)
class Given:
    """What the questions came to in one look."""

    asked: tuple[Asked, ...] = ()
    raised: frozenset[str] = frozenset()
    """Questions that were asked."""
    topics: Mapping[str, str] = field(default_factory=dict)
    """What the causes are called within a sentence, by their codes."""

    @property
    def answers(self) -> tuple[Answer, ...]:
        return tuple(a.answer for a in self.asked if a.answer)

    @property
    def weighed(self) -> int:
        return sum(a.weighed for a in self.asked)

    @property
    def broken(self) -> tuple[str, ...]:
        return tuple(sorted({rule for a in self.asked for rule in a.broken}))


def give(case: Case, causes: Causes, holding: frozenset[str]) -> Given:
    """The best answer to each question the case raises, where it is at least possible."""
    raised = list(questions_of(case, holding))
    return Given(
        asked=tuple(ask(question, causes, about) for question, about in raised),
        raised=frozenset(question.value for question, _ in raised),
        topics={code: cause.topic for code, cause in causes.items()},
    )


def ask(question: Question, causes: Causes, case: Case) -> Asked:
    """The best answer to a question about a case; none if it cannot be told."""
    ranked = weigh(question, causes, case)
    broken = [f"{a.code} ({a.broke})" for a in ranked if a.broke]
    answer, next_words = None, ""
    if ranked and ranked[0].confidence is not Confidence.CANNOT_TELL:
        best = ranked[0]
        try:
            answer = answer_of(best, ranked, _onset(case, question))
            next_words = best.cause.if_nothing_is_done(case)
        except Exception as error:
            answer = None
            broken.append(f"{best.code} ({type(error).__name__})")
    return Asked(answer, next_words, len(ranked), tuple(broken))


def answer_of(best: Weighed, ranked: list[Weighed], onset: Onset | None) -> Answer:
    """The answer with the evidence of its own, and who was ruled out."""
    case, cause = best.case, best.cause
    sure = best.confidence in SURE
    rivals = [a for a in ranked if a is not best and a.share >= RIVAL and not sure]
    return Answer(
        code=best.code,
        question=cause.answers.value,
        title=cause.title(case),
        confidence=best.confidence,
        culprit=cause.culprit(case),
        onset=onset,
        evidence=(*_own(best), *_ruled_out(best, ranked)),
        advice=tuple(a for a in cause.advise(case) if sure or a.kind != "change"),
        will_not_help=cause.will_not_help(case) if sure else (),
        leads_to=(*cause.explains, *cause.leads_to),
        rivals=tuple(a.code for a in rivals),
    )


def _own(best: Weighed) -> Iterator[Evidence]:
    order = (Stand.FOR, Stand.AGAINST, Stand.RULED_OUT, Stand.UNDECIDED)
    for item in sorted(best.evidence, key=lambda e: (order.index(e.stand), -abs(e.weight))):
        yield Evidence(stand=item.stand, group=item.group, text=item.text, value=item.value)


def _ruled_out(best: Weighed, ranked: list[Weighed]) -> Iterator[Evidence]:
    """Per rival the number that spoke most against it, the nearest rivals; none without one."""
    ruled_out = 0
    for rival in ranked:
        against = [e for e in rival.evidence if e.excludes or e.weight < 0]
        if rival is best or rival.certain or rival.share >= RIVAL or not against:
            continue
        if ruled_out == SHOWN_RULED_OUT:
            return
        ruled_out += 1
        most = max(against, key=lambda e: (e.excludes, -e.weight))
        text = f"{rival.cause.topic}: {most.text}"
        yield Evidence(stand=Stand.RULED_OUT, group=rival.code, text=text, value=most.value)


def _onset(case: Case, question: Question) -> Onset | None:
    if question is Question.WHO_FAILED_FIRST and case.episode:
        first = next(iter(failure.row(case)), case.episode)
        earliest_ms = case.start_ms if failure.row_is_cut(case) else first.began_ms
        return Onset(earliest_ms=earliest_ms, latest_ms=first.began_ms)
    if question is Question.WHY_DOES_THE_BOTTLENECK_LIMIT and case.bottleneck:
        return case.bottleneck.onset
    return None


def signature(episode: Episode) -> str:
    """What the first fault of an episode is told again by; "" where none is known."""
    return episode.first.event.signature if episode.first else ""


_ORDER = tuple(
    q.value
    for q in (
        Question.IS_IT_RUNNING,
        Question.WHO_FAILED_FIRST,
        Question.WHY_DOES_THE_BOTTLENECK_LIMIT,
        Question.WHAT_GROWS,
        Question.WHY_DO_CHECKPOINTS_FAIL,
    )
)


def ranked(answers: list[Answer]) -> list[Answer]:
    """Roots first: what a sure answer leads to is its consequence; then the sure ones."""
    sure = [a for a in answers if a.confidence in SURE]

    def rank(answer: Answer) -> tuple[bool, bool, int]:
        follows = any(leads(root, answer.code, answer.culprit, answer.onset) for root in sure)
        return follows, answer.confidence not in SURE, _ORDER.index(answer.question)

    return sorted(answers, key=rank)


def leads(root: Answer, code: str, at: Culprit, onset: Onset | None) -> bool:
    """Whether an answer leads to a cause or check at this place, which did not begin before it."""
    if code not in root.leads_to or code == root.code:
        return False
    if root.onset and onset and root.onset.earliest_ms > onset.latest_ms:
        return False
    cause = root.culprit
    return not (cause.container and at.container and cause.container != at.container)
