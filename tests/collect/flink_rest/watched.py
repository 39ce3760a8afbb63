"""A ClusterWatch over a simulated Flink, and what its rounds brought."""

from typing import TypeVar

from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.model.event import Event, MetricReport, Values
from tests.collect.flink_rest.simulated import Simulated, id_of

E = TypeVar("E", bound=Event)
BUSY = "accumulateBusyTimeMs"
MOMENT_MS = 600


class Watched:
    """A ClusterWatch with its client, one round every 10.3 s unless said otherwise."""

    def __init__(self, flink: Simulated, settings: PollSettings | None = None) -> None:
        self.flink = flink
        self.client = FlinkClient(flink.url, settings=settings)
        self.watch = ClusterWatch(
            "lab",
            self.client,
            flink.clock,
            settings or PollSettings(),
            lambda throwable: throwable.partition("\n")[0],
            lambda: self.client.received_bytes,
        )

    async def __aenter__(self) -> "Watched":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.client.close()

    async def round(self, after_ms: int = 10_300) -> Round:
        self.flink.clock.pass_ms(after_ms)
        self.flink.take_asked()
        return await self.watch.round()

    async def rounds(self, count: int) -> list[Round]:
        return [await self.round() for _ in range(count)]


def of(kind: type[E], found: Round) -> list[E]:
    return [event for event in found.events if isinstance(event, kind)]


def values_of(
    found: Round, metric: str, vertex: str | None = None, container: str | None = None
) -> list[int | float]:
    """All values of a metric in a round, by subtask."""
    return [
        told.values[metric]
        for report in of(MetricReport, found)
        for told in sorted(told_in(report), key=lambda t: t.place.subtask)
        if metric in told.values
        and (vertex is None or told.place.vertex == id_of(vertex))
        and (container is None or report.origin.container == container)
    ]


def told_in(report: MetricReport) -> list[Values]:
    """What each place tells under the names of each table."""
    found: list[Values] = []
    for table in report.tables:
        numbers = iter(table.numbers)
        found += [Values({n: next(numbers) for n in table.names}, p) for p in table.places]
    return found


def scope(found: Round, container: str, vertex: str, operator: str = "") -> Values:
    [one] = [
        told
        for report in of(MetricReport, found)
        for told in told_in(report)
        if (report.origin.container, told.place.vertex, told.place.operator)
        == (container, id_of(vertex), operator)
    ]
    return one
