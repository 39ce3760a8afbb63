"""`make demo-full`: what the plugin sends comes through the watcher to a page, and all ends."""

import signal
import time
from pathlib import Path

import msgspec
import pytest

from demo.scenarios import DEMO
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from tests.conftest import need_maven, need_pyflink
from tests.demo.processes import running
from tests.demo.test_with_kafka import answer, source_of_the_plugin
from tests.faults.watching import names_the_cause

CLUSTERS = ["demo", "watcher"]
ALL_OF_THEM = "3 of 3 processes of this run send their metrics and logs."
WINDOWS_S = 420
"""Each process is told of within six minutes."""
JUDGED_S = 180
"""More."""


def misjudged(url: str) -> list[tuple[str, str]]:
    """The jobs of the demo of which another cause is named than theirs, with what is said."""
    found = []
    listed = {row["job"]["name"]: row for row in answer(f"{url}/api/v1/jobs")["jobs"]}
    for scenario in DEMO:
        run = listed[scenario.job_name]["run"]["id"]
        report = msgspec.convert(answer(f"{url}/api/v1/runs/{run}/report"), Report)
        is_right = report.verdict is Verdict.HEALTHY and not report.causes
        if not (names_the_cause(report, scenario) if scenario.expected else is_right):
            found.append((scenario.job_name, report.headline))
    return found


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
        [of_itself] = [r for r in listed["jobs"] if r["job"]["name"] == "FlinkJobWatcher"]
        assert of_itself["verdict"] != "unknown", of_itself
        while wrong := misjudged(url):
            assert time.monotonic() < deadline + JUDGED_S, (wrong, watched.output)
            time.sleep(5)
        assert watched.end(signal.SIGINT) == 0
        assert "Traceback" not in watched.output
