"""A TaskManager process that is gone."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, FaultKind
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import known
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
from drsquirrel.rules.wording import count

UNREACHABLE = ("is no longer reachable",)
CLOSED = (
    "Connection unexpectedly closed by remote task manager",
    "Lost connection to task manager",
    "was lost and has been released",
    "The TaskExecutor is shutting down",
    "TaskManager was shut down",
)
SIGNALLED = ("exit code 137", "exit code 143", "exitCode=137", "exitCode=143", "external signal")
FOR_MEMORY = ("beyond physical memory", "beyond virtual memory", "OOMKilled", "exitCode: -104")


@dataclass(frozen=True)
class TaskmanagerKilled(Failing):
    """The process of a TaskManager ended, and its tasks failed with it.

    What is wrong: the process was killed, or died without a word: by the resource manager, by an
    operator, by the kernel, or with its machine. Flink cannot see why.
    How it shows: no task's own exception comes first. The TaskManager is no longer reachable,
    connections to it are closed, and it is gone from the list.
    How to fix: ask whoever runs the processes how it ended: exit code 137 or 143 is a signal from
    outside. Have spare slots, so that the job can go on elsewhere.
    What does not help: more restart attempts; changing the job because of closed connections.
    """

    topic = "a TaskManager that was killed"
    leads_to = ("not-enough-slots",)

    def weigh(self, case: Case) -> Iterator[Evidence]:
        text, found = failure.text_of(case), failure.suspects(case)
        if case.episode is None or failure.direct_of(case) or not (found or _relayed(case)):
            yield impossible("no TaskManager failed first")
            return
        if any(words in text for words in FOR_MEMORY):
            yield impossible("the resource manager killed it for its memory")
            return
        if failure.timed_out(case):
            yield opposes(
                "text", decisive, "its heartbeat timed out: the process may still be there"
            )
        elif any(words in text for words in SIGNALLED):
            yield supports("text", decisive, "the resource manager says that it was killed")
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
        if known(failure.was_full(found), False):
            yield opposes("heap", strong, "its heap was full when it was last seen")
        yield undecided("end", "who ended it: exit code, node agent or resource manager would tell")

    def certain(self, case: Case) -> bool:
        text, found = failure.text_of(case), failure.suspects(case)
        vanished = any(words in text for words in (*UNREACHABLE, *SIGNALLED))
        gone = any(c.gone_ms is not None or c.quiet_ms is not None for c in found)
        return vanished and gone and not known(failure.was_full(found), False)

    def title(self, case: Case) -> str:
        found = failure.suspects(case)
        if len(found) < 2:
            gone = "was lost: its process is gone, and its tasks failed with it"
        else:
            gone = "were lost: their processes are gone, and their tasks failed with them"
        return f"{failure.named(case, found)} {gone}"

    def culprit(self, case: Case) -> Culprit:
        return failure.at_container(case, failure.suspects(case))

    def advise(self, case: Case) -> Iterator[Advice]:
        waiting = known(case.tasks_waiting, 0.0)
        if waiting and known(case.slots_free, 1.0) == 0:
            yield Advice(
                title="Start a TaskManager in its place",
                because=f"{count(waiting)} tasks wait for a slot, and none is free.",
                expect="the job runs again within a minute",
            )
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
