"""The walk to the vertex that limits a run: DIAGNOSIS.md section 3, *Locate*."""

from collections.abc import Mapping
from dataclasses import dataclass

from drsquirrel.diagnose.rate import Work
from drsquirrel.model.case import PRESSURED_SHARE, SATURATED_IDLE, SATURATED_PRESSURED
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.unknown import Truth, Unknown

Works = Mapping[tuple[str, int], Work]


@dataclass(frozen=True, slots=True)
class Site:
    """A vertex that limits: its saturated subtasks, and the largest share it holds others back."""

    vertex: str
    subtasks: tuple[int, ...]
    holds_back: float
    inside_chain: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the walk ended: limiting sites, worst first, and frontiers that are not saturated."""

    sites: tuple[Site, ...]
    open_ends: tuple[str, ...] = ()
    """Vertices that hold others back without being saturated: alignment, the network, a window
    too short."""


def sources_of(facts: JobFacts) -> tuple[Vertex, ...]:
    """Vertices without an input."""
    return tuple(v for v in facts.vertices if not v.inputs)


def outputs_of(facts: JobFacts) -> dict[str, list[tuple[Vertex, str]]]:
    """Per vertex the vertices that read from it, with the ship strategy."""
    found: dict[str, list[tuple[Vertex, str]]] = {v.id: [] for v in facts.vertices}
    for v in facts.vertices:
        for edge in v.inputs:
            found.setdefault(edge.source, []).append((v, edge.ship))
    return found


def upstream_sources(facts: JobFacts, vertex: str) -> frozenset[str]:
    """The source vertices whose data reaches a vertex (itself if it is one)."""
    inputs = {v.id: tuple(e.source for e in v.inputs) for v in facts.vertices}
    seen: set[str] = set()
    to_visit = [vertex]
    while to_visit:
        at = to_visit.pop()
        if at not in seen:
            seen.add(at)
            to_visit.extend(inputs.get(at, ()))
    return frozenset(v for v in seen if not inputs.get(v))


def is_pressured(work: Work) -> bool:
    return work.pressured >= PRESSURED_SHARE


def is_saturated(work: Work) -> bool:
    return work.idle <= SATURATED_IDLE and work.pressured < SATURATED_PRESSURED


def locate(facts: JobFacts, works: Works, lag_rising: Mapping[str, Truth]) -> Walk | Unknown:
    """The limiting vertices of a run.

    works: per (vertex id, subtask) over one span. lag_rising: per source vertex id; absent where
    no lag is known. A vertex that holds back only sources whose lag is known not to rise keeps up
    and is no bottleneck.
    """
    if not works:
        return Unknown("no subtask has 30 s of counters")
    of_vertex: dict[str, dict[int, Work]] = {}
    for (vertex_id, index), work in works.items():
        of_vertex.setdefault(vertex_id, {})[index] = work
    frontier: dict[str, tuple[set[int], float]] = {}
    for upstream, reads in outputs_of(facts).items():
        pressured = {i: w for i, w in of_vertex.get(upstream, {}).items() if is_pressured(w)}
        for vertex, ship in reads if pressured else ():
            here = of_vertex.get(vertex.id, {})
            reach = set(here) & set(pressured) if ship == "FORWARD" else set(here)
            if any(is_pressured(here[i]) for i in reach):
                continue
            before, share = frontier.get(vertex.id, (set(), 0.0))
            worst = max(w.pressured for w in pressured.values())
            frontier[vertex.id] = (before | reach, max(share, worst))
    any_pressure = any(is_pressured(w) for w in works.values())
    sites = [] if any_pressure else list(_inside_chains(facts, of_vertex, lag_rising))
    open_ends = []
    for vertex_id, (reach, share) in frontier.items():
        if _keeps_up(facts, vertex_id, lag_rising):
            continue
        here = of_vertex[vertex_id]
        saturated = tuple(sorted(i for i in reach if is_saturated(here[i])))
        if saturated:
            sites.append(Site(vertex_id, saturated, share))
        else:
            open_ends.append(vertex_id)
    sites.sort(key=lambda s: (-s.holds_back, s.vertex))
    return Walk(tuple(sites), tuple(sorted(open_ends)))


def _inside_chains(
    facts: JobFacts, of_vertex: Mapping[str, Mapping[int, Work]], lag_rising: Mapping[str, Truth]
) -> list[Site]:
    """No pressure anywhere: a source's own chain limits where it is saturated and its lag rises."""
    sites = []
    for source in sources_of(facts):
        rising = lag_rising.get(source.id, False)
        here = of_vertex.get(source.id, {})
        saturated = tuple(sorted(i for i, w in here.items() if is_saturated(w)))
        if rising is True and saturated:
            sites.append(Site(source.id, saturated, 1.0, inside_chain=True))
    return sites


def _keeps_up(facts: JobFacts, vertex: str, lag_rising: Mapping[str, Truth]) -> bool:
    sources = upstream_sources(facts, vertex)
    return bool(sources) and all(lag_rising.get(s) is False for s in sources)
