"""The commands as processes of their own, as a user starts them."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMAND = (sys.executable, "-m", "drsquirrel.cli")
TIMEOUT_S = 100.0


@dataclass(frozen=True)
class Done:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str


def environment(**variables: str) -> dict[str, str]:
    """Ours, without what would change what a command does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("DRS_", "XDG_", "LC_", "COLUMNS", "FORCE_COLOR", "NO_COLOR"))
    }
    return {**kept, "PYTHONPATH": str(ROOT), **variables}


def can_be_interrupted() -> None:
    """What runs in the background of a shell has SIGINT ignored, and so have its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def run(*arguments: object, **variables: str) -> Done:
    """The command with these arguments and environment variables."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        env=environment(PYTHONFAULTHANDLER="1", **variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # the fault handler tells where it hung
        out, err = process.communicate()
    decoded = (raw.decode("utf-8", "surrogateescape") for raw in (out, err))
    return Done(process.returncode, *decoded)


class Started:
    """A command that runs; what it writes to stderr is read while it runs."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def err(self) -> str:
        return self._log.read_text("utf-8", "surrogateescape")

    def wait_for(self, pattern: str, timeout_s: float = TIMEOUT_S) -> str:
        """What it has written that this pattern's group matches, as soon as there is such."""
        deadline = time.monotonic() + timeout_s
        while (found := re.search(pattern, self.err)) is None:
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.05)
        return found[1] if found.groups() else found[0]

    def end(self, number: int = signal.SIGTERM, timeout_s: float = TIMEOUT_S) -> int:
        """Send a signal and wait; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)


@contextmanager
def started(
    log: Path, *arguments: object, variables: Mapping[str, str] | None = None
) -> Iterator[Started]:
    """The command with these arguments, killed at the end if it still runs."""
    with log.open("ab") as err:
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            env=environment(**(variables or {})),
            stdout=subprocess.DEVNULL,
            stderr=err,
            preexec_fn=can_be_interrupted,
        )
    try:
        yield Started(process, log)
    finally:
        process.kill()
        process.wait()
