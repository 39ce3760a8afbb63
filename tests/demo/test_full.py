"""`make demo-full`: what the plugin sends comes through the watcher to a page, and all ends."""

import signal
import time
from pathlib import Path

import pytest

from tests.conftest import need_maven, need_pyflink
from tests.demo.processes import running
from tests.demo.test_with_kafka import answer, source_of_the_plugin

CLUSTERS = ["demo", "watcher"]
ALL_OF_THEM = "3 of 3 processes of this run send their metrics and logs."
WINDOWS_S = 420
"""Each process is told of within six minutes."""


@pytest.mark.flink
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_the_demo_is_diagnosed_through_the_watcher_which_is_watched_too(tmp_path: Path) -> None:
    need_maven()
    need_pyflink()
    with running(tmp_path, "demo.watched", "--port", "0", "--full") as watched:
        url = watched.wait_for(r"The page: (http://127.0.0.1:\d+)")
        deadline = time.monotonic() + WINDOWS_S
        while ALL_OF_THEM not in (says := source_of_the_plugin(url)):
            assert time.monotonic() < deadline, (says, watched.output)
            time.sleep(5)
        listed = answer(f"{url}/api/v1/jobs")
        assert [cluster["id"] for cluster in listed["clusters"]] == CLUSTERS
        assert "FlinkJobWatcher" in [row["job"]["name"] for row in listed["jobs"]]
        assert watched.end(signal.SIGINT) == 0
        assert "Traceback" not in watched.output
