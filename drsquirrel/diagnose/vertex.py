"""Vertices: what their subtasks did in a minute, against each other and against the hour."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from drsquirrel.diagnose.lag import LagSeen
from drsquirrel.diagnose.rate import Work, cost_us, counter_rate
from drsquirrel.diagnose.reading import Line, ScopeKey
from drsquirrel.model import metric
from drsquirrel.model.case import SubtaskNow
from drsquirrel.model.facts import Vertex
from drsquirrel.model.unknown import Number, Unknown

SKEW_FLOOR_PER_S = 100.0
"""Below this many records a second a vertex's skew says nothing."""


@dataclass(frozen=True, slots=True)
class VertexMinute:
    """What one minute says of a vertex: values of model.series, None where not seen."""

    backpressured_share: float | None
    busy_share: float | None
    records_per_s: float | None
    record_skew: float | None
    hot_saturated: float | None
    lag_records: float | None
    lag_ms: float | None
    lag_rising: float | None
    cost_us: float | None
    """Median wall cost of its subtasks."""


def vertex_minute(
    vertex: Vertex, works: Mapping[int, Work], lags: Iterable[LagSeen]
) -> VertexMinute:
    """The values of a vertex from the works of its subtasks and the lags of its sources."""
    subtasks = subtasks_of(vertex, works)
    rates = record_rates(vertex, subtasks)
    costs = known_costs(subtasks)
    hot = max(
        ((r, s) for s in subtasks if not isinstance(r := s.records_in_per_s, Unknown)),
        key=lambda pair: pair[0],
        default=None,
    )
    own = [seen for seen in lags if seen.vertex == vertex.id]
    rising = [seen.rising for seen in own if not isinstance(seen.rising, Unknown)]
    return VertexMinute(
        backpressured_share=max((s.pressured for s in subtasks), default=None),
        busy_share=max((s.busy for s in subtasks), default=None),
        records_per_s=sum(rates) if rates else None,
        record_skew=skew(rates, vertex),
        hot_saturated=float(hot[1].is_saturated) if hot else None,
        lag_records=max((s.records for s in own if s.records is not None), default=None),
        lag_ms=max((s.behind_ms for s in own if s.behind_ms is not None), default=None),
        lag_rising=float(any(rising)) if rising else None,
        cost_us=median(costs) if costs else None,
    )


def subtasks_of(vertex: Vertex, works: Mapping[int, Work]) -> tuple[SubtaskNow, ...]:
    """The measured subtasks of a vertex, by index."""
    return tuple(subtask_of(index, work, vertex) for index, work in sorted(works.items()))


def subtask_of(index: int, work: Work, vertex: Vertex) -> SubtaskNow:
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


def record_rates(vertex: Vertex, subtasks: Iterable[SubtaskNow]) -> list[float]:
    """Records a second of each measured subtask: in, of a source out."""
    rates = (s.records_in_per_s if vertex.inputs else s.records_out_per_s for s in subtasks)
    return [rate for rate in rates if not isinstance(rate, Unknown)]


def skew(rates: Sequence[float], vertex: Vertex) -> float | None:
    """Most over mean, over what max parallelism alone gives on a hash edge; None below the floor.

    Key groups are dealt out whole: with 128 groups on 100 subtasks some hold two, others one.
    """
    if len(rates) < 2 or sum(rates) < SKEW_FLOOR_PER_S:
        return None
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


def send_errors(of_scope: Mapping[ScopeKey, list[Line]], vertex: str) -> Number:
    """numRecordsSendErrors of the vertex's operators, a second."""
    rates = [
        rate
        for key, found in of_scope.items()
        if key.vertex == vertex
        and key.operator
        and not isinstance(rate := counter_rate(found, metric.SEND_ERRORS.name), Unknown)
    ]
    return sum(rates) if rates else Unknown("no operator reports send errors")
