"""Runs the demo and Dr. Squirrel watching it; when one of them ends, or at Ctrl-C, both do."""

import argparse
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType

from demo.child import LIBC, PR_SET_PDEATHSIG
from drsquirrel.app import opened
from drsquirrel.serve.server import ListenError
from drsquirrel.settings import Settings, SettingsError, load
from drsquirrel.store.error import StoreError

POLL_S = 0.2
DRSQUIRREL = Path(sys.executable).with_name("drsquirrel")


def main(arguments: list[str]) -> int:
    """Return the exit code of the one that ended first."""
    asked = parse(arguments)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    end_with_parent()
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            # The cluster is new each time, and so is what is known of it.
            flags = {"port": asked.port, "data_dir": asked.data_dir or f"{folder}/data"}
            settings = load(None, flags)
            with opened(settings):
                pass  # what would hinder Dr. Squirrel is told before a cluster is started for it
            return watch(Path(folder) / "url", settings)
    except (ListenError, SettingsError, StoreError) as error:
        print(f"make run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--port", type=int, metavar="N", help="port of the page; 0: a free one")
    parser.add_argument("--data-dir", metavar="DIR", help="where the history is kept")
    return parser.parse_args(arguments)


def watch(url_file: Path, settings: Settings) -> int:
    with running(sys.executable, "-m", "demo", "--print-url-to", str(url_file)) as demo:
        while not url_file.exists():
            if demo.poll() is not None:
                return demo.returncode
            time.sleep(POLL_S)
        up = [str(DRSQUIRREL), "up", "--flink", url_file.read_text().strip()]
        up += ["--port", str(settings.port), "--data-dir", settings.data_dir]
        # It is our own cluster, so thread dumps harm nobody; they tell what a chain waits for.
        with running(*up, "--thread-dumps") as watcher:
            while True:
                for process in (demo, watcher):
                    if process.poll() is not None:
                        return process.returncode
                time.sleep(POLL_S)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is ended with the block, or if we are killed."""
    process = subprocess.Popen(
        command,
        # Out of the terminal's group: a Ctrl-C reaches us alone, and we end them in order.
        start_new_session=True,
        preexec_fn=end_with_parent,
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def interrupt(number: int, frame: FrameType | None) -> None:
    print("Stopping Dr. Squirrel and the demo; this takes some seconds.", flush=True)
    raise KeyboardInterrupt


def end_with_parent() -> None:
    """However the process that started this one ends, this one ends too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
