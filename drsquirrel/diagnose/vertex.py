"""Vertices now: what their subtasks did in the last minute, against the hour and each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from drsquirrel.diagnose.bottleneck import outputs_of
from drsquirrel.diagnose.hour import MeasuredHour, records_per_s, skew
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import RunMinute, run_minute
from drsquirrel.diagnose.rate import Work, cost_us, counter_rate
from drsquirrel.diagnose.reading import Line, ScopeKey, lines, recent
from drsquirrel.model import metric
from drsquirrel.model.case import SubtaskNow, VertexNow
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.unknown import Number, Unknown


@dataclass(frozen=True)
class Now:
    """The newest rollups of the run, measured over about the last minute."""

    minute: RunMinute
    of_scope: Mapping[ScopeKey, list[Line]]

    @property
    def counted_ms(self) -> int | None:
        """When the newest counters of a subtask were read."""
        return max(
            (
                found[-1].readings[-1].time_ms
                for key, found in self.of_scope.items()
                if key.vertex and not key.operator
            ),
            default=None,
        )


def now_of(inquiry: Inquiry, now_ms: int) -> Now | None:
    """What the newest minutes say; None where nothing came in."""
    newest = recent(inquiry.rollups, now_ms)
    return Now(run_minute(newest, inquiry.facts), lines(newest)) if newest else None


def subtasks_now(now: Now, vertex: Vertex) -> tuple[SubtaskNow, ...]:
    """The measured subtasks of a vertex, by index."""
    found = []
    for (vertex_id, index), work in sorted(now.minute.works.items()):
        if vertex_id == vertex.id:
            found.append(subtask_now(index, work, vertex))
    return tuple(found)


def subtask_now(index: int, work: Work, vertex: Vertex) -> SubtaskNow:
    """Wall cost is busy time per record in, of a source per record out."""
    handled = work.records_in_per_s if vertex.inputs else work.records_out_per_s
    return SubtaskNow(
        index=index,
        attempt=work.attempt,
        container=work.container,
        busy=work.busy,
        pressured=work.pressured,
        idle=work.idle,
        records_in_per_s=work.records_in_per_s,
        records_out_per_s=work.records_out_per_s,
        wall_cost_us=cost_us(work.busy, handled),
    )


def vertex_now(now: Now, vertex: Vertex, facts: JobFacts, hour: MeasuredHour) -> VertexNow:
    subtasks = subtasks_now(now, vertex)
    even = skew(records_per_s(now.minute, vertex), vertex)
    return VertexNow(
        vertex=vertex,
        subtasks=subtasks,
        reads_from_outside=not vertex.inputs,
        writes_outside=not outputs_of(facts)[vertex.id],
        cost_rise=cost_rise(hour, vertex),
        records_skew=Unknown("too few records to tell") if even is None else even,
        cost_skew=cost_skew(subtasks),
        send_errors_per_s=send_errors(now.of_scope, vertex.id),
    )


def cost_skew(subtasks: tuple[SubtaskNow, ...]) -> Number:
    """The highest wall cost of a subtask over the median of the others."""
    costs = sorted(c for s in subtasks if not isinstance(c := s.wall_cost_us, Unknown))
    if len(costs) < 2 or median(costs[:-1]) <= 0:
        return Unknown("fewer than two subtasks with records")
    return costs[-1] / median(costs[:-1])


def send_errors(of_scope: Mapping[ScopeKey, list[Line]], vertex: str) -> Number:
    """numRecordsSendErrors of the vertex's operators, a second."""
    rates = [
        counter_rate(found, metric.SEND_ERRORS.name)
        for key, found in of_scope.items()
        if key.vertex == vertex and key.operator
    ]
    known_rates = [r for r in rates if not isinstance(r, Unknown)]
    return sum(known_rates) if known_rates else Unknown("no operator reports send errors")


def vertex_cost(minute: RunMinute, vertex: Vertex) -> float | None:
    """Median wall cost (µs) of the subtasks of a vertex in one minute."""
    costs = []
    for (vertex_id, index), work in minute.works.items():
        if vertex_id == vertex.id:
            cost = subtask_now(index, work, vertex).wall_cost_us
            if not isinstance(cost, Unknown):
                costs.append(cost)
    return median(costs) if costs else None


def cost_rise(hour: MeasuredHour, vertex: Vertex) -> Number:
    """Wall cost of the newest measured minute over the median of the minutes in which no vertex
    limited the run; unknown with fewer than three of those."""
    newest: float | None = None
    calm = []
    for minute in hour.run:
        cost = vertex_cost(minute, vertex) if minute else None
        if minute is None or cost is None:
            continue
        newest = cost
        if not isinstance(minute.walk, Unknown) and not minute.walk.sites:
            calm.append(cost)
    if newest is None or len(calm) < 3 or median(calm) <= 0:
        return Unknown("no minutes without a bottleneck to compare with")
    return newest / median(calm)
