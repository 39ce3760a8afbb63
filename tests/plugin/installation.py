"""The plugin in a running cluster, changed as a user changes it: in files, with restarts."""

import json
import re
import shutil
import signal
from collections.abc import Mapping

from demo import plugin
from demo.cluster import Cluster

FOLDER = "drsquirrel"
REPORTER = "metrics.reporter.squirrel"
OPTIONS = frozenset(plugin.options("", ""))
BY_US = re.compile(r"^\S+ \S+ [A-Z]+ +io\.drsquirrel\.")
"""A line of our loggers, in the layout of the demo's clusters."""


class Installation:
    """What is in the files of a cluster, and what Flink's logs say since the last change."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self._read: dict[str, int] = {}

    def change(self, options: Mapping[str, str | None]) -> None:
        """Write options into Flink's file of options; None takes one out."""
        [file] = (self.cluster.folder / "conf").glob("*.yaml")
        is_yaml = file.name == "config.yaml"
        lines = file.read_text().splitlines()
        kept = [line for line in lines if line.partition(":")[0] not in options]
        for key, value in options.items():
            if value is not None:
                kept.append(f"{key}: {json.dumps(value) if is_yaml else value}")
        file.write_text("\n".join(kept) + "\n")

    def take_out_options(self) -> None:
        self.change(dict.fromkeys([*OPTIONS, f"{REPORTER}.interval"]))

    def take_out_jar(self) -> None:
        shutil.rmtree(self.cluster.folder / "plugins" / FOLDER)

    def restart(self) -> None:
        """End all processes politely, and start a JobManager and one TaskManager."""
        for index in range(len(self.cluster.taskmanagers)):
            self.cluster.kill_taskmanager(index, signal.SIGTERM)
        self.cluster.taskmanagers.clear()
        self.cluster.restart_jobmanager(signal.SIGTERM)
        self.cluster.start_taskmanager()
        self.cluster.wait_registered()

    def news(self) -> dict[str, list[str]]:
        """The lines that have come since the last call, by the log's name."""
        news = {}
        for path in sorted((self.cluster.folder / "log").glob("*.log")):
            text = path.read_text(errors="replace")
            news[path.stem] = text[self._read.get(path.name, 0) :].splitlines()
            self._read[path.name] = len(text)
        return {name: lines for name, lines in news.items() if lines}


def by_us(lines: list[str]) -> list[str]:
    return [line for line in lines if BY_US.match(line)]
