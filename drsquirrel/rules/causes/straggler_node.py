"""One machine, or one process, that is slower than the others."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from drsquirrel.model.case import Bottleneck, Case, VertexNow
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Truth, Unknown, either
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
class StragglerNode(Limiting):
    """One machine is slower than the others, and its subtasks hold up the job.

    What is wrong: a machine or process gives its tasks less: a busy neighbour, a throttled CPU, a
    failing disk, a slow network. What is shared evenly then waits for the slowest.
    How it shows: the saturated subtasks all run in one place, with about as many records as the
    others, yet a record costs twice as much there or more.
    How to fix: move the job off that machine and look at what it is short of.
    What does not help: more parallelism, since each part still gets its share of the records.
    """

    topic = "a slow machine"
    prior = -0.5

    slower: float = threshold(
        1.5, unit="× elsewhere", help="Cost in other vertices: slow from here."
    )

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        if b.at.vertex.parallelism == 1:
            yield impossible("the limiting vertex has one subtask only")
            return
        if isinstance(b.slow_host, Unknown):
            yield undecided("host", "only subtasks in one place are slow?", b.slow_host.reason)
        elif b.slow_host:
            yield from self._place(case, b, b.slow_host)
        else:
            yield impossible("no place holds all the slow subtasks and only those")
            return
        yield from limiting.some_only(b)
        yield from limiting.equal_records(b, weak)

    def _place(self, case: Case, b: Bottleneck, host: str) -> Iterator[Evidence]:
        several = limit.slow_there(case, b) > 1
        skew = b.at.cost_skew
        shown = "" if isinstance(skew, Unknown) else f"{times(skew)} the cost of a record"
        text = f"only subtasks in one place are slow, and all there: {quoted(host)}"
        yield supports("host", decisive if several else weak, text, shown)
        slower: Truth = False
        for v in case.vertices:
            if v is not b.at:
                slower = either(slower, self._is_slower(case, v, host))
        if isinstance(slower, Unknown):
            yield undecided("neighbours", "other vertices are slow there too?", slower.reason)
        elif slower:
            yield supports("neighbours", strong, "other vertices are slow there too")
        else:
            yield opposes("neighbours", weak, "other vertices are not slow there")

    def _is_slower(self, case: Case, v: VertexNow, host: str) -> Truth:
        """Whether a record costs more in the subtasks of a vertex there than in those elsewhere."""
        costs: dict[bool, list[float]] = {True: [], False: []}
        for s in v.subtasks:
            if not isinstance(s.wall_cost_us, Unknown):
                costs[limit.is_there(case, s, host)].append(s.wall_cost_us)
        if not costs[True] or not costs[False]:
            return Unknown("no vertex has subtasks with records both there and elsewhere")
        return median(costs[True]) >= self.slower * median(costs[False])

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        return f"{_named(case, b)} is slower than the others; {limit.place(b)} waits for its part"

    def culprit(self, case: Case) -> Culprit:
        b = limit.limit_of(case)
        slow = limit.busiest(b)
        return limit.where(b, container=slow.id if slow else None, host=_host(b) or None)

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        if _host(b) in case.containers:
            title = f"Stop {_named(case, b, 'the')}, so that its tasks start elsewhere"
        else:
            title = f"Stop the TaskManagers of {_named(case, b, 'the')}, so that their tasks "
            title += "start elsewhere"
        yield Advice(
            title=title,
            because="Only subtasks there are slow, with no more records than the others.",
        )
        yield Advice(
            title=f"Look at CPU throttling, other work and disks of {_named(case, b, 'the')}",
            kind="measure",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("more parallelism",)


def _host(b: Bottleneck) -> str:
    return b.slow_host if isinstance(b.slow_host, str) else ""


def _named(case: Case, b: Bottleneck, article: str = "The") -> str:
    """The slow place: a host, or a process where hosts are not known or not the point."""
    kind = "TaskManager" if _host(b) in case.containers else "machine"
    return f"{article} {kind} {quoted(_host(b))}"
