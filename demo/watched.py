"""Runs the demo and Dr. Squirrel watching it; when one of them ends, or at Ctrl-C, both do."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from demo.__main__ import interrupt
from demo.cluster import LIBC, PR_SET_PDEATHSIG

POLL_S = 0.2
DRSQUIRREL = Path(sys.executable).with_name("drsquirrel")


def main(up_arguments: list[str]) -> int:
    """Return the exit code of the one that ended first."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    end_with_parent()
    try:
        with TemporaryDirectory(prefix="demo-") as folder:
            # The cluster is new each time, and so is what is known of it.
            # It is our own cluster, so thread dumps harm nobody; they tell what a chain waits for.
            ours = ["--thread-dumps", "--data-dir", f"{folder}/data"]
            return watch(Path(folder) / "url", [*ours, *up_arguments])
    except KeyboardInterrupt:
        return 0


def watch(url_file: Path, up_arguments: list[str]) -> int:
    with running(sys.executable, "-m", "demo", "--print-url-to", str(url_file)) as demo:
        while not url_file.exists():
            if demo.poll() is not None:
                return demo.returncode
            time.sleep(POLL_S)
        url = url_file.read_text().strip()
        with running(str(DRSQUIRREL), "up", "--flink", url, *up_arguments) as watcher:
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


def end_with_parent() -> None:
    """However the process that started this one ends, this one ends too."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
