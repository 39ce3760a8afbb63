"""One minute measured: what its rollup and the one before say of subtasks, lags and containers.

A closed minute is measured once (`Minutes` remembers it by the rollups it came from).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from drsquirrel.diagnose.bottleneck import Walk, Works, locate
from drsquirrel.diagnose.lag import LagSeen, lags_of
from drsquirrel.diagnose.rate import (
    Untrusted,
    Work,
    counter_rate,
    gc_shares,
    latest,
    work,
)
from drsquirrel.diagnose.reading import RUN, Line, ScopeKey, lines
from drsquirrel.diagnose.vertex import VertexMinute, vertex_minute
from drsquirrel.model import metric
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.snapshot import Rollup, Subject
from drsquirrel.model.state import JOB_STATES, code_of
from drsquirrel.model.unknown import Number, Truth, Unknown


@dataclass(frozen=True)
class RunMinute:
    """What one minute says of a run."""

    works: Works
    untrusted: Mapping[tuple[str, int], str]
    all_running: Truth
    failed: bool
    lags: tuple[LagSeen, ...]
    walk: Walk | Unknown
    vertices: Mapping[str, VertexMinute]
    containers: frozenset[str]

    def limits(self, vertex: str) -> bool | None:
        """Whether this vertex limited the run; None where that is not known."""
        if isinstance(self.walk, Unknown):
            return None
        return any(site.vertex == vertex for site in self.walk.sites)


@dataclass(frozen=True, slots=True)
class ContainerMinute:
    """What one minute says of a container."""

    gc_share: Number
    gc_old_share: Number
    heap_floor_share: Number
    cores_used: Number


def run_minute(rollups: tuple[Rollup, ...], facts: JobFacts | None) -> RunMinute:
    """Measure the newest of these rollups of a run (the one before it gives the starting point)."""
    of_scope = lines(rollups)
    works: dict[tuple[str, int], Work] = {}
    untrusted: dict[tuple[str, int], str] = {}
    for key, found in of_scope.items():
        if key.vertex and not key.operator:
            measured = work(found[-1])
            if isinstance(measured, Untrusted):
                untrusted[key.vertex, key.subtask] = str(measured)
            else:
                works[key.vertex, key.subtask] = measured
    lags = lags_of(of_scope)
    rising = {seen.vertex: seen.rising for seen in lags}
    of_vertex: dict[str, dict[int, Work]] = {}
    for (vertex_id, index), done in works.items():
        of_vertex.setdefault(vertex_id, {})[index] = done
    newest = rollups[-1]
    own = lines((newest,)).get(RUN, [])
    return RunMinute(
        works=works,
        untrusted=untrusted,
        all_running=all_running(own),
        failed=latest(own, metric.JOB_STATE.name) == code_of(JOB_STATES, "FAILED"),
        lags=lags,
        walk=locate(facts, works, rising) if facts else Unknown("the plan is not known"),
        vertices={
            v.id: vertex_minute(v, of_vertex.get(v.id, {}), lags)
            for v in (facts.vertices if facts else ())
        },
        containers=frozenset(t.key.container for t in newest.tracks if t.key.container),
    )


def all_running(of_run: list[Line]) -> Truth:
    """Whether all tasks ran (or had finished) at every reading of these lines."""
    lowest, most = metric.TASKS_RUNNING.name, metric.TASKS_TOTAL.name
    seen = [(line.low[lowest], line.high[most]) for line in of_run if lowest in line.low]
    if not seen:
        return Unknown("the JobManager said nothing of the tasks")
    return all(running >= total > 0 for running, total in seen)


def collectors_of(of_scope: Mapping[ScopeKey, list[Line]]) -> dict[str, list[Line]]:
    return {key.group: found for key, found in of_scope.items() if key.group}


def heap_floor(of_scope: Mapping[ScopeKey, list[Line]]) -> Number:
    """The lowest heap in the window over its maximum, where at least 3 collections fell into it.

    An estimate: the lowest sample after collections is at or above what is live.
    """
    collections: Number = 0.0
    for found in collectors_of(of_scope).values():
        counts = [r.values[metric.GC_COUNT.name] for r in found[-1].readings if r.values]
        collections = collections + (counts[-1] - counts[0] if counts else 0)
    if isinstance(collections, Unknown) or collections < 3:
        return Unknown("fewer than 3 collections in the window")
    own = of_scope.get(RUN, [])
    most = latest(own, metric.HEAP_MAX_BYTES.name)
    lows = [v for line in own if (v := line.low.get(metric.HEAP_USED_BYTES.name)) is not None]
    if not most or most < 0 or not lows:
        return Unknown("the heap was not reported")
    return min(lows) / most


def container_minute(rollups: tuple[Rollup, ...]) -> ContainerMinute:
    """Measure the newest of these rollups of a container."""
    of_scope = lines(rollups)
    share, old = gc_shares(collectors_of(of_scope))
    used = counter_rate(of_scope.get(RUN, []), metric.CPU_TIME_NS.name) * 1e-9
    return ContainerMinute(share, old, heap_floor(of_scope), used - share)


class Minutes:
    """Minutes as measured, kept while the rollups they came from stay the same objects.

    A memo, not state: the same rollups give the same minutes with or without it.
    """

    def __init__(self, limit: int = 100_000) -> None:
        self._kept: dict[tuple[Subject, int], tuple[tuple[object, ...], object]] = {}
        self._limit = limit

    def run(self, rollups: tuple[Rollup, ...], facts: JobFacts | None) -> RunMinute:
        found = self._find((*rollups, facts), lambda: run_minute(rollups, facts))
        assert isinstance(found, RunMinute)
        return found

    def container(self, rollups: tuple[Rollup, ...]) -> ContainerMinute:
        found = self._find(rollups, lambda: container_minute(rollups))
        assert isinstance(found, ContainerMinute)
        return found

    def _find(self, made_of: tuple[Any, ...], measure: Callable[[], object]) -> object:
        newest = next(part for part in reversed(made_of) if isinstance(part, Rollup))
        key = (newest.subject, newest.minute)
        kept, result = self._kept.get(key, ((), None))
        if len(kept) == len(made_of) and all(a is b for a, b in zip(kept, made_of, strict=True)):
            return result
        if len(self._kept) >= self._limit:
            self._kept.clear()
        result = measure()
        self._kept[key] = (made_of, result)
        return result
