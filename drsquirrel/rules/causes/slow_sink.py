"""A sink that waits for the system behind it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import limit, limiting
from drsquirrel.rules.cause import Advice, Evidence, impossible, strong, supports, undecided, weak
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.wording import count, per_second, percent


@dataclass(frozen=True)
class SlowSink(Limiting):
    """The system behind a sink answers more slowly than the records come.

    What is wrong: each write waits for an answer from outside (a database, an index, a queue), and
    the answers take longer than the records leave time for.
    How it shows: all subtasks of the sink are busy, yet their processes use little CPU; everything
    upstream is backpressured. A sink chained to its source shows no backpressure at all, only lag.
    How to fix: write more records with each call, write with more subtasks if the system behind can
    take it, or make that system faster.
    What does not help: more memory, more parallelism upstream, a longer checkpoint time-out.
    """

    topic = "a slow sink"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        if not limit.writes(b):
            yield impossible("nothing in the limiting vertex writes to another system")
            return
        alone = limit.only_sink(b)
        yield from limiting.all_alike(b)
        yield from limiting.cost(b)
        yield from limiting.cpu(case, b, computes=False)
        yield from limiting.threads(b, *limiting.WAITS, here=alone or limit.in_sink(b))
        if alone:
            yield supports("operator", weak, "nothing but the sink runs in this vertex")
        elif not limit.threads_tell(b):
            yield undecided("operator", "which of its chained operators: a thread dump would tell")
        errors = b.at.send_errors_per_s
        if not isinstance(errors, Unknown) and errors > 0:
            text = "the sink reports records it could not send"
            yield supports("errors", strong, text, per_second(errors))

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        if limit.operator_at(b) is None:
            return f"{limit.place_first(b)} waits for another system, probably its sink"
        if limit.sleeping(b):
            did = f"sleeps in {quoted(limit.sleeping(b))} at each record"
        else:
            did = "answers too slowly"
        return f"The sink {limit.place(b)} {did}; {limit.waiting(b)}"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        yield from limiting.why_it_sleeps(b)
        more, why = limit.growth(case), limiting.takes(case, b)
        if isinstance(more, Unknown):
            yield Advice(title="Write more records with each call", because=why)
        else:
            batch = count(math.ceil(more / limit.BUSY_GOAL - 1e-9))
            yield Advice(
                title=f"Write at least {batch} times as many records with each call as now",
                because=f"{why} It helps where a call takes as long for many records as for one.",
                expect=f"busy below {percent(limit.BUSY_GOAL)}",
            )
        yield limiting.more_subtasks(case, b, "It helps if the system behind can take more.")
        yield from limiting.dump_threads(b)
        yield Advice(
            title="Ask the owner of the system behind it why its calls take so long",
            kind="measure",
            because=why,
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism upstream", "more memory", "a longer checkpoint time-out"
