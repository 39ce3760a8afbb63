"""A TaskManager process that is there but does not answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ContainerNow
from drsquirrel.model.facts import HEARTBEATS
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules import failure
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    decisive,
    impossible,
    opposes,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.failure import Failing
from drsquirrel.rules.wording import duration


@dataclass(frozen=True)
class TaskmanagerHung(Failing):
    """A TaskManager does not answer, though its process has not gone away.

    What is wrong: the process is stopped, swapped out, in a long collection, or waits for a disk;
    or the network to it is cut. Flink gives it 50 s by default before it takes its tasks away.
    How it shows: its heartbeat gets older than 12 s (where they come every 10 s) while it is still
    listed. All numbers of all jobs on the cluster stand still meanwhile. Then "Heartbeat of
    TaskManager … timed out".
    How to fix: look at the process and its machine: stopped, swapping, disk, long collections.
    What does not help: a longer heartbeat time-out: it only hides the process for longer.
    """

    topic = "a TaskManager that hangs"
    leads_to = ("not-enough-slots",)

    def weigh(self, case: Case) -> Iterator[Evidence]:
        silent, found = self._silent(case), failure.suspects(case)
        if failure.direct_of(case) or not (silent or found or failure.timed_out(case)):
            yield impossible("no TaskManager has stopped answering")
            return
        age_ms = failure.last_heartbeat_ms(silent or found)
        if isinstance(age_ms, Unknown):
            yield undecided("heartbeat", "its heartbeat was late before?", age_ms.reason)
        elif strength := failure.lateness(silent or found):
            text = f"its heartbeat {'is' if silent else 'was'} late while it was still listed"
            yield supports("heartbeat", strength, text, f"{duration(age_ms)} old")
        if failure.timed_out(case):
            yield supports("text", weak, "Flink gave it up because its heartbeat timed out")
        elif failure.text_of(case):
            yield opposes("text", decisive, "Flink gave it up for another reason")
        if found and case.episode and not case.episode.lost:
            yield supports("process", decisive, "its process is there")

    def _silent(self, case: Case) -> tuple[ContainerNow, ...]:
        """TaskManagers that are listed and late, the most silent first."""
        there = (c for c in case.containers.values() if c.is_taskmanager and c.gone_ms is None)
        late = [c for c in there if c.is_silent]
        return tuple(sorted(late, key=lambda c: -known(c.heartbeat_age_ms, 0.0)))

    def _at(self, case: Case) -> tuple[ContainerNow, ...]:
        return self._silent(case) or failure.suspects(case)

    def certain(self, case: Case) -> bool:
        deaf = any(c.is_deaf for c in self._silent(case))
        return deaf and (case.episode is None or failure.timed_out(case))

    def title(self, case: Case) -> str:
        at = self._at(case)
        age = max((known(c.heartbeat_age_ms, 0.0) for c in self._silent(case)), default=0.0)
        since = f": its last heartbeat is {duration(age)} old" if age else ""
        did = "does not answer" if age else "stopped answering, until Flink took its tasks away"
        return f"{failure.named(case, at[:1])} {did}{since}"

    def culprit(self, case: Case) -> Culprit:
        return failure.at_container(case, self._at(case))

    def advise(self, case: Case) -> Iterator[Advice]:
        at = self._at(case)
        name = quoted(at[0].id) if at else "the TaskManager"
        host = f" on {quoted(at[0].host)}" if at and at[0].host else ""
        yield Advice(
            title=f"Look at the process of {name}{host}: is it stopped (SIGSTOP), does it swap?",
            kind="measure",
        )
        yield Advice(
            title=f"If it does not come back, end the process of {name}",
            because=f"Flink waits for a heartbeat for {_timeout(at)}, and less for one that ended.",
            expect="the job restarts on other slots within seconds",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("a longer heartbeat time-out",)

    def if_nothing_is_done(self, case: Case) -> str:
        if case.episode is None:
            told = _timeout(self._at(case))
            return f"Flink takes its tasks away when the heartbeat time-out ({told}) is over."
        return super().if_nothing_is_done(case)


def _timeout(at: tuple[ContainerNow, ...]) -> str:
    """How long Flink waits for a heartbeat of these."""
    heartbeats = at[0].heartbeats if at else HEARTBEATS
    is_default = heartbeats.timeout_ms == HEARTBEATS.timeout_ms
    return f"{duration(heartbeats.timeout_ms)} {'by default' if is_default else 'as configured'}"
