"""Subtasks whose records cost more than their peers' records, wherever they run."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import limit, limiting
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
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import times


@dataclass(frozen=True)
class DataSkew(Limiting):
    """Some subtasks get records that take longer to process than those of their peers.

    What is wrong: the records are as many in each subtask but not alike: some keys bring longer
    lists, larger state or more matches, and those keys sit in few subtasks.
    How it shows: one or few subtasks are saturated though they get no more records than the others.
    A record costs twice as much there or more, and subtasks in the same process are quick.
    How to fix: find the heavy keys. Bound what one key may hold, or split the work of a record.
    What does not help: more parallelism, since a key stays in one subtask; other machines.
    """

    topic = "records that cost more in some subtasks"

    much_cost: float = threshold(2.0, unit="× others", help="Cost of a record: heavy from here.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        if b.at.vertex.parallelism == 1:
            yield impossible("the limiting vertex has one subtask only")
            return
        yield from limiting.some_only(b)
        yield from limiting.equal_records(b, weak)
        skew = b.at.cost_skew
        if isinstance(skew, Unknown):
            yield undecided("cost", "a record costs more in some subtasks?", skew.reason)
        elif skew >= self.much_cost:
            yield supports("cost", strong, "a record costs more in some subtasks", times(skew))
        else:
            yield opposes("cost", strong, "a record costs about the same everywhere", times(skew))
        if isinstance(b.slow_host, Unknown):
            yield undecided("host", "quick subtasks run beside the slow ones?", b.slow_host.reason)
        elif b.slow_host:
            strength = decisive if limit.slow_there(case, b) > 1 else strong
            yield opposes("host", strength, "only subtasks in one place are slow", b.slow_host)
        else:
            yield supports("host", weak, "quick subtasks run beside the slow ones")

    def title(self, case: Case) -> str:
        busy = limit.busy_subtasks(limit.limit_of(case))
        return f"Some keys have records that take much longer: {busy} cannot keep up with them"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        skew = b.at.cost_skew
        costs = "" if isinstance(skew, Unknown) else f"A record costs {times(skew)} as much there."
        yield Advice(title="Bound what one key may hold, or split the work of its records")
        yield Advice(
            title=f"Log the keys of the records that take longest in {quoted(b.at.vertex.name)}",
            kind="measure",
            because=costs,
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism", "other machines"
