"""What is no message of ours is put aside with the reason, and stops no partition (R8)."""

import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import KafkaError, Producer
from confluent_kafka.admin import AdminClient

from demo.broker import Broker
from drsquirrel.collect.kafka.message import (
    KEPT_BYTES,
    MESSAGE_BYTES,
    PER_MINUTE,
    Refusal,
    examined,
)
from drsquirrel.collect.kafka.source import ANSWER_BYTES, Partition
from drsquirrel.model.event import LogEvent, Message, Origin, encoder
from tests.collect.flink_rest.clock import HandClock
from tests.collect.kafka.topic import ENOUGH_S, NOON_MS, Topic, report, sequences
from tests.conftest import need_maven

LINE_BYTES = 100_000_000
DEEP = 100_000
RANDOM_MESSAGES = 60
HEADERS = ["bytes", "error", "offset", "partition", "reason", "topic"]


def changed(**fields: object) -> bytes:
    return json.dumps(json.loads(report(0)) | fields).encode()


def changed_origin(**fields: object) -> bytes:
    return changed(origin=json.loads(report(0))["origin"] | fields)


def deep(opening: bytes, closing: bytes, depth: int = DEEP) -> bytes:
    return opening * depth + closing * depth


def noise() -> Iterator[bytes]:
    chance = random.Random(8)
    for _ in range(RANDOM_MESSAGES):
        yield chance.randbytes(chance.choice((1, 7, 100, 5_000, 200_000)))


def cut_off() -> Iterator[bytes]:
    good = report(0)
    for at in random.Random(9).sample(range(1, len(good)), 10):
        yield good[:at]


MALFORMED = [
    *(b"", b"{}", b"null", b"[]", b"0", b'"metrics"', b"\xef\xbb\xbf" + report(0)),
    *(report(0)[:-1], report(0) * 2, report(0) + b"\0", b"\0" * 100),
    *(deep(b"[", b"]"), deep(b'{"a":', b"}"), b"[" * DEEP),
    report(0)[:-1] + b',"more":' + deep(b"[", b"]") + b"}",
    report(0).replace(b'"prod"', b'"\xc3\x28"'),
    report(0).replace(b'"prod"', b'"\\ud800"'),
    *(changed(type=t) for t in ("Metrics", "", 1, None, ["metrics"])),
    *(changed(time_ms=t) for t in ("now", 1.5, True, None, [])),
    *(changed(tables=t) for t in ([1], [{"names": [1], "places": [], "numbers": []}], {})),
    changed(tables=[{"names": ["a"], "places": [["v"]], "numbers": ["1"]}]),
    *(report(0).replace(b"1760000040000", b) for b in (b"NaN", b"Infinity", b"-", b"0x10", b"1e")),
    report(0).replace(b'"plugin"', b'"another"'),
    *noise(),
    *cut_off(),
    *(changed(time_ms=t) for t in (2**63, -(2**63) - 1, 10**30, 10**4_000)),
    changed(start_ms=2**64),
    *(changed_origin(**{name: number}) for name, number in (("sequence", 10**25), ("schema", -1))),
    changed(tables=[{"names": ["a"], "places": [["v", 2**63]], "numbers": [1]}]),
]
POISON = [
    *(("malformed", value) for value in MALFORMED),
    ("newer schema", report(0, schema=99)),
    ("newer schema", report(0, schema=2**70)),
    ("another cluster", report(0, cluster="finance")),
    ("another cluster", report(0, cluster="")),
    ("another producer", report(0).replace(b'"plugin"', b'"flink-rest"')),
]


def test_between_poison_of_all_kinds_everything_good_is_read(topic: Topic) -> None:
    values = []
    for number, (_, value) in enumerate(POISON, 1):
        values += [value, report(number)]
    topic.send(*values)
    with topic.source() as source:
        assert sequences(source, lambda f: len(POISON) in f) == [*range(1, len(POISON) + 1)]
        assert source.refused == Counter(reason for reason, _ in POISON)
        assert source.lag() == {(topic.name, 0): 0}
    letters = topic.dead_letters(min(PER_MINUTE, len(POISON)))
    for n, (headers, _) in enumerate(letters):
        reason, value = POISON[n]
        assert sorted(headers) == HEADERS
        assert (headers["reason"], headers["topic"]) == (reason, topic.name)
        told = tuple(int(headers[name]) for name in ("partition", "offset", "bytes"))
        assert told == (0, 2 * n, len(value))


