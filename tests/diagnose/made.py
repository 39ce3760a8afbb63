"""Small values to measure: readings, lines, works, subtasks, graphs."""

from collections.abc import Mapping

from drsquirrel.diagnose.rate import Work
from drsquirrel.diagnose.reading import Line
from drsquirrel.model.case import SubtaskNow
from drsquirrel.model.facts import Edge, JobFacts, Vertex
from drsquirrel.model.snapshot import Reading, Rollup, Subject, Track, TrackKey
from drsquirrel.model.unknown import Number

RUN = Subject(cluster="c", job="j", start_ms=1)


def reading(time_s: float, sequence: int = 0, **values: int) -> Reading:
    return Reading(int(time_s * 1000), sequence, values)


def line(*readings: Reading, attempt: int = 0, container: str = "tm-1") -> Line:
    return Line(container, attempt, readings, ())


def times(time_s: float, busy: int, pressured: int, idle: int, **values: int) -> Reading:
    """Busy, backpressured and idle time in seconds, as counted until then."""
    return reading(
        time_s,
        busy_ms=busy * 1000,
        backpressured_ms=pressured * 1000,
        idle_ms=idle * 1000,
        **values,
    )


def track(
    vertex: str = "",
    subtask: int = -1,
    *,
    first: tuple[Reading, ...],
    last: tuple[Reading, ...] | None = None,
    operator: str = "",
    group: str = "",
    container: str = "tm-1",
    attempt: int = 0,
    low: Mapping[str, int] | None = None,
    high: Mapping[str, int] | None = None,
    epoch: str = "e",
) -> Track:
    key = TrackKey(container, epoch, vertex, subtask, operator, group, attempt)
    return Track(key, first, first if last is None else last, low or {}, high or {})


def rollup(minute: int, *tracks: Track, subject: Subject = RUN) -> Rollup:
    return Rollup(subject=subject, minute=minute, tracks=tracks)


def work(
    busy: float = 0.2,
    pressured: float = 0.0,
    idle: float | None = None,
    records: Number = 500.0,
    container: str = "tm-1",
) -> Work:
    rest = 1 - busy - pressured if idle is None else idle
    return Work(container, 0, busy, pressured, rest, 60_000, records, records)


BUSY = work(0.99)
HELD = work(0.05, 0.9)
CALM = work()


def subtask(
    index: int = 0,
    *,
    records: Number = 500.0,
    cost_us: Number = 100.0,
    container: str = "tm-1",
    busy: float = 0.99,
) -> SubtaskNow:
    return SubtaskNow(
        index=index,
        attempt=0,
        container=container,
        busy=busy,
        pressured=0.0,
        idle=1 - busy,
        records_in_per_s=records,
        records_out_per_s=records,
        wall_cost_us=cost_us,
    )


def vertex(id_: str, *inputs: str, parallelism: int = 2, max_parallelism: int = 128) -> Vertex:
    """Inputs are "id" for a hash edge or "id SHIP"."""
    edges = tuple(
        Edge(source=i.partition(" ")[0], ship=i.partition(" ")[2] or "HASH") for i in inputs
    )
    return Vertex(
        id=id_,
        name=id_,
        parallelism=parallelism,
        max_parallelism=max_parallelism,
        operators=(id_,),
        inputs=edges,
    )


def graph(*vertices: Vertex) -> JobFacts:
    return JobFacts(cluster="c", job="j", start_ms=1, name="orders", vertices=vertices)
