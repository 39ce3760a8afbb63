"""Child processes that end with this process, however it ends, kill -9 included."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
Child = subprocess.Popen[bytes]


class Children:
    """Starts processes whose output goes to files."""

    def __init__(self) -> None:
        # A child's death signal is tied to the thread that started it, so one thread starts all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")

    def start(
        self, command: Sequence[str], output: Path, environment: Mapping[str, str], folder: Path
    ) -> Child:
        """Start a process in a folder; what it prints is added to `output`."""
        return self._starter.submit(_start, command, output, environment, folder).result()

    def close(self) -> None:
        """Start no more."""
        self._starter.shutdown()


def _start(
    command: Sequence[str], output: Path, environment: Mapping[str, str], folder: Path
) -> Child:
    parent = os.getpid()

    def die_with_parent() -> None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    with output.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            # Out of the terminal's group: a Ctrl-C reaches us, and we end them in order.
            start_new_session=True,
            preexec_fn=die_with_parent,
        )


def end(children: Iterable[Child], timeout_s: float) -> None:
    """End processes, politely first, and wait for them."""
    living = list(children)
    for child in living:
        # A stopped process would take the SIGTERM only after it is continued.
        child.send_signal(signal.SIGTERM)
        child.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + timeout_s
    for child in living:
        try:
            child.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
