"""What the judge remembers between two looks, so that an answer neither flashes up nor flips."""

import msgspec
from msgspec import Struct

from drsquirrel.model.report import Answer
from drsquirrel.model.verdict import Confidence, Verdict

SEEN_TO_PROMOTE = 2
MISSED_TO_DROP = 3
SURE = (Confidence.CERTAIN, Confidence.LIKELY)


class Held(Struct, frozen=True, kw_only=True):
    """An answer that was given, and how often in a row it was seen or missed since."""

    answer: Answer
    seen: int
    missed: int = 0
    promoted: bool = False


class Memory(Struct, frozen=True, kw_only=True):
    """Of one run. `verdict_since_ms`: since when the verdict has been what it is."""

    held: tuple[Held, ...] = ()
    verdict: Verdict | None = None
    verdict_since_ms: int = 0


encoder = msgspec.json.Encoder(order="deterministic")
decoder = msgspec.json.Decoder(Memory)


def place_of(answer: Answer) -> tuple[str, str]:
    """Question and vertex: at one place one answer is held."""
    return answer.question, answer.culprit.vertex_id or ""


def key_of(answer: Answer) -> tuple[str, str, str]:
    return (answer.code, *place_of(answer))


def hold(memory: Memory, answers: list[Answer]) -> tuple[Held, ...]:
    """The answers held after this look, in the order given, the dropped ones left out.

    An answer is promoted after 2 equal looks in a row (a certain one at once) and dropped after 3
    without it; one that was sure does not turn unsure before that. A promoted answer drives others
    out of its place.
    """
    before = {key_of(h.answer): h for h in memory.held}
    now = [_seen(answer, before.pop(key_of(answer), None)) for answer in answers]
    taken = {place_of(h.answer) for h in now if h.promoted}
    missed = [
        msgspec.structs.replace(h, missed=h.missed + 1, seen=h.seen if h.promoted else 0)
        for h in before.values()
    ]
    kept = [h for h in missed if h.missed < MISSED_TO_DROP and place_of(h.answer) not in taken]
    return (*now, *kept)


def _seen(answer: Answer, before: Held | None) -> Held:
    if before is None:
        return Held(answer=answer, seen=1, promoted=answer.confidence is Confidence.CERTAIN)
    unsure = answer.confidence not in SURE and before.answer.confidence in SURE
    if before.promoted and unsure and before.missed + 1 < MISSED_TO_DROP:
        return msgspec.structs.replace(before, missed=before.missed + 1)
    seen = before.seen + 1
    certain = answer.confidence is Confidence.CERTAIN
    promoted = before.promoted or certain or seen >= SEEN_TO_PROMOTE
    return Held(answer=answer, seen=seen, promoted=promoted)
