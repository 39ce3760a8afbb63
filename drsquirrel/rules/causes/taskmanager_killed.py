"""A TaskManager process that is gone."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, FaultKind
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import known
from drsquirrel.rules import failure, killing
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
from drsquirrel.rules.wording import count

UNREACHABLE = ("is no longer reachable",)
CLOSED = (
    "Connection unexpectedly closed by remote task manager",
    "Lost connection to task manager",
    "was lost and has been released",
    "The TaskExecutor is shutting down",
    "TaskManager was shut down",
)


@dataclass(frozen=True)
class TaskmanagerKilled(Failing):
    """The process of a TaskManager ended, and its tasks failed with it.

    What is wrong: the process was killed, or died without a word: by the resource manager, by an
    operator, by the kernel, or with its machine. Flink cannot see why; it often says no more than
    that the TaskExecutor is shutting down. YARN says whether it was for its memory (`--yarn`).
    How it shows: no task's own exception comes first. The TaskManager is no longer reachable,
    connections to it are closed, and it is gone from the list.
    How to fix: where it was for its memory, leave more of it to what is not Flink's. Else ask
    whoever runs the processes how it ended: exit code 137 or 143 is a signal from outside. Have
    spare slots, so that the job can go on elsewhere.
    What does not help: more restart attempts; changing the job because of closed connections.
    """

    topic = "a TaskManager that was killed"
    leads_to = ("not-enough-slots",)

    def weigh(self, case: Case) -> Iterator[Evidence]:
        text, found = failure.text_of(case), failure.suspects(case)
        if case.episode is None or failure.direct_of(case) or not (found or _relayed(case)):
            yield impossible("no TaskManager failed first")
            return
        kill = killing.told(case)
        if kill and kill.is_for_memory:
            by = f"{kill.by} says that it was killed for its memory"
            yield supports("text", decisive, by, killing.usage(kill))
        elif kill and kill.why in killing.BY_OTHERS:
            code = f"exit code {kill.exit_code}"
            yield supports("text", decisive, "whoever runs it says that it was killed", code)
        elif kill:
            yield opposes("text", strong, "it ended by itself", f"exit code {kill.exit_code}")
        elif failure.timed_out(case):
            yield opposes(
                "text", decisive, "its heartbeat timed out: the process may still be there"
            )
        elif any(words in text for words in UNREACHABLE):
            yield supports("text", decisive, "Flink says that it is no longer reachable")
        elif any(words in text for words in CLOSED):
            yield supports("text", strong, "Flink says that the connection to it was closed")
        if case.episode.lost:
            strength = weak if text else strong
            yield supports("gone", strength, "it is gone from the list of TaskManagers")
        elif any(c.quiet_ms is not None for c in found):
            yield supports("gone", weak, "nothing has come from it since")
        else:
            yield opposes("gone", strong, "no TaskManager is gone")
        if kill and kill.is_for_memory:
            return
        if known(failure.was_full(found), False):
            yield opposes("heap", strong, "its heap was full when it was last seen")
        if not kill or kill.why == "signal":
            killed = "if it was killed, " if not kill else ""
            said = f"{killed}{killing.UNDECIDED}: nobody says it"
            yield undecided("end", said, killing.last_memory(found))

    def certain(self, case: Case) -> bool:
        text, found = failure.text_of(case), failure.suspects(case)
        gone = any(c.gone_ms is not None or c.quiet_ms is not None for c in found)
        kill = killing.told(case)
        if kill:
            return gone and (kill.is_for_memory or kill.why in killing.BY_OTHERS)
        vanished = any(words in text for words in UNREACHABLE)
        return vanished and gone and not known(failure.was_full(found), False)

    def title(self, case: Case) -> str:
        found = failure.suspects(case)
        kill = killing.told(case)
        if kill:
            found = killing.killed(found, kill)
            if did := killing.did(kill, several=len(found) > 1):
                return f"{failure.named(case, found)} {did}"
        if len(found) < 2:
            gone = "was lost: its process is gone, and its tasks failed with it"
        else:
            gone = "were lost: their processes are gone, and their tasks failed with them"
        return f"{failure.named(case, found)} {gone}"

    def culprit(self, case: Case) -> Culprit:
        found = killing.killed(failure.suspects(case), killing.told(case))
        return failure.at_container(case, found)

    def advise(self, case: Case) -> Iterator[Advice]:
        waiting = known(case.tasks_waiting, 0.0)
        if waiting and known(case.slots_free, 1.0) == 0:
            yield Advice(
                title="Start a TaskManager in its place",
                because=f"{count(waiting)} tasks wait for a slot, and none is free.",
                expect="the job runs again within a minute",
            )
        kill = killing.told(case)
        if kill and kill.is_for_memory:
            yield from killing.more_memory(kill)
            return
        yield Advice(
            title="Ask YARN, Kubernetes or the machine how the process ended",
            kind="measure",
            because="Exit code 137 or 143 is a signal from outside; Flink cannot see it.",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("more restart attempts",)

    def if_nothing_is_done(self, case: Case) -> str:
        return (
            "All tasks run again." if case.all_running is True else super().if_nothing_is_done(case)
        )


def _relayed(case: Case) -> bool:
    """Whether what came first only tells that a TaskManager was lost."""
    fault = failure.first_of(case)
    return fault is not None and fault.kind is FaultKind.RELAYED
