"""Questions and answers: how evidence becomes a cause with a confidence in words.

DIAGNOSIS.md section 5: per answer the prior plus the strongest item of each evidence group, a
softmax over the answers of one question with "other" among them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from drsquirrel.model.case import Bottleneck, Case, ContainerNow, Episode
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.model.verdict import Confidence
from drsquirrel.rules import cause as rule
from drsquirrel.rules.cause import Cause, Question

OTHER_SCORE = 1.0
"""What an answer has to beat: the cause may be none that we know."""
LIKELY = 0.8
POSSIBLE = 0.5
MOST_BOTTLENECKS = 3
EPISODE_FRESH_MS = 120_000
EPISODES_APART_MS = 600_000
GC_SHARE = 0.2
HEAP_FLOOR = 0.8
HEAP_GC_SHARE = 0.05
"""A heap that stays full matters if collections take more of the time than this."""

Causes = Mapping[str, Cause]


@dataclass(frozen=True)
class Weighed:
    """One answer with what spoke for and against it; `broke` names the error of a broken rule."""

    code: str
    cause: Cause
    case: Case
    evidence: tuple[rule.Evidence, ...]
    score: float
    share: float = 0.0
    certain: bool = False
    broke: str = ""

    @property
    def confidence(self) -> Confidence:
        if self.certain:
            return Confidence.CERTAIN
        if self.share >= LIKELY:
            return Confidence.LIKELY
        return Confidence.POSSIBLE if self.share >= POSSIBLE else Confidence.CANNOT_TELL


def score_of(prior: float, evidence: Iterable[rule.Evidence]) -> float:
    """Prior plus the strongest item of each group; minus infinity if one excludes."""
    strongest: dict[str, float] = {}
    for item in evidence:
        if item.excludes:
            return -math.inf
        if abs(item.weight) > abs(strongest.get(item.group, 0.0)):
            strongest[item.group] = item.weight
    return prior + sum(strongest.values())


def weigh(question: Question, causes: Causes, case: Case) -> list[Weighed]:
    """All answers to one question about one case, best first. A rule that breaks is out of it."""
    scored = [
        _scored(code, cause, case) for code, cause in causes.items() if cause.answers is question
    ]
    most = max([OTHER_SCORE, *(a.score for a in scored)])
    total = math.exp(OTHER_SCORE - most) + sum(math.exp(a.score - most) for a in scored)
    answers = [replace(a, share=math.exp(a.score - most) / total) for a in scored]
    return sorted(answers, key=lambda a: (not a.certain, -a.share, a.code))


def _scored(code: str, cause: Cause, case: Case) -> Weighed:
    try:
        evidence = tuple(cause.weigh(case))
        score = score_of(cause.prior, evidence)
        certain = score > -math.inf and cause.certain(case)
    except Exception as error:
        return Weighed(code, cause, case, (), -math.inf, broke=type(error).__name__)
    return Weighed(code, cause, case, evidence, score, certain=certain)


def questions_of(case: Case, holding: frozenset[str]) -> Iterator[tuple[Question, Case]]:
    """The questions this case raises, each with the case about the thing in question.

    `holding` are the processes in which the run has subtasks now, and the JobManager's: no other
    one explains what is wrong with it.
    """
    here = replace(case, containers={c: n for c, n in case.containers.items() if c in holding})
    if case.all_running is False or known(case.tasks_waiting, 0) > 0:
        yield Question.IS_IT_RUNNING, case
    episode = live_episode(case)
    if episode:
        yield Question.WHO_FAILED_FIRST, case.about(episode=episode)
    elif any(c.is_silent for c in here.containers.values() if not c.gone_ms):
        yield Question.WHO_FAILED_FIRST, here
    if not isinstance(case.bottlenecks, Unknown):
        for bottleneck in case.bottlenecks[:MOST_BOTTLENECKS]:
            yield Question.WHY_DOES_THE_BOTTLENECK_LIMIT, case.about(bottleneck=bottleneck)
    if not isinstance(case.checkpoints, Unknown) and case.checkpoints.failures_in_row:
        yield Question.WHY_DO_CHECKPOINTS_FAIL, case.about(bottleneck=_worst(case))
    if any(collects_much(c) or is_crowded(c) for c in here.containers.values()):
        yield Question.WHAT_GROWS, here.about(bottleneck=_worst(case))


def collects_much(container: ContainerNow) -> bool:
    """Whether a process spends much of its time on garbage collection."""
    return known(container.gc_share, 0.0) >= GC_SHARE


def is_crowded(container: ContainerNow) -> bool:
    """Whether its heap stays full, and collections work on it."""
    full = known(container.heap_floor_share, 0.0) >= HEAP_FLOOR
    return full and known(container.gc_share, 0.0) >= HEAP_GC_SHARE


def _worst(case: Case) -> Bottleneck | None:
    found = case.bottlenecks
    return None if isinstance(found, Unknown) or not found else found[0]


def live_episode(case: Case) -> Episode | None:
    """The newest episode in which something is known to have failed, if it is open, just over, or
    one of a row that has not ended."""
    told = [e for e in case.episodes if e.faults or e.lost]
    if not told or told[-1].ended_ms is None:
        return told[-1] if told else None
    newest, rest_ms = told[-1], EPISODE_FRESH_MS
    if len(told) > 1:
        gap_ms = newest.began_ms - told[-2].began_ms
        rest_ms = max(rest_ms, min(3 * gap_ms, EPISODES_APART_MS))
    return newest if case.now_ms - (newest.ended_ms or 0) < rest_ms else None
