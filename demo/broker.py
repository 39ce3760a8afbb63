"""A Kafka broker on this machine, from the official jars: one node, KRaft, on 127.0.0.1."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from demo import jvm
from demo.child import Child, Children, end
from demo.flink_home import cache_folder, locked
from demo.maven import maven
from demo.port import free_port
from demo.saying import Say, silent

VERSION = "4.3.1"
POM = Path(__file__).parent / "kafka" / "pom.xml"
JVM_ARGS = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx384m"]
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.1
CLUSTER_ID = "c3F1aXJyZWwtZGVtby0wMQ"
LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.out.ref = Out
appender.out.name = Out
appender.out.type = Console
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %-5p %c{1} - %m%n
"""
OPTIONS = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": "16777216",
    "auto.create.topics.enable": "false",
    "message.max.bytes": "8388608",
    # Let a broker that was killed come back in 3 s instead of 12.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "400",
}


def kafka_home(progress: Say = silent) -> Path:
    """The folder of the broker's jars, fetched by Maven if it is not there yet."""
    home = cache_folder() / "kafka" / VERSION
    if home.is_dir():
        return home
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_name(f".{VERSION}.lock"), "Kafka"):
        if not home.is_dir():
            progress(f"fetching Kafka {VERSION} (45 MB, once)")
            with tempfile.TemporaryDirectory(prefix=f".{VERSION}-", dir=home.parent) as staging:
                jars = Path(staging) / "jars"
                maven(POM, "dependency:copy-dependencies", f"-DoutputDirectory={jars}")
                jars.rename(home)
    return home


class Broker:
    """A context manager; the broker ends with this process however it ends, kill -9 included.

    Its data and its port stay the same over `kill` and `start`. `options` come over ours.
    """

    listener = "PLAINTEXT"

    def __init__(
        self,
        options: Mapping[str, str] | None = None,
        *,
        port: int = 0,
        progress: Say = silent,
    ) -> None:
        self.port = port or free_port()
        self.controller_port = free_port()
        self._extra = dict(options or {})
        self._progress = progress
        self._children = Children()
        self._process: Child | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self._jars = kafka_home(self._progress)
        self.folder = Path(tempfile.mkdtemp(prefix="demo-kafka-"))
        try:
            began = time.monotonic()
            self._progress(f"starting Kafka {VERSION} at {self.address}")
            self._prepare()
            (self.folder / "log4j2.properties").write_text(LOG4J)
            lines = [f"{key}={value}\n" for key, value in self._options().items()]
            (self.folder / "server.properties").write_text("".join(lines))
            self._format()
            self.start()
            self._progress(f"Kafka runs, after {time.monotonic() - began:.1f} s")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the broker and remove its folder."""
        end([self._process] if self._process else [], STOP_TIMEOUT_S)
        self._children.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        command = self._java("kafka.Kafka", str(self.folder / "server.properties"))
        output = self.folder / "broker.out"
        self._process = self._children.start(command, output, os.environ, self.folder)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka did not start:\n{self.log_tail()}")
            time.sleep(POLL_S)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def log_tail(self, lines: int = 30) -> str:
        """The last lines of what the broker has said."""
        text = (self.folder / "broker.out").read_text("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _format(self) -> None:
        properties = str(self.folder / "server.properties")
        told = ["format", "-t", CLUSTER_ID, "-c", properties, *self._format_args()]
        command = self._java("kafka.tools.StorageTool", *told)
        done = subprocess.run(command, capture_output=True, text=True, cwd=self.folder, check=False)
        if done.returncode:
            raise RuntimeError(f"Kafka's storage could not be formatted:\n{done.stdout}")

    def _java(self, main_class: str, *args: str) -> list[str]:
        log4j = f"-Dlog4j2.configurationFile={(self.folder / 'log4j2.properties').as_uri()}"
        return [jvm.java(), *JVM_ARGS, log4j, "-cp", f"{self._jars}/*", main_class, *args]

    def _options(self) -> dict[str, str]:
        controller = f"127.0.0.1:{self.controller_port}"
        return {
            **OPTIONS,
            "log.dirs": str(self.folder / "data"),
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"{self.listener}://{self.address},CONTROLLER://{controller}",
            **self._extra,
        }

    def _prepare(self) -> None:
        """What has to be in the folder before the options are written."""

    def _format_args(self) -> list[str]:
        """What else its storage is formatted with."""
        return []
