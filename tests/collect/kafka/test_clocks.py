"""Wrong clocks, of containers and of Kafka, are not believed (R7); what is late goes to its minute
(R6)."""

import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Producer

from demo.broker import Broker
from drsquirrel.collect.kafka.message import WAITED_MAX_MS
from drsquirrel.model.event import MetricReport, Origin, Values, encoder, tables
from drsquirrel.model.snapshot import MINUTE_MS, Rollup
from drsquirrel.watch.fold import fold
from tests.collect.kafka.topic import Topic, reads

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
YEAR_9999_MS = 253_402_300_799_000
SLACK_MS = 30_000
"""For what takes long on a busy machine."""
BUSY = tables([Values({"numRestarts": 1})])


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def said_at(time_ms: int) -> bytes:
    origin = Origin(cluster="prod", producer="plugin", epoch="e", sequence=1, container="tm")
    report = MetricReport(origin=origin, time_ms=time_ms, job="j", start_ms=1, tables=BUSY)
    return encoder.encode(report)


def rollups(topic: Topic, value: bytes, sent_ms: int | None = None, stamp_ms: int = 0) -> Rollup:
    """What is folded of one message. `sent_ms`: when its process says it gave it to Kafka;
    `stamp_ms`: when Kafka says it came, where the topic lets the producer say so."""
    producer = Producer({"bootstrap.servers": topic.access.brokers, "linger.ms": 0})
    headers = [] if sent_ms is None else [("sent_ms", str(sent_ms).encode())]
    told: list[object] = []
    producer.produce(
        topic.name,
        value,
        headers=headers,
        timestamp=stamp_ms,
        on_delivery=lambda error, _: told.append(error),
    )
    assert producer.flush(30) == 0 and told == [None], told
    with topic.source() as source:
        arrivals = next(r for r in reads(source) if r.arrivals).arrivals["prod"]
    [rollup] = fold(arrivals).rollups
    return rollup


def minutes_near(time_ms: int) -> Iterator[int]:
    yield from range((time_ms - SLACK_MS) // MINUTE_MS, (time_ms + SLACK_MS) // MINUTE_MS + 1)


@pytest.mark.parametrize("year_ms", [0, -1, YEAR_9999_MS, 2**62])
def test_a_clock_of_another_age_is_not_believed_and_its_distance_is_kept(
    topic: Topic, year_ms: int
) -> None:
    minute, distance_ms, came_ms = told_with(topic, year_ms)
    assert minute in minutes_near(came_ms)
    assert abs(distance_ms - abs(came_ms - year_ms)) < SLACK_MS


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("off_ms", [150_000, HOUR_MS, DAY_MS])
def test_a_clock_that_is_off_is_not_believed_and_its_distance_is_kept(
    topic: Topic, sign: int, off_ms: int
) -> None:
    minute, distance_ms, came_ms = told_with(topic, now_ms() + sign * off_ms)
    assert minute in minutes_near(came_ms)
    assert abs(distance_ms - off_ms) < SLACK_MS


def told_with(topic: Topic, time_ms: int) -> tuple[int, int, int]:
    """The minute of what is said at this time, the distance that is noted, and when it came."""
    came_ms = now_ms()
    rollup = rollups(topic, said_at(time_ms))
    [(container, epoch, distance_ms)] = rollup.skewed
    assert (container, epoch) == ("tm", "e")
    return rollup.minute, distance_ms, came_ms


@pytest.mark.parametrize("late_ms", [20_000, HOUR_MS // 2, HOUR_MS - MINUTE_MS])
def test_what_had_to_wait_for_kafka_goes_to_its_own_minute(topic: Topic, late_ms: int) -> None:
    happened_ms = now_ms() - late_ms
    rollup = rollups(topic, said_at(happened_ms), sent_ms=now_ms())
    assert rollup.minute == happened_ms // MINUTE_MS
    assert not rollup.skewed


@pytest.mark.parametrize("clock_ms", [HOUR_MS, -HOUR_MS, -DAY_MS])
def test_what_had_to_wait_beside_a_wrong_clock_goes_to_its_minute_by_ours(
    topic: Topic, clock_ms: int
) -> None:
    happened_ms = now_ms() - HOUR_MS // 2
    value = said_at(happened_ms + clock_ms)
    rollup = rollups(topic, value, sent_ms=now_ms() + clock_ms)
    assert rollup.minute in minutes_near(happened_ms)
    assert rollup.skewed


@pytest.mark.parametrize("late_ms", [2 * HOUR_MS, 20 * HOUR_MS])
def test_what_is_later_than_the_hour_changes_no_minute_of_it(topic: Topic, late_ms: int) -> None:
    """After an outage of hours a plugin that was patient sends the oldest first."""
    happened_ms = now_ms() - late_ms
    rollup = rollups(topic, said_at(happened_ms), sent_ms=now_ms())
    assert rollup.minute == happened_ms // MINUTE_MS


def test_who_says_to_have_waited_for_more_than_a_day_has_a_wrong_clock(topic: Topic) -> None:
    came_ms = now_ms()
    rollup = rollups(topic, said_at(came_ms - WAITED_MAX_MS - HOUR_MS), sent_ms=came_ms)
    assert rollup.minute in minutes_near(came_ms)
    assert rollup.skewed


BY_PRODUCERS = {
    "message.timestamp.type": "CreateTime",
    "message.timestamp.before.max.ms": str(2**63 - 1),
    "message.timestamp.after.max.ms": str(2**63 - 1),
}
"""Of a topic that nobody made as it should be."""


@pytest.mark.parametrize("ahead_ms", [YEAR_9999_MS, DAY_MS, HOUR_MS])
def test_a_stamp_of_kafka_that_is_yet_to_come_is_not_believed(
    broker: Broker, ahead_ms: int
) -> None:
    topic = Topic(broker, f"stamp-{ahead_ms}-", BY_PRODUCERS)
    stamp_ms = min(now_ms() + ahead_ms, YEAR_9999_MS)
    happened_ms = now_ms()
    rollup = rollups(topic, said_at(happened_ms), stamp_ms=stamp_ms)
    assert rollup.minute == happened_ms // MINUTE_MS
    assert not rollup.skewed


def test_where_kafka_and_the_sender_agree_on_a_time_yet_to_come_it_came_now(
    broker: Broker,
) -> None:
    topic = Topic(broker, "future-", BY_PRODUCERS)
    came_ms = now_ms()
    rollup = rollups(topic, said_at(YEAR_9999_MS), stamp_ms=YEAR_9999_MS)
    assert rollup.minute in minutes_near(came_ms)
    assert rollup.skewed
