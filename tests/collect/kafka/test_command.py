"""`drsquirrel topics`: what it writes, how it ends, and what it says of what is wrong."""

from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from demo.broker import Broker
from drsquirrel.collect.kafka.topics import TOPICS
from tests.commands import run


def settings(folder: Path, **told: str) -> Path:
    file = folder / "squirrel.toml"
    lines = "".join(f'{name} = "{value}"\n' for name, value in told.items())
    file.write_text(f"[kafka]\n{lines}")
    return file


def test_topics_are_made_and_then_there_is_nothing_to_mend(broker: Broker, tmp_path: Path) -> None:
    config = settings(tmp_path, brokers=broker.address, topic_prefix="command-")
    before = run("topics", "check", "--config", config)
    assert before.code == 1
    assert before.out.startswith("command-flink-metrics: is not there, so what is sent to it")
    made = run("topics", "create", "--replication", 1, "--partitions", 1, "--config", config)
    assert (made.code, made.out.split()) == (0, [f"command-{t.name}" for t in TOPICS]), made.err
    after = run("topics", "check", "--kafka", broker.address, "--config", config)
    assert (after.code, after.out) == (0, "")
    assert after.err == f"All {len(TOPICS)} topics are there and set as they should be.\n"


def test_of_topics_that_were_there_it_is_said_at_once_what_is_wrong(
    broker: Broker, tmp_path: Path
) -> None:
    prefix = "auto-"
    config = settings(tmp_path, brokers=broker.address, topic_prefix=prefix)
    client = AdminClient({"bootstrap.servers": broker.address})
    client.create_topics([NewTopic(f"{prefix}flink-logs", 1, 1)])[f"{prefix}flink-logs"].result()
    done = run("topics", "create", "--replication", 1, "--config", config)
    assert done.code == 1
    assert f"{len(TOPICS) - 1} of {len(TOPICS)} topics made" in done.err
    assert f"{prefix}flink-logs: message.timestamp.type is CreateTime, so" in done.out


def test_without_kafka_the_sentence_says_what_to_give() -> None:
    done = run("topics", "check")
    assert (done.code, done.out) == (2, "")
    assert "give --kafka HOST:PORT" in done.err


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({}, "[kafka] in FILE has no brokers: add brokers"),
        ({"brokers": "h:1", "broker": "h"}, "There is no setting broker of [kafka] (in FILE): did"),
        ({"brokers": "h:1", "password_file": "/none"}, "The secret in /none cannot be read"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, told: dict[str, str], says: str) -> None:
    file = settings(tmp_path, **told)
    done = run("topics", "create", "--config", file)
    assert (done.code, done.out) == (2, "")
    assert says.replace("FILE", str(file)) in done.err


def test_a_broker_that_is_not_there_is_told() -> None:
    done = run("topics", "check", "--kafka", "127.0.0.1:1")
    assert (done.code, done.out) == (3, "")
    assert "No Kafka broker answers at 127.0.0.1:1 while listing topics (" in done.err
    assert "%3|" not in done.err
