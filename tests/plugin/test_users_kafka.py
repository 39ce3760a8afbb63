"""A job with a Kafka client of its own, which logs everything: its warnings are sent as any other,
and no line is the cause of another (R2)."""

import os
from contextlib import closing
from pathlib import Path

from demo.broker import Broker, kafka_home
from demo.plugin import make_topics
from drsquirrel.model.event import LogEvent
from tests.plugin.harness import LOG4J
from tests.plugin.intruder import SAID_S, compiled, intruder
from tests.plugin.listener import Listener

NOBODY = "127.0.0.1:1"
EVERYTHING = LOG4J.replace("rootLogger.level = WARN", "rootLogger.level = DEBUG")
CLIENT = "org.apache.kafka.clients.NetworkClient"
LITTLE, FEW = 20, 100
"""Of lines; a client that is refused warns some times a second, and says much more at debug."""


def test_its_warnings_are_sent_and_none_of_what_its_client_or_ours_says_at_debug(
    jar: Path, broker: Broker, tmp_path: Path
) -> None:
    prefix = "users-kafka-"
    make_topics(broker.address, prefix, partitions=1)
    [client] = kafka_home().glob("kafka-clients-*.jar")
    classes = Path(os.pathsep.join(map(str, (compiled(tmp_path), client))))
    options = (
        "cluster=x",
        f"kafka.bootstrap.servers={broker.address}",
        f"topic.prefix={prefix}",
    )
    with closing(Listener(broker.address, prefix)) as listener:
        what = f"client {NOBODY}"
        with intruder(jar, classes, tmp_path, what, *options, log4j=EVERYTHING) as java:
            assert java.line(SAID_S) == "said"
            assert listener.until(lambda: "talked" in str(listener.of(LogEvent)))
            assert listener.until(
                lambda: java.log.read_text("utf-8", "replace").count("DEBUG") > LITTLE
            ), "its client has said little"
        lines = listener.of(LogEvent)
    assert any(line.logger == CLIENT and line.level == "WARN" for line in lines)
    assert {line.level for line in lines} <= {"WARN", "ERROR"}
    assert not [line for line in lines if line.logger.startswith("io.drsquirrel")]
    assert len(lines) < FEW
