"""What `make run` starts: the demo, watched; and that nothing of it is left behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from drsquirrel.serve.server import listen

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


def all_end(pids: set[int]) -> bool:
    """Whether all processes end within STOP_S."""
    deadline = time.monotonic() + STOP_S
    while any(map(is_alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return not any(map(is_alive, pids))


@pytest.mark.flink
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_the_page_comes_up_and_no_process_outlives_its_starter(
    number: signal.Signals, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        watched = subprocess.Popen(
            [sys.executable, "-m", "demo.watched", "--port", "0"],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
    processes = {watched.pid}
    try:
        deadline = time.monotonic() + START_S
        while not re.search(r"The page: http://127.0.0.1:\d+", output.read_text()):
            assert watched.poll() is None and time.monotonic() < deadline, output.read_text()
            time.sleep(0.5)
        processes = descendants(watched.pid)
        assert len(processes) == 6, "we, the demo, Dr. Squirrel, a JobManager, two TaskManagers"
        watched.send_signal(number)
        assert watched.wait(STOP_S) in (0, -number)
        assert all_end(processes), output.read_text()
        assert number == signal.SIGKILL or "\nStopping Dr. Squirrel" in output.read_text()
    finally:
        for pid in filter(is_alive, processes):
            os.kill(pid, signal.SIGKILL)
        watched.wait()


def test_what_hinders_dr_squirrel_is_told_before_a_cluster_is_started() -> None:
    with listen("127.0.0.1", 0) as listening:
        taken = str(listening.getsockname()[1])
        told = {
            "is in use, perhaps by another Dr. Squirrel": refused("--port", taken),
            "--port is 70000, but must be": refused("--port", "70000"),
            "invalid int value: 'x'": refused("--port", "x"),
            "cannot be used as data directory": refused("--port", "0", "--data-dir", "/proc/x"),
        }
    for part, sentence in told.items():
        assert part in sentence


def refused(*arguments: str) -> str:
    """What is said of arguments with which nothing is started."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.watched", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=STOP_S,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr
