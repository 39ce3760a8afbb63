"""An operator that asks another system for each record and waits for the answer."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.rules import limit, limiting
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    impossible,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.operator import is_async, is_lookup, operators


@dataclass(frozen=True)
class SlowExternalLookup(Limiting):
    """An operator waits for another system's answer to each record.

    What is wrong: the code asks a database or a service for each record and its thread waits for
    the answer, so one subtask takes no more records than answers fit into a second.
    How it shows: all subtasks of the vertex are busy, yet their processes use little CPU. By REST
    alone this looks like a wait for a lock; a thread dump tells them apart.
    How to fix: ask asynchronously (async I/O), ask for many records at once, or keep answers in a
    cache.
    What does not help: more CPU or memory, or more parallelism upstream.
    """

    topic = "a slow lookup in another system"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        if limit.only_sink(b):
            yield impossible("nothing but a sink runs in the limiting vertex")
            return
        yield from limiting.all_alike(b)
        yield from limiting.cost(b)
        yield from limiting.cpu(case, b, computes=False)
        yield from limiting.threads(b, *limiting.WAITS, here=not limit.in_sink(b))
        named = [n for n in operators(b.at.vertex) if is_lookup(n)]
        if named:
            yield supports("operator", strong, f"{quoted(named[0])} is a look-up by its name")
        elif not limit.threads_tell(b):
            yield undecided("operator", "whether it asks another system: a thread dump would tell")
            if limit.writes(b):
                yield opposes("operator", weak, "a sink is in its chain, which waits more often")

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        if limit.sleeping(b):
            did = f"sleeps in {quoted(limit.sleeping(b))} at each record"
        else:
            did = "waits for another system at each record"
        return f"{limit.place_first(b)} {did}; {limit.waiting(b)}"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        why = limiting.takes(case, b)
        yield from limiting.why_it_sleeps(b)
        if not limit.sleeping(b) and not any(map(is_async, operators(b.at.vertex))):
            yield Advice(
                title="Ask asynchronously: AsyncDataStream, in SQL the hint LOOKUP('async'='true')",
                because=f"{why} Many questions under way share the same waiting time.".strip(),
            )
        yield Advice(
            title="Keep answers that are asked for again in a cache, or ask for many at once",
            because=why,
        )
        yield limiting.more_subtasks(case, b, "It helps if the system asked can answer more.")
        yield from limiting.dump_threads(b)

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more CPU", "more memory", "more parallelism upstream"
