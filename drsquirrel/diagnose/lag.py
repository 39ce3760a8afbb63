"""Lag: how far a source is behind, and whether that grows beyond what drains again."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from drsquirrel.diagnose.reading import Line, ScopeKey
from drsquirrel.model import metric
from drsquirrel.model.metric import Metric
from drsquirrel.model.unknown import Truth, Unknown

LEAST_MS = 25_000
GROWTH_SHARE = 0.05
"""A lag that grows by less than this share of what is read meanwhile does not count as rising."""
EMIT_GROWTH = 0.1
"""An event-time lag rises if it grows by more than this many ms per ms."""

BY_COUNT = (metric.PENDING_RECORDS, metric.RECORDS_LAG_MAX)


@dataclass(frozen=True, slots=True)
class LagSeen:
    """The lag of one source vertex over a window, summed over its subtasks."""

    vertex: str
    operator: str
    records: float | None
    behind_ms: float | None
    slope_per_s: float | None
    rising: Truth
    falling: Truth


def lags_of(of_scope: Mapping[ScopeKey, list[Line]]) -> tuple[LagSeen, ...]:
    """The lag of each source operator: pendingRecords, else the Kafka consumer's records-lag-max,
    else the slope of currentEmitEventTimeLag (DIAGNOSIS.md section 2)."""
    operators: dict[tuple[str, str], dict[ScopeKey, list[Line]]] = {}
    for key, found in of_scope.items():
        if key.operator:
            operators.setdefault((key.vertex, key.operator), {})[key] = found
    seen = []
    for (vertex, operator), scopes in sorted(operators.items()):
        for wanted in (*BY_COUNT, metric.EMIT_LAG_MS):
            points = _points(scopes, wanted)
            if points:
                read = _read_per_s(of_scope, vertex)
                seen.append(_judge(vertex, operator, wanted, points, read))
                break
    return tuple(seen)


def _points(scopes: Mapping[ScopeKey, list[Line]], wanted: Metric) -> list[tuple[int, float]]:
    """(time, value) of all subtasks together: the sum, for an event-time lag the worst.

    A subtask counts with its latest value; times before each was read once are left out.
    """
    readings = sorted(
        (r.time_ms, key.subtask, r.values[wanted.name])
        for key, found in scopes.items()
        for r in found[-1].readings
        if wanted.name in r.values
    )
    subtasks = {subtask for _, subtask, _ in readings}
    join = max if wanted is metric.EMIT_LAG_MS else sum
    current: dict[int, int] = {}
    points: dict[int, float] = {}
    for time_ms, subtask, value in readings:
        current[subtask] = value
        if len(current) == len(subtasks):
            points[time_ms] = float(join(current.values()))
    return list(points.items())


def _read_per_s(of_scope: Mapping[ScopeKey, list[Line]], vertex: str) -> float:
    """Records a second that left the source vertex over the window; 0 where not known."""
    total = 0.0
    for key, found in of_scope.items():
        if key.vertex == vertex and not key.operator:
            have = [r for r in found[-1].readings if metric.RECORDS_OUT.name in r.values]
            if len(have) > 1 and have[-1].time_ms > have[0].time_ms:
                rise = have[-1].values[metric.RECORDS_OUT.name]
                rise -= have[0].values[metric.RECORDS_OUT.name]
                total += max(0, rise) * 1000 / (have[-1].time_ms - have[0].time_ms)
    return total


def _judge(
    vertex: str, operator: str, wanted: Metric, points: list[tuple[int, float]], read_per_s: float
) -> LagSeen:
    """Rising: the newest points never fall and grow by a share of what is read that matters.

    A burst that drains falls again within the window, so it is not rising.
    """
    by_count = wanted is not metric.EMIT_LAG_MS
    newest = points[-1][1]
    records, behind = (newest, None) if by_count else (None, newest)
    first_ms, first = points[0]
    elapsed_ms = points[-1][0] - first_ms
    if len(points) < 3 or elapsed_ms < LEAST_MS:
        unknown = Unknown("the lag was seen for less than 30 s")
        return LagSeen(vertex, operator, records, behind, None, unknown, unknown)
    slope = (newest - first) * 1000 / elapsed_ms
    least = max(1.0, GROWTH_SHARE * read_per_s) if by_count else EMIT_GROWTH * 1000
    values = [v for _, v in points]
    slack = least * elapsed_ms / 1000 * 0.1
    rising = slope > least and all(b >= a - slack for a, b in pairwise(values))
    falling = slope < -least
    return LagSeen(vertex, operator, records, behind, slope, rising, falling)
