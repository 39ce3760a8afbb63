"""The graph of a run: each vertex with what it does now."""

from collections.abc import Iterator

from drsquirrel.diagnose.now import Now
from drsquirrel.diagnose.vertex import total_per_s
from drsquirrel.model.case import Case, VertexNow
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import Node


def nodes_of(
    case: Case, facts: JobFacts | None, now: Now | None, culprits: frozenset[str]
) -> Iterator[Node]:
    """In the order of the data. Where rates are not to be trusted, there are none."""
    trusted = case.all_running is True and not case.warming_up and not case.frozen
    finished = [id_ for id_, _ in now.rates.finished] if now else []
    for vertex in facts.vertices if facts else ():
        at = case.by_vertex.get(vertex.id)
        works = at.subtasks if at and trusted else ()
        is_finished = finished.count(vertex.id) >= vertex.parallelism
        yield Node(
            id=vertex.id,
            name=vertex.name,
            operators=vertex.operators,
            inputs=tuple(e.source for e in vertex.inputs),
            parallelism=vertex.parallelism,
            busy=max((s.busy for s in works), default=None),
            backpressured=max((s.pressured for s in works), default=None),
            records_per_s=total_per_s(vertex, works),
            saturated=sum(s.is_saturated for s in works),
            culprit=vertex.id in culprits,
            says="finished" if is_finished else _says(at) if works else "not measured",
        )


def _says(at: VertexNow | None) -> str:
    """What the shares of the worst subtask do not tell."""
    if at is None or not 0 < len(at.saturated) < at.vertex.parallelism:
        return ""
    n = len(at.saturated)
    return f"{n} of {at.vertex.parallelism} subtasks at {'its' if n == 1 else 'their'} limit"