def test_a_message_that_breaks_what_reads_it_takes_no_other_with_it(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic.send(report(1), report(2), b"evil", report(3))
    with topic.source() as source:

        def breaking(value: bytes, *rest: Any) -> Message | Refusal:
            if value == b"evil":
                raise ZeroDivisionError
            return examined(value, *rest)

        monkeypatch.setattr("drsquirrel.collect.kafka.source.examined", breaking)
        offsets: dict[Partition, int] = {}
        assert sequences(source, lambda f: 3 in f, offsets) == [1, 2, 3]
        assert source.refused == {"not understood": 1}
        assert offsets == {(topic.name, 0): 4}
    [(headers, _)] = topic.dead_letters(1)
    assert (headers["reason"], headers["error"]) == ("not understood", "ZeroDivisionError")


def test_a_message_without_a_value_is_passed_over_too(topic: Topic) -> None:
    topic.send(None, report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"malformed": 1}


def test_keys_and_headers_of_any_size_do_no_harm(topic: Topic) -> None:
    producer = Producer(
        {"bootstrap.servers": topic.access.brokers, "message.max.bytes": 8 << 20, "linger.ms": 0}
    )
    huge = b"x" * 1_500_000
    for value in (report(1), b"?"):
        producer.produce(topic.name, value, key=huge, headers=[("sent_ms", huge), ("h", None)])
        producer.produce(topic.name, value, key=b"\xff\0", headers=[("sent_ms", None)] * 1_000)
        assert producer.flush(30) == 0
    topic.send(report(2))
    with topic.source() as source:
        assert sequences(source, lambda f: 2 in f) == [1, 1, 2]
    assert [headers["reason"] for headers, _ in topic.dead_letters(2)] == ["malformed"] * 2


def test_a_line_of_many_mb_is_refused_by_the_topics_that_we_make(topic: Topic) -> None:
    told: list[KafkaError | None] = []
    producer = Producer(
        {
            "bootstrap.servers": topic.access.brokers,
            "message.max.bytes": 2 * LINE_BYTES,
            "message.timeout.ms": 60_000,
        }
    )
    producer.produce(
        topic.name, b"x" * 2 * ANSWER_BYTES, on_delivery=lambda error, _: told.append(error)
    )
    producer.flush(60)
    assert told[0] is not None and told[0].code() == KafkaError.MSG_SIZE_TOO_LARGE


def test_a_line_of_100_mb_in_a_topic_that_takes_it_is_passed_over_and_recorded() -> None:
    """On a broker of its own: a second such line is too much for its memory."""
    need_maven()
    with Broker() as broker:
        assert read_past_large_lines(broker, before=0, size=LINE_BYTES) == [2, 3]


def test_what_is_larger_than_an_answer_behind_a_good_message_is_passed_over_too(
    broker: Broker,
) -> None:
    assert read_past_large_lines(broker, before=1, size=2 * ANSWER_BYTES) == [1, 2, 3]


def read_past_large_lines(broker: Broker, before: int, size: int) -> list[int]:
    """The sequence numbers of what is read between lines that are too large."""
    topic = Topic(broker, f"large-{before}-", {"max.message.bytes": str(2 * LINE_BYTES)})
    topic.send(*[report(1)] * before)
    large = {"message.max.bytes": 2 * LINE_BYTES}
    topic.send_alone(b"x" * size, b"y" * 2 * ANSWER_BYTES, **large)
    topic.send(report(2))
    topic.send_alone(b"z" * 2 * ANSWER_BYTES, **large)
    topic.send(report(3))
    with topic.source() as source:
        found = sequences(source, lambda f: 3 in f)
        assert source.refused == {"too large a batch": 3}
        assert source.lag() == {(topic.name, 0): 0}
    letters = topic.dead_letters(2)
    assert [(h["reason"], h["offset"], value) for h, value in letters] == [
        ("too large a batch", str(before), b""),
        ("too large a batch", str(before + 3), b""),
    ]
    assert letters[0][0]["error"].endswith(f"up to offset {before + 1}")
    return found


def test_a_bomb_is_passed_over_and_recorded(topic: Topic) -> None:
    topic.send(report(1))
    large = {"compression.type": "zstd", "message.max.bytes": 2 * LINE_BYTES}
    topic.send(b"\0" * LINE_BYTES, **large)
    topic.send(report(2), report(3))
    with topic.source() as source:
        assert sequences(source, lambda f: 3 in f) == [1, 2, 3]
        assert source.refused == {"unreadable batch": 1}
        assert source.lag() == {(topic.name, 0): 0}
    [(headers, value)] = topic.dead_letters(1)
    assert (headers["reason"], headers["offset"], value) == ("unreadable batch", "1", b"")
    assert "ecompression" in headers["error"]


def test_an_unreadable_batch_of_many_messages_takes_few_others_with_it(topic: Topic) -> None:
    many = {"compression.type": "zstd", "batch.num.messages": 50, "linger.ms": 500}
    topic.send(report(1))
    topic.send(
        *[b"\0" * 2_000_000] * 40,
        **many,
        **{"message.max.bytes": LINE_BYTES, "batch.size": LINE_BYTES},
    )
    topic.send(*map(report, range(2, 100)))
    with topic.source() as source:
        found = sequences(source, lambda f: 99 in f)
        assert source.refused["unreadable batch"] == 40 + 98 - (len(found) - 1)
    assert found[0] == 1 and found[-1] == 99
    assert found[1:] == [*range(found[1], 100)] and found[1] <= 2 + 40


def test_many_unreadable_batches_are_passed_over_in_little_time(topic: Topic) -> None:
    large = {"compression.type": "zstd", "message.max.bytes": 2 * LINE_BYTES}
    topic.send_alone(*[b"\0" * 2 * ANSWER_BYTES] * 20, **large)
    topic.send(report(1))
    with topic.source() as source:
        began = time.monotonic()
        while not source.read(1.0).arrivals:
            assert time.monotonic() - began < 15
        assert source.refused == {"unreadable batch": 20}


def test_a_message_that_is_too_long_is_refused_by_its_length(topic: Topic) -> None:
    large = {"message.max.bytes": 8 << 20, "compression.type": "zstd"}
    topic.send(b" " * (MESSAGE_BYTES + 1), report(1), **large)
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"too long": 1}


