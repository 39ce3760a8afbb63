"""Questions and answers: how evidence becomes a cause with a confidence in words.

DIAGNOSIS.md section 5: per answer the prior plus the strongest item of each evidence group, a
softmax over the answers of one question with "other" among them.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from drsquirrel.model.case import Bottleneck, Case
from drsquirrel.model.report import Answer, Evidence, Onset
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.model.verdict import Confidence, Stand
from drsquirrel.rules import cause as rule
from drsquirrel.rules.cause import Cause, Question

OTHER_SCORE = 1.0
"""What an answer has to beat: the cause may be none that we know."""
LIKELY = 0.8
POSSIBLE = 0.5
RIVAL = 0.1
"""An answer with at least this share is a rival of one that is not sure, and not ruled out."""
SHOWN_RULED_OUT = 5
EPISODE_FRESH_MS = 120_000
GC_SHARE = 0.2
HEAP_FLOOR = 0.8

Causes = Mapping[str, Cause]


@dataclass(frozen=True)
class Weighed:
    """One answer with what spoke for and against it."""

    code: str
    cause: Cause
    case: Case
    evidence: tuple[rule.Evidence, ...]
    score: float
    share: float
    certain: bool

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
    """All answers to one question about one case, best first."""
    scored = []
    for code, cause in causes.items():
        if cause.answers is question:
            evidence = tuple(cause.weigh(case))
            score = score_of(cause.prior, evidence)
            certain = score > -math.inf and cause.certain(case)
            scored.append((code, cause, evidence, score, certain))
    most = max([OTHER_SCORE, *(s[3] for s in scored)])
    total = math.exp(OTHER_SCORE - most) + sum(math.exp(s[3] - most) for s in scored)
    answers = [
        Weighed(code, cause, case, evidence, score, math.exp(score - most) / total, certain)
        for code, cause, evidence, score, certain in scored
    ]
    return sorted(answers, key=lambda a: (not a.certain, -a.share, a.code))


def asked(case: Case) -> Iterator[tuple[Question, Case]]:
    """The questions this case raises, each with the case about the thing in question."""
    if case.all_running is False or known(case.tasks_waiting, 0) > 0:
        yield Question.IS_IT_RUNNING, case
    episode = case.episodes[-1] if case.episodes else None
    if episode and is_live(case):
        yield Question.WHO_FAILED_FIRST, case.about(episode=episode)
    elif any(is_silent(c.heartbeat_age_ms) for c in case.containers.values()):
        yield Question.WHO_FAILED_FIRST, case
    if not isinstance(case.bottlenecks, Unknown):
        for bottleneck in case.bottlenecks[:3]:
            yield Question.WHY_DOES_THE_BOTTLENECK_LIMIT, case.about(bottleneck=bottleneck)
    if not isinstance(case.checkpoints, Unknown) and case.checkpoints.failures_in_row:
        yield Question.WHY_DO_CHECKPOINTS_FAIL, case.about(bottleneck=_worst(case))
    if any(
        known(c.gc_share, 0) >= GC_SHARE or known(c.heap_floor_share, 0) >= HEAP_FLOOR
        for c in case.containers.values()
    ):
        yield Question.WHAT_GROWS, case.about(bottleneck=_worst(case))


def _worst(case: Case) -> Bottleneck | None:
    found = case.bottlenecks
    return None if isinstance(found, Unknown) or not found else found[0]


HEARTBEAT_LATE_MS = 12_000
"""A TaskManager sends one every 10 s; older than this it hangs, 35 s before Flink notices."""


def is_silent(heartbeat_age_ms: object) -> bool:
    """Whether a heartbeat is too old; unknown is not."""
    return isinstance(heartbeat_age_ms, int | float) and heartbeat_age_ms > HEARTBEAT_LATE_MS


def is_live(case: Case) -> bool:
    """Whether the newest episode is open, just over, or one of a row that has not ended."""
    episode = case.episodes[-1]
    if episode.ended_ms is None:
        return True
    rest_ms = EPISODE_FRESH_MS
    if len(case.episodes) > 1:
        gap_ms = episode.began_ms - case.episodes[-2].began_ms
        rest_ms = max(rest_ms, min(3 * gap_ms, 600_000))
    return case.now_ms - episode.ended_ms < rest_ms


def answer_of(best: Weighed, ranked: list[Weighed], onset: Onset | None) -> Answer:
    """The answer as the report shows it: with the evidence of its own, and who was ruled out."""
    case, cause = best.case, best.cause
    sure = best.confidence in (Confidence.CERTAIN, Confidence.LIKELY)
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
        name = rival.code.replace("-", " ")
        yield Evidence(
            stand=Stand.RULED_OUT, group=rival.code, text=f"{name}: {most.text}", value=most.value
        )
