"""What the judge remembers between two looks, so that an answer neither flashes up nor flips."""

from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from drsquirrel.model.report import Answer, Symptom
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.rules.cause import Question

SEEN_TO_PROMOTE = 2
MISSED_TO_DROP = 3
UNKNOWN_TO_DROP = 6
"""A question that cannot be asked for lack of data leaves its answer standing for longer; so does
the same answer with less to show for it, as long as no other takes its place."""
SURE = (Confidence.CERTAIN, Confidence.LIKELY)
OF_THE_MOMENT = frozenset(
    q.value
    for q in (
        Question.IS_IT_RUNNING,
        Question.WHO_FAILED_FIRST,
        Question.WHY_DO_CHECKPOINTS_FAIL,
    )
)
"""Questions about states and events, not rates: when they are not raised they are answered."""
AT_ONCE = frozenset({"job-not-running", "restart-rate-high", "checkpoint-failing"})
"""Symptoms that are states and events too."""

T = TypeVar("T", Answer, Symptom)


class Held(Struct, Generic[T], frozen=True, kw_only=True):
    """An answer or symptom that was found, and how often in a row it was seen or missed since."""

    what: T
    seen: int
    missed: int = 0
    promoted: bool = False


class Memory(Struct, frozen=True, kw_only=True):
    """Of one run. `verdict_since_ms`: since when the verdict has been what it is."""

    answers: tuple[Held[Answer], ...] = ()
    symptoms: tuple[Held[Symptom], ...] = ()
    verdict: Verdict | None = None
    verdict_since_ms: int = 0


encoder = msgspec.json.Encoder(order="deterministic")
decoder = msgspec.json.Decoder(Memory)


def place_of(answer: Answer) -> tuple[str, str]:
    """Question and, where it is about one, vertex: at one place one answer is held."""
    about_vertex = answer.question == Question.WHY_DOES_THE_BOTTLENECK_LIMIT.value
    return answer.question, (answer.culprit.vertex_id or "") if about_vertex else ""


def key_of(answer: Answer) -> tuple[str, str, str]:
    return (answer.code, *place_of(answer))


def hold_answers(
    memory: Memory,
    answers: Iterable[Answer],
    *,
    raised: frozenset[str],
    unknown: frozenset[str] = frozenset(),
) -> tuple[Held[Answer], ...]:
    """The answers held after this look, in the order given, the dropped ones left out.

    An answer is promoted after 2 equal looks in a row (a certain one at once) and dropped after 3
    without it; one that was sure turns unsure after 6. A promoted answer drives others
    out of its place. `raised` are the questions asked in this look, `unknown` those that could not
    be.
    """

    def patience(answer: Answer) -> int:
        if answer.question in unknown:
            return UNKNOWN_TO_DROP
        over = answer.question in OF_THE_MOMENT and answer.question not in raised
        return 1 if over else MISSED_TO_DROP

    before = {key_of(h.what): h for h in memory.answers}
    now = [
        _seen_again(
            answer, before.pop(key_of(answer), None), answer.confidence is Confidence.CERTAIN
        )
        for answer in answers
    ]
    kept = _missed(before.values(), patience)
    taken = {place_of(h.what) for h in now if h.promoted}
    return (*now, *(h for h in kept if place_of(h.what) not in taken))


def hold_symptoms(memory: Memory, symptoms: Iterable[Symptom]) -> tuple[Held[Symptom], ...]:
    """The same for symptoms; those that are states come and go at once."""

    def key(symptom: Symptom) -> Hashable:
        culprit = symptom.culprit
        return symptom.code, culprit.vertex_id, culprit.container

    before = {key(h.what): h for h in memory.symptoms}
    now = [_seen_again(s, before.pop(key(s), None), s.code in AT_ONCE) for s in symptoms]
    return (*now, *_missed(before.values(), lambda s: 1 if s.code in AT_ONCE else MISSED_TO_DROP))


def _seen_again(what: T, before: Held[T] | None, at_once: bool) -> Held[T]:
    if before is None:
        return Held(what=what, seen=1, promoted=at_once)
    if before.promoted and before.missed + 1 < UNKNOWN_TO_DROP and _is_unsure(what, before.what):
        return msgspec.structs.replace(before, missed=before.missed + 1)
    seen = before.seen + 1
    return Held(
        what=what, seen=seen, promoted=before.promoted or at_once or seen >= SEEN_TO_PROMOTE
    )


def _is_unsure(now: Answer | Symptom, before: Answer | Symptom) -> bool:
    """Whether an answer was sure and is not any more."""
    if isinstance(now, Symptom) or isinstance(before, Symptom):
        return False
    return now.confidence not in SURE and before.confidence in SURE


def _missed(held: Iterable[Held[T]], patience: Callable[[T], int]) -> list[Held[T]]:
    missed = [
        msgspec.structs.replace(h, missed=h.missed + 1, seen=h.seen if h.promoted else 0)
        for h in held
    ]
    return [h for h in missed if h.missed < patience(h.what)]
