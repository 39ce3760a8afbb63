"""How many reports one core takes from a real Kafka: read, decoded, examined for secrets, folded;
beside bare reading.

Everything of the reader is on one core, its client's threads too, and the broker on the others.
Both readers read the same reports from the beginning, in turns.
"""

import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.fold import JOB, SAMPLES, START_MS, report
from benchmarks.machine import machine
from benchmarks.ratio import spread
from demo.broker import Broker
from demo.plugin import PARTITIONS, make_topics
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.source import MESSAGES, READING, Source
from drsquirrel.collect.redaction import Redaction
from drsquirrel.deep import DeepTier
from drsquirrel.model.event import encoder
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.watch.fold import fold

REPORTS = int(os.environ.get("REPORTS", "200000"))
ROUNDS = int(os.environ.get("ROUNDS", "7"))
RESULT = Path(os.environ.get("RESULT", Path(__file__).parent / "results" / "consume.json"))
CONTAINERS = 200
TOPIC = "flink-metrics"
READ_S = 1.0
WARM_UP_ROUNDS = 1


def main() -> None:
    before = machine()
    ours, others = cores()
    os.sched_setaffinity(0, others)
    with Broker() as broker:
        make_topics(broker.address)
        bytes_per_report = send(broker.address)
        os.sched_setaffinity(0, ours)
        readers = {"bare": bare, "source": source_alone, "source_and_fold": source_and_fold}
        turns = [
            {name: timed(reader, broker.address) for name, reader in readers.items()}
            for _ in range(WARM_UP_ROUNDS + ROUNDS)
        ][WARM_UP_ROUNDS:]
    result = {
        "machine": before,
        "reports": REPORTS,
        "samples_per_report": SAMPLES,
        "bytes_per_report": bytes_per_report,
        "rounds": ROUNDS,
        **{name: figures([turn[name] for turn in turns]) for name in readers},
        "times_bare": {
            name: spread([turn[name] / turn["bare"] for turn in turns])
            for name in ("source", "source_and_fold")
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    json.dump(result, sys.stdout, indent=2)
    print()


def cores() -> tuple[Collection[int], Collection[int]]:
    """One core for the reader, the others (if there are any) for the broker."""
    last = max(os.sched_getaffinity(0))
    return {last}, os.sched_getaffinity(0) - {last} or {last}


def send(brokers: str) -> int:
    """Fill the topic, as many containers would; returns the bytes of one report."""
    producer = Producer({"bootstrap.servers": brokers, "compression.type": "zstd", "linger.ms": 20})
    sent_bytes = 0
    for number in range(REPORTS):
        container = number % CONTAINERS
        now_ms = time.time_ns() // 1_000_000
        value = encoder.encode(report(container, number // CONTAINERS, now_ms))
        sent_bytes += len(value)
        while True:
            try:
                producer.produce(TOPIC, value, key=f"tm-{container}")
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
    return sent_bytes // REPORTS


def timed(read_all: Callable[[str], None], brokers: str) -> float:
    """Seconds on the core, from the first answer to the last report."""
    began = time.perf_counter()
    read_all(brokers)
    return time.perf_counter() - began


def bare(brokers: str) -> None:
    """With the same options as ours."""
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": str(uuid4()), **READING})
    consumer.assign([TopicPartition(TOPIC, number, 0) for number in range(PARTITIONS)])
    left = REPORTS
    while left > 0:
        left -= sum(raw.error() is None for raw in consumer.consume(MESSAGES, READ_S))
    consumer.close()


def source_alone(brokers: str) -> None:
    read(brokers, folds=False)


def source_and_fold(brokers: str) -> None:
    read(brokers, folds=True)


def read(brokers: str, *, folds: bool) -> None:
    access = Access(brokers=brokers)
    clock = SystemClock()
    letters = DeadLetters(access, clock)
    source = Source(access, {TOPIC: {"prod"}}, dict, letters, Redaction(), str(uuid4()))
    dropped: Counter[str] = Counter()
    tier = DeepTier(dropped)
    left = REPORTS
    while left > 0:
        read = source.read(READ_S).arrivals.get("prod", [])
        arrivals = [(ms, told) for ms, told in read if not isinstance(told, Snapshot)]
        left -= len(arrivals)
        if folds:
            dropped.update(fold(tier.take(arrivals, {JOB: [START_MS]}, clock.now_ms())).dropped)
    source.close()
    assert not dropped, dropped


def figures(seconds: list[float]) -> dict[str, float]:
    took_s = statistics.median(seconds)
    return {
        "seconds": round(took_s, 3),
        "reports_per_s": round(REPORTS / took_s),
        "samples_per_s": round(REPORTS * SAMPLES / took_s),
    }


if __name__ == "__main__":
    main()
