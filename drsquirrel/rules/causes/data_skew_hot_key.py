"""A few keys or one partition that carry most of the records."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Bottleneck, Case
from drsquirrel.model.unknown import Unknown
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
from drsquirrel.rules.operator import operators
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import count, percent, times

SQL_AGGREGATE = re.compile(r"^(\[\d+\]: ?)?GroupAggregate|WindowAggregate")


@dataclass(frozen=True)
class DataSkewHotKey(Limiting):
    """A few keys, or one partition of a source, carry most of the records.

    What is wrong: all records of a key go to one subtask. Where one key has most of them, that
    subtask works without a pause while its peers idle.
    How it shows: one or few subtasks of a vertex are saturated and get many more records than the
    others, while a record costs the same in all of them.
    How to fix: spread the hot key: add a salt to it and aggregate in two steps, or aggregate before
    the shuffle. Filter a key that is none, such as an empty or null one.
    What does not help: more parallelism, since a key stays in one subtask; more CPU or memory.
    """

    topic = "a hot key"
    explains = (*Limiting.explains, "record-skew-high")

    equal_cost: float = threshold(1.5, unit="× others", help="Cost of a record: equal below.")
    much_cost: float = threshold(2.0, unit="× others", help="Cost of a record: unequal from here.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        if b.at.vertex.parallelism == 1:
            yield impossible("the limiting vertex has one subtask only")
            return
        yield from limiting.some_only(b)
        yield from self._records(b)
        skew = b.at.cost_skew
        if not isinstance(skew, Unknown) and skew < self.equal_cost:
            yield supports("cost", weak, "a record costs the same in all subtasks", times(skew))
        elif not isinstance(skew, Unknown) and skew >= self.much_cost:
            yield opposes("cost", weak, "a record costs more in some subtasks", times(skew))

    def _records(self, b: Bottleneck) -> Iterator[Evidence]:
        hot, skew = limit.is_hot(b), b.at.records_skew
        if hot is True:
            text = "the busy subtasks get more records"
            yield supports("records", strong, text, limit.hot_shown(b))
        elif hot is False:
            yield impossible("records are spread evenly", limit.hot_shown(b))
        elif not isinstance(skew, Unknown) and skew < limit.HOT_FACTOR:
            yield impossible("records are spread evenly", f"{times(skew)} mean")
        else:
            yield undecided("records", "the busy subtasks get more records?", limit.hot_shown(b))

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        what = "One partition carries" if b.at.reads_from_outside else "A few keys carry"
        return f"{what} most records: {limit.busy_subtasks(b)} cannot keep up with them"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        why = f"The busy subtasks get {limit.hot_shown(b)}." if limit.is_hot(b) is True else ""
        if b.at.reads_from_outside:
            yield Advice(title="Spread the records over the partitions of the source", because=why)
            yield Advice(title="Or rebalance behind the source, before the costly part")
            return
        rates = [r for s in b.at.subtasks if not isinstance(r := s.records_in_per_s, Unknown)]
        if sum(rates):
            share = max(rates) / sum(rates)
            parts = count(max(2, math.ceil(share * len(rates) / limit.BUSY_GOAL)))
            yield Advice(
                title=f"Split the hot key into {parts} parts or more with a salt, aggregate twice",
                because=f"One subtask of {len(rates)} gets {percent(share)} of the records.",
                expect="all subtasks busy alike",
            )
        if any(map(SQL_AGGREGATE.search, operators(b.at.vertex))):
            yield Advice(
                title="Aggregate in two phases, with mini-batches on",
                key="table.optimizer.agg-phase-strategy",
                to="TWO_PHASE",
                because="Each subtask then sends one row per key and batch, not one per record.",
            )
        yield Advice(title="Find out which key: count by key before the shuffle", kind="measure")

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism", "more CPU", "more memory"
