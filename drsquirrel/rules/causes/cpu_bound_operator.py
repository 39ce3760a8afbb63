"""An operator that computes longer on a record than the records leave time for."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ThreadKind
from drsquirrel.model.report import quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import limit, limiting
from drsquirrel.rules.cause import Advice, Evidence, opposes, strong, supports, weak
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.operator import method_of


@dataclass(frozen=True)
class CpuBoundOperator(Limiting):
    """An operator needs more CPU for a record than its threads have.

    What is wrong: the code of an operator computes for so long on each record that its subtasks,
    one thread each, cannot take the records as they come.
    How it shows: all subtasks of the vertex are busy, and their processes use about one core for
    each of them. Threads are runnable in the operator's own code.
    How to fix: make the code cheaper (serialization, parsing and regular expressions are the usual
    ones), or raise the parallelism if cores and slots are free.
    What does not help: more memory, asynchronous calls, more parallelism elsewhere.
    """

    topic = "an operator that needs more CPU"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        yield from limiting.all_alike(b)
        yield from limiting.cost(b)
        yield from limiting.cpu(case, b, computes=True)
        yield from limiting.threads(b, ThreadKind.RUNNING)
        full = limit.is_full(case, b)
        if full is True:
            yield opposes("room", strong, "its process or host has no CPU left for its threads")
        elif full is False and limit.has_computed(case, b):
            yield supports("room", weak, "its process has CPU left that its threads cannot use")
        if limit.is_narrow(case, b) and limit.has_room(case, b) is True:
            text = "other vertices have more subtasks, and slots are free"
            yield opposes("width", strong, text, f"{b.at.vertex.parallelism} here")

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        return f"{limit.place_first(b)} needs more CPU for its records than its threads have"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        why = limiting.takes(case, b)
        if limit.threads_tell(b) and not isinstance(b.threads, Unknown):
            frame = quoted(method_of(b.threads.frame))
            yield Advice(title=f"Make {frame} cheaper: its threads are there", because=why)
        else:
            yield Advice(title=f"Make the code of {limit.place(b)} cheaper", because=why)
        room = limit.has_room(case, b)
        if room is False:
            yield Advice(title="Add a TaskManager first: no slot or no CPU is free")
        yield limiting.more_subtasks(case, b, why)
        yield from limiting.dump_threads(b)

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more memory", "asynchronous calls", "more parallelism elsewhere"
