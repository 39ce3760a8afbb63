"""A topic of its own on a real broker, a source that reads it, and its dead letters."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from demo.broker import Broker
from demo.plugin import make_topics
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import Partition, Read, Source
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import MetricReport, Origin, encoder

ENOUGH_S = 30.0
NOON_MS = 1_760_000_040_000


def report(sequence: int, cluster: str = "prod", schema: int = 1, time_ms: int = NOON_MS) -> bytes:
    origin = Origin(cluster=cluster, producer="plugin", epoch="e", sequence=sequence, schema=schema)
    return encoder.encode(MetricReport(origin=origin, time_ms=time_ms))


class Topic:
    """The topics under a prefix of their own, with one partition each; `config` for the one that is
    written to, in the place of how it should be."""

    def __init__(
        self, broker: Broker, prefix: str, config: Mapping[str, str] | None = None
    ) -> None:
        self.access, self.prefix = Access(brokers=broker.address), prefix
        self.name = f"{prefix}flink-metrics"
        if config is not None:
            client = AdminClient({"bootstrap.servers": broker.address})
            client.create_topics([NewTopic(self.name, 1, 1, config=config)])[self.name].result()
        make_topics(broker.address, prefix, partitions=1)

    def send(self, *values: bytes | None, **options: object) -> None:
        told: list[object] = []
        producer = self._producer(**options)
        for value in values:
            producer.produce(self.name, value, on_delivery=lambda error, _: told.append(error))
        producer.flush(60)
        assert len(told) == len(values) and not any(told), told

    def _producer(self, **options: object) -> Producer:
        """One that keeps their order, also while the topic is new."""
        told = {"bootstrap.servers": self.access.brokers, "linger.ms": 0}
        return Producer({**told, "enable.idempotence": True, **options})

    def send_alone(self, *values: bytes, **options: object) -> None:
        """Each in a batch of its own."""
        producer = self._producer(**options)
        told: list[object] = []
        for value in values:
            producer.produce(self.name, value, on_delivery=lambda error, _: told.append(error))
            producer.flush(60)
        assert len(told) == len(values) and not any(told), told

    @contextmanager
    def source(
        self,
        stored: Mapping[Partition, int] | None = None,
        clock: Clock | None = None,
        also: Collection[str] = (),
    ) -> Iterator[Source]:
        letters = DeadLetters(self.access, clock or SystemClock(), self.prefix)
        bound = {name: {"prod"} for name in (self.name, *also)}
        group = f"{self.prefix}group"
        source = Source(self.access, bound, lambda: stored or {}, letters, Redaction(), group)
        try:
            yield source
        finally:
            source.close()
            letters.close(10)

    def dead_letters(
        self, count: int, within_s: float = ENOUGH_S
    ) -> list[tuple[dict[str, str], bytes]]:
        consumer = Consumer(
            {
                "bootstrap.servers": self.access.brokers,
                "group.id": f"{self.prefix}letters",
                "auto.offset.reset": "earliest",
            }
        )
        consumer.subscribe([f"{self.prefix}drsquirrel-dead-letters"])
        found = []
        deadline = time.monotonic() + within_s
        while len(found) < count and time.monotonic() < deadline:
            for raw in consumer.consume(count, 0.5):
                headers = {name: value.decode() for name, value in raw.headers() or ()}
                found.append((headers, raw.value() or b""))
        consumer.close()
        return found


def reads(source: Source) -> Iterator[Read]:
    """One reading after the other, for as long as is enough."""
    deadline = time.monotonic() + ENOUGH_S
    while time.monotonic() < deadline:
        yield source.read(0.2)


def sequences(
    source: Source, until: Callable[[list[int]], bool], offsets: dict[Partition, int] | None = None
) -> list[int]:
    """The sequence numbers of what was read, until enough has come."""
    found: list[int] = []
    for read in reads(source):
        found += [m.origin.sequence for _, m in read.arrivals.get("prod", ())]
        if offsets is not None:
            offsets.update(read.offsets)
        if until(found):
            break
    return found
