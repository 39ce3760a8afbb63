"""The topics on a real broker: made as they should be, and told what is wrong with others."""

import socket
import time
from collections.abc import Mapping
from contextlib import closing

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from demo.broker import Broker
from drsquirrel.collect.kafka.connection import Access, BrokerError
from drsquirrel.collect.kafka.topics import TOPICS, Admin


def made(broker: Broker, name: str, config: Mapping[str, str]) -> None:
    client = AdminClient({"bootstrap.servers": broker.address})
    new = [NewTopic(name, 1, 1, config=config)]
    client.create_topics(new)[name].result()
    while name not in client.list_topics(timeout=10).topics:
        time.sleep(0.05)


def test_what_is_missing_is_made_as_it_should_be_and_once(broker: Broker) -> None:
    admin = Admin(Access(brokers=broker.address), "made-")
    names = {f"made-{topic.name}" for topic in TOPICS}
    assert {finding.topic for finding in admin.check()} == names
    assert set(admin.create(2, 1)) == names
    assert admin.check() == []
    assert admin.create(2, 1) == []


@pytest.mark.parametrize(
    ("setting", "wrong", "enough"),
    [
        ("message.timestamp.type", "CreateTime", "LogAppendTime"),
        ("max.message.bytes", "1048576", "8388608"),
        ("compression.type", "gzip", "producer"),
        ("cleanup.policy", "compact", "delete"),
        ("retention.ms", "60000", "-1"),
    ],
)
def test_a_wrong_setting_is_told_with_what_follows_and_how_to_mend_it(
    broker: Broker, setting: str, wrong: str, enough: str
) -> None:
    good = {
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": "8388608",
        "compression.type": "producer",
        "cleanup.policy": "delete",
    }
    for prefix, value in (("wrong", wrong), ("enough", enough)):
        prefix = f"{prefix}-{setting}-"
        made(broker, f"{prefix}flink-logs", good | {setting: value})
        admin = Admin(Access(brokers=broker.address), prefix)
        [*told] = [f for f in admin.check() if f.topic == f"{prefix}flink-logs"]
        assert [f.wrong for f in told] == ([f"{setting} is {wrong}"] if value == wrong else [])
        assert all(f.so and f"--add-config {setting}=" in f.mend for f in told)


def test_dead_letters_without_a_bound_are_wrong(broker: Broker) -> None:
    admin = Admin(Access(brokers=broker.address), "unbound-")
    admin.create(1, 1)
    assert admin.check() == []
    made(broker, "endless-drsquirrel-dead-letters", {"retention.bytes": "-1"})
    told = Admin(Access(brokers=broker.address), "endless-").check()
    assert "retention.bytes is -1" in [f.wrong for f in told if "dead" in f.topic]


def test_what_the_broker_refuses_is_told_in_its_words(broker: Broker) -> None:
    with pytest.raises(
        BrokerError, match=r"making the topic .*replication factor.* give --replication\.$"
    ):
        Admin(Access(brokers=broker.address), "refused-").create(1, 5)


def test_a_closed_port_and_an_unknown_name_are_told_as_such(monkeypatch) -> None:
    monkeypatch.setattr("drsquirrel.collect.kafka.topics.TIMEOUT_S", 2)
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        port = probe.getsockname()[1]
    for brokers, why in ((f"127.0.0.1:{port}", "refused"), ("nowhere.invalid:1", "resolve")):
        with pytest.raises(BrokerError, match=rf"{brokers} while listing topics \(.*{why}"):
            Admin(Access(brokers=brokers)).check()
