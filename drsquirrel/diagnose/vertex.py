"""Vertices: what their subtasks did in a minute, against each other and against the hour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from drsquirrel.diagnose.lag import LagSeen
from drsquirrel.diagnose.rate import Work, cost_us, counter_rate
from drsquirrel.diagnose.reading import Lines
from drsquirrel.model import metric
from drsquirrel.model.case import SubtaskNow
from drsquirrel.model.facts import Vertex
from drsquirrel.model.unknown import Number, Unknown

SKEW_FLOOR_PER_S = 100.0
"""Below this many records a second a vertex's skew says nothing."""
NEARLY_ALL = 0.9
"""Of the subtasks the plan says there are: what is said of all of them needs so many measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VertexMinute:
    """What one minute says of a vertex: values of model.series, None where not seen."""

    bottleneck: float | None = None
    backpressured_share: float | None = None
    busy_share: float | None = None
    records_per_s: float | None = None
    record_skew: float | None = None
    hot_saturated: float | None = None
    lag_records: float | None = None
    lag_ms: float | None = None
    lag_rising: float | None = None
    cost_us: float | None = None
    """Median wall cost of its subtasks."""


UNSEEN = VertexMinute()


def vertex_minute(
    vertex: Vertex,
    subtasks: tuple[SubtaskNow, ...],
    lags: Iterable[LagSeen],
    limits: bool | None,
) -> VertexMinute:
    """The values of a vertex from its measured subtasks and the lags of its sources."""
    rates = [(r, s) for s in subtasks if not isinstance(r := handled_per_s(vertex, s), Unknown)]
    costs = known_costs(subtasks)
    hot = max(rates, key=lambda pair: pair[0], default=None)
    own = [seen for seen in lags if seen.vertex == vertex.id]
    rising = [seen.rising for seen in own if not isinstance(seen.rising, Unknown)]
    even = skew(vertex, subtasks)
    return VertexMinute(
        bottleneck=None if limits is None else float(limits),
        backpressured_share=max((s.pressured for s in subtasks), default=None),
        busy_share=max((s.busy for s in subtasks), default=None),
        records_per_s=total_per_s(vertex, subtasks),
        record_skew=None if isinstance(even, Unknown) else even,
        hot_saturated=float(hot[1].is_saturated) if hot else None,
        lag_records=max((s.records for s in own if s.records is not None), default=None),
        lag_ms=max((s.behind_ms for s in own if s.behind_ms is not None), default=None),
        lag_rising=float(any(rising)) if rising else None,
        cost_us=median(costs) if costs else None,
    )


def subtasks_of(
    vertex: Vertex, works: Mapping[int, Work], read_per_s: Mapping[int, Number], *, is_last: bool
) -> tuple[SubtaskNow, ...]:
    """The measured subtasks of a vertex, by index; `read_per_s` is what a source's operators read.

    Of a source that is what passes through it: what its task takes in means nothing, and what it
    puts out is nothing at all where the sink is chained to it (`is_last`).
    """
    untold = Unknown("its source does not tell what it reads")
    found = []
    for index, work in sorted(works.items()):
        out = work.records_out_per_s
        if not vertex.inputs:
            out = read_per_s.get(index, untold if is_last else out)
        found.append(
            SubtaskNow(
                index=index,
                attempt=work.attempt,
                container=work.container,
                busy=work.busy,
                pressured=work.pressured,
                idle=work.idle,
                records_in_per_s=work.records_in_per_s,
                records_out_per_s=out,
                wall_cost_us=cost_us(work.busy, work.records_in_per_s if vertex.inputs else out),
            )
        )
    return tuple(found)


def read_by_source(of_scope: Lines, vertex: str, since_ms: int) -> dict[int, Number]:
    """Records a second the source operators of a vertex read, per subtask that tells it."""
    found: dict[int, Number] = {}
    for key, of_key in of_scope.items():
        if key.vertex == vertex and key.operator and key.subtask >= 0:
            rate = counter_rate(of_key, metric.SOURCE_RECORDS_IN.name, since_ms)
            if not isinstance(rate, Unknown):
                found[key.subtask] = found.get(key.subtask, 0.0) + rate
    return found


def handled_per_s(vertex: Vertex, subtask: SubtaskNow) -> Number:
    """Records a second that pass: in, of a source out."""
    return subtask.records_in_per_s if vertex.inputs else subtask.records_out_per_s


def _rates(vertex: Vertex, subtasks: Iterable[SubtaskNow]) -> list[float]:
    """Of the subtasks that tell it; none where too few do to say something of all."""
    rates = [r for s in subtasks if not isinstance(r := handled_per_s(vertex, s), Unknown)]
    return rates if len(rates) >= NEARLY_ALL * vertex.parallelism else []


def total_per_s(vertex: Vertex, subtasks: Iterable[SubtaskNow]) -> float | None:
    """Records a second that pass through the vertex; None where too few subtasks tell."""
    rates = _rates(vertex, subtasks)
    return sum(rates) if rates else None


def skew(vertex: Vertex, subtasks: Sequence[SubtaskNow]) -> Number:
    """Most over mean, over what max parallelism alone gives on a hash edge.

    Key groups are dealt out whole: with 128 groups on 100 subtasks some hold two, others one.
    """
    rates = _rates(vertex, subtasks)
    if len(rates) < 2:
        return Unknown("fewer than two subtasks tell their records")
    if sum(rates) < SKEW_FLOOR_PER_S:
        return Unknown("too few records to tell")
    uneven = 1.0
    if vertex.max_parallelism > 0 and any(e.ship == "HASH" for e in vertex.inputs):
        groups = vertex.max_parallelism
        uneven = -(-groups // vertex.parallelism) * vertex.parallelism / groups
    return max(rates) * len(rates) / sum(rates) / uneven


def known_costs(subtasks: Iterable[SubtaskNow]) -> list[float]:
    """The wall costs (µs) that could be measured, lowest first."""
    return sorted(c for s in subtasks if not isinstance(c := s.wall_cost_us, Unknown))


def cost_skew(subtasks: Iterable[SubtaskNow]) -> Number:
    """The highest wall cost of a subtask over the median of the others."""
    costs = known_costs(subtasks)
    if len(costs) < 2 or median(costs[:-1]) <= 0:
        return Unknown("fewer than two subtasks with records")
    return costs[-1] / median(costs[:-1])


def send_errors(of_scope: Lines, vertex: str, since_ms: int) -> Number:
    """numRecordsSendErrors of the vertex's operators, a second."""
    rates = [
        rate
        for key, found in of_scope.items()
        if key.vertex == vertex
        and key.operator
        and not isinstance(rate := counter_rate(found, metric.SEND_ERRORS.name, since_ms), Unknown)
    ]
    return sum(rates) if rates else Unknown("no operator reports send errors")