def test_what_is_too_large_to_be_examined_is_put_aside(topic: Topic) -> None:
    event = LogEvent(
        origin=Origin(cluster="prod", producer="plugin", epoch="e", sequence=9),
        time_ms=NOON_MS,
        level="WARN",
        logger="a.B",
        message="password=x" + "," * 300_000,
    )
    topic.send(encoder.encode(event), report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"not examined for secrets": 1}


def test_a_transaction_that_nobody_ends_holds_up_no_other_message(topic: Topic) -> None:
    producer = Producer(
        {"bootstrap.servers": topic.access.brokers, "transactional.id": f"{topic.prefix}hangs"}
    )
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(topic.name, b"?")
    producer.flush(30)
    topic.send(report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
    producer.abort_transaction(30)


def test_dead_letters_are_bounded_in_number_and_size(topic: Topic) -> None:
    large = {"message.max.bytes": 8 << 20, "compression.type": "zstd"}
    topic.send(*[b"? " * KEPT_BYTES] * (PER_MINUTE + 20), report(1), **large)
    with topic.source(clock=HandClock()) as source:
        assert sequences(source, lambda f: 1 in f) == [1]
        assert source.refused == {"malformed": PER_MINUTE + 20}
        assert source.dead_letters.counts["too many"] == 20
    letters = topic.dead_letters(PER_MINUTE + 1, within_s=3)
    assert len(letters) == PER_MINUTE
    assert {len(value) for _, value in letters} == {KEPT_BYTES}


def test_without_a_topic_for_dead_letters_they_are_counted_and_nothing_stops(
    topic: Topic,
) -> None:
    client = AdminClient({"bootstrap.servers": topic.access.brokers})
    [gone] = client.delete_topics([f"{topic.prefix}drsquirrel-dead-letters"]).values()
    gone.result()
    with topic.source() as source:
        letters = source.dead_letters
        for number in range(1, 4):
            topic.send(b"?", report(number))
            assert sequences(source, lambda f, n=number: n in f) == [number]
            letters.close(ENOUGH_S)
            assert letters.counts == {"not sent": number}


def test_a_dead_letter_is_without_its_secrets(topic: Topic) -> None:
    at_the_cut = b" " * (KEPT_BYTES - 20) + b"password=hunter2hunter2hunter2 " * 10
    told: list[bytes] = [
        b'{"password": "hunter2"',
        b"\xff jdbc:mysql://ann:hunter2@db/x",
        b'{"options":{"s3.secret-key":"hunter2","a":"b"}}',
        report(0, schema=99).replace(b'"epoch":"e"', b'"epoch":"token=hunter2"'),
        report(0, cluster="x").replace(b'"epoch":"e"', b'"epoch":"//u:hunter2@h"'),
        at_the_cut,
    ]
    topic.send(*told, report(1))
    with topic.source() as source:
        assert sequences(source, lambda f: 1 in f) == [1]
    letters = topic.dead_letters(len(told))
    assert len(letters) == len(told)
    for headers, value in letters:
        assert b"hunter" not in value and "hunter2" not in str(headers), (headers, value[:200])
        assert "redacted" in value.decode() or len(value) > KEPT_BYTES - 4
