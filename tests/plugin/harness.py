"""Runs classes of the plugin's own tests against the real jar, and a broker behind a proxy."""

import os
import queue
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

from demo import jvm
from demo.broker import Broker
from demo.flink_home import flink_home
from demo.plugin import PARTITIONS, PLUGIN, make_topics
from demo.proxy import Proxy

FLINK = "2.3.0"
TEST_CLASSES = PLUGIN / "target" / "test-classes"
END_S = 10.0
LOG4J = """\
rootLogger.level = WARN
rootLogger.appenderRef.out.ref = Out
logger.ours.name = io.drsquirrel.flink.send
logger.ours.level = INFO
appender.out.name = Out
appender.out.type = Console
appender.out.target = SYSTEM_ERR
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %p %c{1} %m%n
"""


@dataclass(frozen=True)
class Sick:
    """A broker that clients reach through the proxy only, whatever it tells them of itself."""

    proxy: Proxy
    broker: Broker

    @property
    def address(self) -> str:
        return self.proxy.address

    def make_topics(self, prefix: str = "", partitions: int = PARTITIONS) -> None:
        make_topics(self.address, prefix, partitions)


@contextmanager
def sick_broker(options: Mapping[str, str] | None = None) -> Iterator[Sick]:
    """A broker of its own; well at first."""
    with Proxy() as proxy:
        advertised = {"advertised.listeners": f"PLAINTEXT://{proxy.address}"}
        with Broker({**advertised, **(options or {})}) as broker:
            proxy.target = broker.address
            yield Sick(proxy, broker)


class Java:
    """A running class: what it prints comes line by line, what it logs goes to a file."""

    def __init__(
        self,
        jar: Path,
        folder: Path,
        main_class: str,
        *args: object,
        jvm_args: Sequence[str] = (),
        log4j: str = LOG4J,
        flink: str = FLINK,
        classes: Path = TEST_CLASSES,
    ) -> None:
        self.log = folder / "java.log"
        configuration = folder / "log4j2.properties"
        configuration.write_text(log4j)
        path = os.pathsep.join(map(str, (classes, jar, f"{flink_home(flink) / 'lib'}/*")))
        command = [jvm.java(), f"-Dlog4j2.configurationFile={configuration.as_uri()}", *jvm_args]
        command += ["-cp", path, main_class, *map(str, args)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._lines: queue.Queue[str | None] = queue.Queue()
        assert self.process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def _read(self, out: IO[str]) -> None:
        for line in out:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(END_S)
        self._reader.join(END_S)
        for end in (self.process.stdin, self.process.stdout):
            if end is not None:
                end.close()

    def line(self, timeout_s: float) -> str:
        """The next line that it prints."""
        try:
            line = self._lines.get(timeout=timeout_s)
        except queue.Empty:
            raise AssertionError(f"nothing in {timeout_s} s:\n{self.told()}") from None
        assert line is not None, f"it ended with {self.process.wait(END_S)}:\n{self.told()}"
        return line

    def say(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def told(self) -> str:
        """The end of what it has logged."""
        return self.log.read_text("utf-8", errors="replace")[-4000:]
