"""What a plain consumer of Kafka hears on the plugin's topics, from the first message on."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from confluent_kafka import Consumer

from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS
from drsquirrel.model.event import ContainerEvent, Message, MetricReport, Place, message_decoder

T = TypeVar("T")
M = TypeVar("M", bound=Message)
ENOUGH_S = 90.0
CONSUME_S = 0.2


@dataclass(frozen=True)
class Heard:
    """One message: as it came, and what we read in it."""

    topic: str
    raw: bytes
    message: Message


class Listener:
    """A consumer of its own group; `heard` keeps everything in the order in which it came. `prefix`
    stands before the names of the topics."""

    def __init__(self, brokers: str, prefix: str = "") -> None:
        self._consumer = Consumer(
            {
                "bootstrap.servers": brokers,
                "group.id": f"listener-{uuid4()}",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        self._consumer.subscribe([prefix + topic for topic in PLUGIN_TOPICS])
        self.heard: list[Heard] = []

    def close(self) -> None:
        self._consumer.close()

    def listen(self) -> int:
        """Take in what has come; returns how many messages that was."""
        records = self._consumer.consume(500, CONSUME_S)
        for record in records:
            assert record.error() is None, record.error()
            value, key, headers = record.value(), record.key(), record.headers()
            told = [key, *(part for pair in headers or () for part in pair)]
            told = [part.encode() if isinstance(part, str) else part for part in told]
            raw = b"\n".join([value, *(part for part in told if part)])
            self.heard.append(Heard(record.topic(), raw, message_decoder.decode(value)))
        return len(records)

    def until(self, holds: Callable[[], T], enough_s: float = ENOUGH_S) -> T:
        """Listen until something holds, or for as long as is enough; returns what it is then."""
        deadline = time.monotonic() + enough_s
        while not (found := holds()) and time.monotonic() < deadline:
            self.listen()
        return found

    def of(self, kind: type[M]) -> list[M]:
        return [h.message for h in self.heard if isinstance(h.message, kind)]

    def said(self, what: str) -> dict[str, ContainerEvent]:
        """The processes that said hello or goodbye, by their names; "" is the JobManager."""
        return {e.origin.container: e for e in self.of(ContainerEvent) if e.what == what}

    def reports(self, job: str) -> list[MetricReport]:
        """The reports of one run; of processes about themselves where `job` is empty."""
        return [report for report in self.of(MetricReport) if report.job == job]


def numbers(report: MetricReport) -> Iterator[tuple[Place, str, int | float | None]]:
    """Every number of a report, with its place and name."""
    for table in report.tables:
        told = iter(table.numbers)
        for place in table.places:
            for name in table.names:
                yield place, name, next(told)


def number(report: MetricReport, name: str, place: Place) -> int | float | None:
    return next((n for p, its, n in numbers(report) if p == place and its == name), None)


def places(report: MetricReport) -> set[Place]:
    return {place for table in report.tables for place in table.places}
