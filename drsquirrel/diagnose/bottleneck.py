"""The walk to the vertex that limits a run: DIAGNOSIS.md section 3, *Locate*."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean

from drsquirrel.diagnose.rate import Work
from drsquirrel.model.case import PRESSURED_SHARE, SATURATED_IDLE, SATURATED_PRESSURED
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.unknown import Truth, Unknown

Works = Mapping[str, Mapping[int, Work]]
"""Per vertex id and subtask."""


@dataclass(frozen=True, slots=True)
class Site:
    """A vertex that limits: its saturated subtasks, and the share of source time it holds back."""

    vertex: str
    subtasks: tuple[int, ...]
    holds_back: float
    inside_chain: bool = False


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the walk ended: limiting sites, worst first, and vertices of which it is not known."""

    sites: tuple[Site, ...]
    undecided: tuple[str, ...] = ()
    """Saturated, and it is not known yet whether the lag of the sources they hold back grows."""
    open_ends: tuple[str, ...] = ()
    """They hold others back without being saturated: alignment, the network, a window too short."""

    def limits(self, vertex: str) -> bool | None:
        """Whether this vertex limits the run; None where that is not known."""
        if any(site.vertex == vertex for site in self.sites):
            return True
        return None if vertex in self.undecided else False


@dataclass
class _Reached:
    """What the walk brings to a vertex: the subtasks, and the sources that wait, for how much."""

    subtasks: set[int] = field(default_factory=set)
    waiting: dict[str, float] = field(default_factory=dict)


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


def is_pressured(work: Work) -> bool:
    return work.pressured >= PRESSURED_SHARE


def is_saturated(work: Work) -> bool:
    return work.idle <= SATURATED_IDLE and work.pressured < SATURATED_PRESSURED


def locate(facts: JobFacts, works: Works, lag_rising: Mapping[str, Truth]) -> Walk | Unknown:
    """The limiting vertices of a run.

    works: over one span. lag_rising: per source vertex id; absent where no lag is reported. From
    each source downstream through pressured subtasks, on forward edges from a subtask to its own
    successor; who is reached and saturated limits, unless no source that waits falls behind.
    """
    if not any(works.values()):
        return Unknown("no subtask has 30 s of counters")
    outputs = outputs_of(facts)
    reached: dict[str, _Reached] = {}
    sites: list[Site] = []
    undecided: list[str] = []
    open_ends: list[str] = []
    for vertex in facts.vertices:
        here = works.get(vertex.id, {})
        at = reached.get(vertex.id, _Reached())
        if not vertex.inputs and here:
            at = _Reached(set(here), {vertex.id: mean(w.pressured for w in here.values())})
        pressured = {i for i in at.subtasks if i in here and is_pressured(here[i])}
        for reader, ship in outputs[vertex.id] if pressured else ():
            to = reached.setdefault(reader.id, _Reached())
            to.subtasks |= pressured if ship == "FORWARD" else set(works.get(reader.id, ()))
            to.waiting.update(at.waiting)
        inside_chain = not vertex.inputs
        if not at.waiting or (inside_chain and pressured):
            continue
        rest = at.subtasks - pressured
        saturated = tuple(sorted(i for i in rest if i in here and is_saturated(here[i])))
        falls_behind = _falls_behind(at.waiting, lag_rising, inside_chain)
        if saturated and falls_behind is True:
            holds_back = 1.0 if inside_chain else sum(at.waiting.values())
            sites.append(Site(vertex.id, saturated, holds_back, inside_chain))
        elif saturated and falls_behind is None:
            undecided.append(vertex.id)
        elif not saturated and not pressured and not inside_chain:
            open_ends.append(vertex.id)
    sites.sort(key=lambda site: -site.holds_back)
    return Walk(tuple(sites), tuple(undecided), tuple(open_ends))


def _falls_behind(
    waiting: Mapping[str, float], lag_rising: Mapping[str, Truth], inside_chain: bool
) -> bool | None:
    """Whether a source that waits falls behind, as far as that is known; None: not known yet.

    One that is held back and reports no lag is taken to. One that is only busy is not: it may wait
    inside its reader (a chain of its own shows no backpressure).
    """
    told = [lag_rising.get(source, not inside_chain) for source in waiting]
    if any(rising is True for rising in told):
        return True
    return None if any(isinstance(rising, Unknown) for rising in told) else False
