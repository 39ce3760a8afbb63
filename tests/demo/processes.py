"""A command of the demo as a process, all that it starts, and how all of it ends."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 180.0
STOP_S = 30.0


def descendants(pid: int) -> set[int]:
    """The process and all it has started, in whatever session."""
    children = Path(f"/proc/{pid}/task").glob("*/children")
    below = {int(child) for path in children for child in path.read_text().split()}
    return {pid}.union(*map(descendants, below))


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Command:
    """A module of the demo that runs, and what it has written so far."""

    def __init__(self, process: "subprocess.Popen[bytes]", file: Path) -> None:
        self._process = process
        self._file = file
        self._seen = {process.pid}

    @property
    def output(self) -> str:
        return self._file.read_text()

    @property
    def processes(self) -> set[int]:
        """Itself and all that runs because of it."""
        found = descendants(self._process.pid)
        self._seen |= found
        return found

    def wait_for(self, pattern: str) -> str:
        """What it has written that this pattern's group matches, as soon as there is such."""
        deadline = time.monotonic() + START_S
        while not (found := re.search(pattern, self.output)):
            assert self._process.poll() is None and time.monotonic() < deadline, self.output
            time.sleep(0.2)
        return found[1]

    def end(self, number: int) -> int:
        """Send a signal; the exit code. Fails if something of it outlives it by long."""
        running = self.processes
        self._process.send_signal(number)
        code = self._process.wait(STOP_S)
        deadline = time.monotonic() + STOP_S
        while any(map(is_alive, running)):
            assert time.monotonic() < deadline, self.output
            time.sleep(0.2)
        return code

    def kill(self) -> None:
        """Leave nothing, whatever the test has found."""
        for pid in filter(is_alive, self._seen):
            os.kill(pid, signal.SIGKILL)
        self._process.wait()


@contextmanager
def running(folder: Path, *arguments: str, **variables: str) -> Iterator[Command]:
    """`python -m ARGUMENTS`, with its temporary files in the folder."""
    output = folder / "output"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(folder), **variables},
        )
    command = Command(process, output)
    try:
        yield command
    finally:
        command.kill()


def refused(*arguments: str, **variables: str) -> tuple[int, str, str]:
    """How a module of the demo ends that does not even begin: exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STOP_S,
        check=False,
        env={**os.environ, **variables},
    )
    return done.returncode, done.stdout, done.stderr
