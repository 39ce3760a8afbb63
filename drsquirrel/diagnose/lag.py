"""Lag: how far a source is behind, and whether that grows beyond what drains again."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from drsquirrel.diagnose.reading import Line, Lines, ScopeKey
from drsquirrel.model import metric
from drsquirrel.model.metric import Metric
from drsquirrel.model.unknown import Truth, Unknown, either

LEAST_MS = 25_000
WINDOW_MS = 90_000
"""What holds now shows in so much time; a minute keeps its first and last reading only. Of a
cluster with so much to ask about that this holds no two points, older ones are taken too: three."""
GROWTH_SHARE = 0.05
"""A lag that grows by less than this share of what is read meanwhile does not count as rising."""
EMIT_GROWTH = 0.1
"""An event-time lag rises if it grows by more than this many ms per ms."""
SLACK = 0.1
"""Of the least growth of the window: a point may fall so far below the one before."""

BY_COUNT = (metric.PENDING_RECORDS, metric.RECORDS_LAG_MAX)


@dataclass(frozen=True, slots=True)
class LagSeen:
    """The lag of one source vertex over a window, over its subtasks together.

    `records` and `slope_per_s` count records, or (`behind_ms`) event time in ms.
    """

    vertex: str
    operator: str
    records: float | None
    behind_ms: float | None
    slope_per_s: float | None
    rising: Truth
    falling: Truth


def lags_of(of_scope: Lines, since_ms: int = 0) -> tuple[LagSeen, ...]:
    """The lag of each source operator: pendingRecords, else the Kafka consumer's records-lag-max,
    else the slope of currentEmitEventTimeLag (DIAGNOSIS.md section 2).

    One that was not seen since `since_ms` is left out.
    """
    operators: dict[tuple[str, str], dict[ScopeKey, list[Line]]] = {}
    for key, found in of_scope.items():
        if key.operator:
            operators.setdefault((key.vertex, key.operator), {})[key] = found
    seen = []
    for (vertex, operator), scopes in sorted(operators.items()):
        for wanted in (*BY_COUNT, metric.EMIT_LAG_MS):
            points = _points(scopes, wanted)
            if points and points[-1][0] >= since_ms:
                read = _read_per_s(of_scope, vertex)
                seen.append(_judge(vertex, operator, wanted, points, read))
                break
    return tuple(seen)


def rising_of(lags: Iterable[LagSeen]) -> dict[str, Truth]:
    """Per source vertex that reports one whether its lag rises, of several operators any."""
    found: dict[str, Truth] = {}
    for seen in lags:
        found[seen.vertex] = either(found.get(seen.vertex, False), seen.rising)
    return found


def _points(scopes: Mapping[ScopeKey, list[Line]], wanted: Metric) -> list[tuple[int, float]]:
    """(time, value) of all subtasks together: the sum, for an event-time lag the worst.

    A subtask counts with its latest value; times before each was read once are left out. What was
    told of the whole operator (subtask -1) is not mixed with what its subtasks told.
    """
    readings = sorted(
        (r.time_ms, key.subtask, r.values[wanted.name])
        for key, found in scopes.items()
        for r in found[-1].readings
        if wanted.name in r.values
    )
    if not readings:
        return []
    newest_ms, subtask, _ = readings[-1]
    readings = [told for told in readings if (told[1] < 0) == (subtask < 0)]
    newer = [told for told in readings if told[0] >= newest_ms - WINDOW_MS]
    if newest_ms - newer[0][0] >= LEAST_MS or len({told[0] for told in readings}) < 3:
        readings = newer
    subtasks = {subtask for _, subtask, _ in readings}
    join = max if wanted is metric.EMIT_LAG_MS else sum
    current: dict[int, int] = {}
    points: dict[int, float] = {}
    for time_ms, subtask, value in readings:
        current[subtask] = value
        if len(current) == len(subtasks):
            points[time_ms] = float(join(current.values()))
    return list(points.items())


def _read_per_s(of_scope: Lines, vertex: str) -> float:
    """Records a second that left the source vertex over the window; 0 where not known."""
    total = 0.0
    for key, found in of_scope.items():
        if key.vertex == vertex and not key.operator:
            have = [r for r in found[-1].readings if metric.RECORDS_OUT.name in r.values]
            if len(have) > 1:
                rise = have[-1].values[metric.RECORDS_OUT.name]
                rise -= have[0].values[metric.RECORDS_OUT.name]
                total += max(0, rise) * 1000 / (have[-1].time_ms - have[0].time_ms)
    return total


def _judge(
    vertex: str, operator: str, wanted: Metric, points: list[tuple[int, float]], read_per_s: float
) -> LagSeen:
    """Rising: no point falls below the one before, and they grow by a share of what is read that
    matters. A burst that drains falls again within the window, so it is not rising."""
    by_count = wanted is not metric.EMIT_LAG_MS
    newest = points[-1][1]
    records, behind = (newest, None) if by_count else (None, newest)
    first_ms, first = points[0]
    elapsed_ms = points[-1][0] - first_ms
    if elapsed_ms < LEAST_MS:
        unknown = Unknown("its lag was seen for less than 30 s")
        return LagSeen(vertex, operator, records, behind, None, unknown, unknown)
    slope = (newest - first) * 1000 / elapsed_ms
    least = max(1.0, GROWTH_SHARE * read_per_s) if by_count else EMIT_GROWTH * 1000
    slack = least * elapsed_ms / 1000 * SLACK
    rising = slope > least and all(b[1] >= a[1] - slack for a, b in pairwise(points))
    return LagSeen(vertex, operator, records, behind, slope, rising, slope < -least)
