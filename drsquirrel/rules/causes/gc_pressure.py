"""A process that spends much of its time collecting garbage."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ContainerNow
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules.cause import (
    Advice,
    Cause,
    Evidence,
    Question,
    decisive,
    impossible,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import count, mebibytes, percent

GOAL = 0.5
"""Advice aims at a heap that is half in use after a collection."""
FRAMEWORK_HEAP_BYTES = 128 * 2**20
"""Flink's own part of the heap by default; the rest is the tasks'."""


@dataclass(frozen=True)
class GcPressure(Cause):
    """A process spends so much time on garbage collection that its tasks stand still.

    What is wrong: the heap is too small for what is in use, or the code makes so much garbage that
    collections follow each other. All threads of the process stop meanwhile.
    How it shows: collections take a fifth of the time or more. All vertices with subtasks there are
    slow, heartbeats and checkpoints come late.
    How to fix: if the heap stays full after collections, give it more or keep less in it; if not,
    find what makes the garbage.
    What does not help: more parallelism in the same process, more managed memory.
    """

    topic = "too much garbage collection"
    answers = Question.WHAT_GROWS
    explains = (
        "gc-old-gen-high",
        "heap-full-after-gc",
        "operator-saturated",
        "backpressure-high",
        "source-lag-growing",
        "checkpoint-slow",
    )
    leads_to = ("checkpoint-timeout-backpressure", "tm-heartbeat-timeout", "taskmanager-hung")

    much: float = threshold(0.2, unit="of the time", help="Garbage collection: decisive from here.")
    little: float = threshold(0.1, unit="of the time", help="Garbage collection: no reason below.")
    crowded: float = threshold(0.6, unit="of the heap", help="In use after collections: crowded.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        at = self._at(case)
        if at is None:
            yield undecided("gc", "a process collects much?", "no collector is reported")
            return
        share = known(at.gc_share, 0.0)
        shown = f"{percent(share)} of the time"
        if share < self.little:
            yield impossible("no process spends much time on collections", shown)
            return
        strength = decisive if share >= self.much else weak
        yield supports("gc", strength, "the process stands still for collections", shown)
        floor = at.heap_floor_share
        if not isinstance(floor, Unknown) and floor >= self.crowded:
            text = "its heap stays full after collections (estimate)"
            yield supports("heap", weak, text, percent(floor))

    def _at(self, case: Case) -> ContainerNow | None:
        """The process that collects most."""
        told = [
            c
            for c in case.containers.values()
            if c.is_taskmanager and c.gone_ms is None and not isinstance(c.gc_share, Unknown)
        ]
        return max(told, key=lambda c: known(c.gc_share, 0.0), default=None)

    def _named(self, case: Case) -> ContainerNow:
        at = self._at(case)
        if at is None:
            raise ValueError("this cause is about collections, and no collector is reported")
        return at

    def title(self, case: Case) -> str:
        at = self._named(case)
        share = percent(known(at.gc_share, 0.0))
        return f"TaskManager {quoted(at.id)} spends {share} of its time collecting garbage"

    def culprit(self, case: Case) -> Culprit:
        at = self._named(case)
        return Culprit(container=at.id, host=at.host or None)

    def advise(self, case: Case) -> Iterator[Advice]:
        at = self._named(case)
        floor, most = at.heap_floor_share, at.heap_max_bytes
        if isinstance(floor, Unknown) or isinstance(most, Unknown):
            yield Advice(title="Find out how full the heap is after collections", kind="measure")
        elif floor >= self.crowded:
            heap = floor * most / GOAL
            yield Advice(
                title=f"Give it {mebibytes(heap)} of heap instead of {mebibytes(most)}",
                key="taskmanager.memory.task.heap.size",
                to=mebibytes(heap - FRAMEWORK_HEAP_BYTES, unit="m"),
                because=f"After collections {percent(floor)} of it are still in use (estimate).",
                expect=f"half of the heap free after collections, GC below {percent(self.little)}",
            )
        yield Advice(
            title="Find out what makes the garbage: a class histogram (jmap -histo) or a profile",
            kind="measure",
            because=_shared(known(at.other_runs, 0)),
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism in the same process", "more managed memory"


def _shared(other_runs: int) -> str:
    """What follows where other jobs run in the process."""
    if not other_runs:
        return ""
    if other_runs == 1:
        return "Another job runs in this process too: the garbage may be its."
    return f"{count(other_runs)} other jobs run in this process too: the garbage may be theirs."
