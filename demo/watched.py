"""Runs the demo and Dr. Squirrel watching it; when one of them ends, or at Ctrl-C, all do."""

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

from demo.ending import end_with_parent, interrupt_at_signals
from drsquirrel.running import opened
from drsquirrel.serve.server import ListenError
from drsquirrel.settings import Settings, SettingsError, load
from drsquirrel.store.error import StoreError

POLL_S = 0.2
DRSQUIRREL = Path(sys.executable).with_name("drsquirrel")
NAME = "demo"
"""Of the cluster, where the plugin needs one."""


def main(arguments: list[str]) -> int:
    """Return the exit code of the one that ended first."""
    asked = parse(arguments)
    command = "make run"
    if asked.kafka:
        command = "make demo-full" if asked.full else "make demo-kafka"
    interrupt_at_signals(goodbye)
    end_with_parent()
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            # The cluster is new each time, and so is what is known of it.
            flags = {"port": asked.port, "data_dir": asked.data_dir or f"{folder}/data"}
            settings = load(None, flags)
            with opened(settings):
                pass  # what would hinder Dr. Squirrel is told before a cluster is started for it
            with ExitStack() as stack:
                parts = Parts(stack, Path(folder))
                watch(parts, settings, with_kafka=asked.kafka, full=asked.full)
                return parts.wait()
    except PartEndedError as ended:
        return ended.code
    except (ListenError, SettingsError, StoreError) as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=int, metavar="N", help="port of the page; 0: a free one")
    parser.add_argument("--data-dir", metavar="DIR", help="where the history is kept")
    parser.add_argument(
        "--kafka", action="store_true", help="let the plugin tell, through a Kafka of its own"
    )
    parser.add_argument(
        "--full", action="store_true", help="likewise, through the watcher and two services"
    )
    asked = parser.parse_args(arguments)
    asked.kafka |= asked.full
    if asked.kafka and asked.data_dir:
        parser.error("Kafka is new each time, so there is no history to go on with")
    return asked


class PartEndedError(Exception):
    """A part has ended, with this exit code."""

    def __init__(self, code: int) -> None:
        self.code = code


class Parts:
    """Processes that are ended with the stack, the last first, or if we are killed."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        self.folder = folder
        self._stack = stack
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, *command: object) -> None:
        process = subprocess.Popen(
            [*map(str, command)],
            # Out of the terminal's group: a Ctrl-C reaches us alone, and we end them in order.
            start_new_session=True,
            preexec_fn=end_with_parent,
        )
        self._stack.callback(process.wait)
        self._stack.callback(process.terminate)
        self._processes.append(process)

    def start_and_find(self, module: str, option: str, *more: str) -> str:
        """Start a module of the demo, and wait until it has written its address to a file."""
        file = self.folder / option.strip("-")
        self.start(sys.executable, "-m", module, option, file, *more)
        while not file.exists():
            self._look()
        return file.read_text().strip()

    def wait(self) -> NoReturn:
        """Wait until a part ends; raises PartEndedError, as every method does then."""
        while True:
            self._look()

    def _look(self) -> None:
        for process in self._processes:
            if process.poll() is not None:
                raise PartEndedError(process.returncode)
        time.sleep(POLL_S)


def watch(parts: Parts, settings: Settings, *, with_kafka: bool, full: bool) -> None:
    """Start Kafka where it is wanted, the cluster, and Dr. Squirrel."""
    if with_kafka:
        kafka = parts.start_and_find("demo.kafka_server", "--print-address-to", "--port", "0")
        told = ("--kafka", kafka, "--cluster-name", NAME)
        url = parts.start_and_find("demo", "--print-url-to", *told)
        if full:
            behind = ("--kafka", kafka, "--flink", url, "--flink-name", NAME)
            parts.start_and_find("demo.behind", "--settings-to", *behind)
            for port in (settings.port, 0):
                config = parts.folder / "settings-to"
                parts.start(DRSQUIRREL, "serve", "--config", config, "--port", port)
            return
        config = parts.folder / "drsquirrel.toml"
        config.write_text(f'[[cluster]]\nurl = "{url}"\nname = "{NAME}"\n')
        up = ["--config", str(config), "--kafka", kafka]
    else:
        up = ["--flink", parts.start_and_find("demo", "--print-url-to")]
    up += ["--port", str(settings.port), "--data-dir", settings.data_dir]
    # It is our own cluster, so thread dumps harm nobody; they tell what a chain waits for.
    parts.start(DRSQUIRREL, "up", *up, "--thread-dumps")


def goodbye() -> None:
    print("Stopping Dr. Squirrel and the demo; this takes some seconds.", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
