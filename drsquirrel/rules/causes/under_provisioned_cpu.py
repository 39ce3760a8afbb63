"""Processes whose tasks ask for more CPU than they have."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Bottleneck, Case, ThreadKind
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import Number, Unknown
from drsquirrel.rules import limit, limiting
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.wording import count, plural, times


@dataclass(frozen=True)
class UnderProvisionedCpu(Limiting):
    """The job's tasks ask for more CPU than their processes or machines have.

    What is wrong: more threads want to compute than there are cores, so each gets a part of one.
    How it shows: the process or the host uses nearly all of its cores, more subtasks are busy than
    cores are there, and records take longer in every vertex that runs there.
    How to fix: give TaskManagers more cores, or spread the tasks over more machines.
    What does not help: more parallelism on the same cores, more memory, a faster sink.
    """

    topic = "too few cores"
    prior = -0.5

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        full = limit.is_full(case, b)
        shown = limit.cores_shown(b)
        if isinstance(full, Unknown):
            yield undecided("room", "its process has no CPU left?", full.reason)
        elif full:
            yield supports("room", strong, "its process or host has no CPU left", shown)
        else:
            yield opposes("room", strong, "its process has CPU left", shown)
        cores, wanted = _cores(b), _wanted(case, b)
        if not isinstance(cores, Unknown) and wanted > cores:
            shown = f"{count(wanted)} busy threads, {plural(cores, 'core')}"
            yield supports(
                "demand", weak, "more of its threads are busy than cores are there", shown
            )
        rise = b.neighbours_cost_rise
        if isinstance(rise, Unknown):
            yield undecided("neighbours", "records take longer everywhere there?", rise.reason)
        elif rise >= limit.COST_RISE:
            text = "records take longer in the job's other vertices too"
            yield supports("neighbours", strong, text, f"{times(rise)} of before")
        else:
            text = "records take no longer in the job's other vertices"
            yield opposes("neighbours", weak, text, f"{times(rise)} of before")
        if not isinstance(b.threads, Unknown) and b.threads.kind is ThreadKind.RUNNING:
            yield supports("threads", weak, "its threads want to compute")
        else:
            yield from limiting.threads(b)
        yield from limiting.all_alike(b)

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        at = limit.place(b)
        return (
            f"The tasks have too little CPU: their processes use all of it, and {at} falls behind"
        )

    def culprit(self, case: Case) -> Culprit:
        b = limit.limit_of(case)
        at = limit.busiest(b)
        host = at.host if at else ""
        return limit.where(b, container=at.id if at else None, host=host or None)

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        cores, more = _cores(b), limit.growth(case)
        because = f"{count(_wanted(case, b))} busy threads share {limit.cores_shown(b)}."
        if isinstance(cores, Unknown) or isinstance(more, Unknown):
            yield Advice(
                title="Give the TaskManagers more cores, or add more of them", because=because
            )
        else:
            to = count(max(cores + 1, round(cores * more / limit.BUSY_GOAL)))
            yield Advice(
                title=f"Give the processes of this vertex {to} cores instead of {count(cores)}",
                now=count(cores),
                to=to,
                because=f"{because} {limit.demand(case, b)}.",
                expect="the lag falls",
            )
        yield from limiting.dump_threads(b)

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism on the same cores", "more memory"


def _cores(b: Bottleneck) -> Number:
    """Cores of the processes that hold the busy subtasks."""
    total: Number = 0.0
    for container in b.containers:
        total = total + container.cores
    return total if b.containers else Unknown("no data of its processes")


def _wanted(case: Case, b: Bottleneck) -> float:
    """Threads that were busy at a time in these processes, by the share of time each was."""
    held_in = {c.id for c in b.containers}
    return sum(s.busy for v in case.vertices for s in v.subtasks if s.container in held_in)
