"""What `make run` starts: the demo, watched; and that nothing of it is left behind."""

import signal
from pathlib import Path

import pytest

from drsquirrel.serve.server import listen
from tests.demo.processes import refused, running


@pytest.mark.flink
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill -9"])
def test_the_page_comes_up_and_no_process_outlives_its_starter(
    number: signal.Signals, tmp_path: Path
) -> None:
    with running(tmp_path, "demo.watched", "--port", "0") as watched:
        watched.wait_for(r"The page: (http://127.0.0.1:\d+)")
        assert len(watched.processes) == 6, (
            "we, the demo, Dr. Squirrel, a JobManager, two TaskManagers"
        )
        assert watched.end(number) in (0, -number)
        assert number == signal.SIGKILL or "\nStopping Dr. Squirrel" in watched.output


def test_what_hinders_dr_squirrel_is_told_before_a_cluster_is_started() -> None:
    with listen("127.0.0.1", 0) as listening:
        taken = str(listening.getsockname()[1])
        told = {
            "is in use, perhaps by another Dr. Squirrel": ("--port", taken),
            "--port is 70000, but must be": ("--port", "70000"),
            "invalid int value: 'x'": ("--port", "x"),
            "cannot be used as data directory": ("--port", "0", "--data-dir", "/proc/x"),
            "Kafka is new each time": ("--kafka", "--data-dir", "x"),
        }
        for part, arguments in told.items():
            code, out, err = refused("demo.watched", *arguments)
            assert (code, out) == (2, "")
            assert part in err
