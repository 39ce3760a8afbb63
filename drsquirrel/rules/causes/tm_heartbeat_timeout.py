"""A TaskManager whose heartbeat stayed away, and nothing says why."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules import failure
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    decisive,
    impossible,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.failure import Failing
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import duration, percent


@dataclass(frozen=True)
class TmHeartbeatTimeout(Failing):
    """The heartbeat of a TaskManager stayed away, and no more is known.

    What is wrong: the process hung, died with its machine, or could not be reached. This is the
    honest answer where nothing tells which.
    How it shows: "Heartbeat of TaskManager … timed out" comes first, and nothing was seen before.
    How to fix: look at the machine and at the end of the TaskManager's log.
    What does not help: a longer heartbeat time-out, unless collections are known to take so long.
    """

    topic = "a TaskManager that fell silent"
    leads_to = ("not-enough-slots",)
    prior = 0.5

    much_gc: float = threshold(0.3, unit="of the time", help="Garbage collection: much from here.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        if not failure.timed_out(case):
            yield impossible("no heartbeat timed out")
            return
        found = failure.suspects(case)
        yield supports("text", decisive, "Flink says that its heartbeat timed out")
        age_ms = failure.last_heartbeat_ms(found)
        if isinstance(age_ms, Unknown):
            yield undecided("heartbeat", "its heartbeat was late before?", age_ms.reason)
        elif strength := failure.lateness(found):
            text = "its heartbeat was seen to be late while it was still listed"
            yield opposes("heartbeat", strength, text, f"{duration(age_ms)} old")
        if found and case.episode and not case.episode.lost:
            yield opposes("process", decisive, "its process is there")
        collects = max((known(c.gc_share, 0.0) for c in found), default=0.0)
        if collects >= self.much_gc:
            yield opposes("gc", weak, "it spent much time collecting garbage", percent(collects))
        if known(failure.was_full(found), False):
            yield opposes("heap", strong, "its heap was full when it was last seen")

    def title(self, case: Case) -> str:
        named = failure.named(case, failure.suspects(case))
        return f"{named} was given up: its heartbeat timed out, and nothing tells why"

    def culprit(self, case: Case) -> Culprit:
        return failure.at_container(case, failure.suspects(case))

    def advise(self, case: Case) -> Iterator[Advice]:
        yield Advice(
            title="Look at the end of its log, and at the machine: up, swapping, reachable?",
            kind="measure",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "a longer heartbeat time-out", "more restart attempts"
