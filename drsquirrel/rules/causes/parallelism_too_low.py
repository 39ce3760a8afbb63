"""A vertex with fewer subtasks than the rest of the job, while the cluster has room."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ThreadKind
from drsquirrel.model.unknown import Unknown
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
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import count, times


@dataclass(frozen=True)
class ParallelismTooLow(Limiting):
    """A vertex has too few subtasks for the records, and the cluster has room for more.

    What is wrong: the work of each record is as it always was, but there are more records than the
    few subtasks of this vertex can take, while slots and cores are free.
    How it shows: all its subtasks are busy and compute; a record costs what it did before; other
    vertices of the job have more subtasks.
    How to fix: raise the parallelism of this vertex.
    What does not help: more memory, more parallelism of the other vertices.
    """

    topic = "too few subtasks"
    prior = -0.5

    flat_cost: float = threshold(1.2, unit="× before", help="Cost of a record: as ever below.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        here = f"{b.at.vertex.parallelism} here, {limit.widest(case)} elsewhere"
        if limit.is_narrow(case, b):
            yield supports("width", strong, "other vertices have more subtasks", here)
        else:
            yield opposes("width", strong, "no other vertex has more subtasks", here)
        room = limit.has_room(case, b)
        if isinstance(room, Unknown):
            yield undecided("room", "slots and CPU are free?", room.reason)
        elif room:
            yield supports("room", weak, "slots and CPU are free")
        else:
            yield opposes("room", strong, "no slot or no CPU is free")
        rise = b.at.cost_rise
        if not isinstance(rise, Unknown) and rise < self.flat_cost:
            yield supports("cost", weak, "a record takes no longer than before", times(rise))
        elif not isinstance(rise, Unknown) and rise >= limit.COST_RISE:
            yield opposes("cost", strong, "each record takes longer than before", times(rise))
        yield from limiting.all_alike(b)
        yield from limiting.cpu(case, b, computes=True)
        if not isinstance(b.threads, Unknown) and b.threads.kind is ThreadKind.RUNNING:
            yield supports("threads", weak, "its threads compute")
        else:
            yield from limiting.threads(b)

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        n = b.at.vertex.parallelism
        many = "subtask is" if n == 1 else "subtasks are"
        return (
            f"{limit.place_first(b)} has too little parallelism: its {n} {many} busy all the time"
        )

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        why = limiting.takes(case, b)
        advice = limiting.more_subtasks(case, b, why)
        if advice.to is None:
            now, to = b.at.vertex.parallelism, limit.widest(case)
            yield Advice(
                title=f"{advice.title} from {now} to {to}, as the other vertices have",
                now=str(now),
                to=count(to),
                because=why,
            )
        else:
            yield advice

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more memory", "more parallelism of the other vertices"
