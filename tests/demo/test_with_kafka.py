"""`make kafka` and `make demo-kafka`: what they start, and that nothing of it is left behind."""

import json
import signal
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from drsquirrel.serve.server import listen
from tests.commands import run
from tests.conftest import need_maven
from tests.demo.processes import refused, running

ENOUGH_S = 120.0
SICK = "payments-to-ledger"


def test_kafka_has_its_topics_and_ends_at_ctrl_c(tmp_path: Path) -> None:
    need_maven()
    with running(tmp_path, "demo.kafka_server", "--port", "0") as kafka:
        address = kafka.wait_for(r"Kafka is at (\S+); Ctrl-C ends it")
        checked = run("topics", "check", "--kafka", address)
        assert (checked.code, checked.out) == (0, ""), checked.err
        assert len(kafka.processes) == 2, "we and the broker"
        assert kafka.end(signal.SIGINT) == 0
        assert kafka.output.endswith("Kafka has ended, and its data is gone\n")
    assert list(tmp_path.glob("demo-kafka-*")) == []


def test_what_hinders_kafka_is_told_with_what_to_do(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0) as listening:
        taken = str(listening.getsockname()[1])
        code, out, _ = refused("demo.kafka_server", "--port", taken)
    assert (code, f"Port {taken} is in use: take another one" in out) == (1, True)
    # As on a machine that has fetched nothing yet.
    nothing = {"PATH": str(tmp_path), "DEMO_CACHE": str(tmp_path / "cache")}
    code, out, err = refused("demo.kafka_server", "--port", "0", **nothing)
    assert (code, err) == (1, "")
    assert "kafka: There is no Maven (mvn) here. Kafka and the plugin need it" in out
    assert out.endswith("On Debian and Ubuntu: apt-get install maven\n")


@pytest.mark.flink
@pytest.mark.alone
def test_the_demo_is_diagnosed_from_what_the_plugin_sends_and_a_kill_leaves_nothing(
    tmp_path: Path,
) -> None:
    need_maven()
    with running(tmp_path, "demo.watched", "--port", "0", "--kafka") as watched:
        url = watched.wait_for(r"The page: (http://127.0.0.1:\d+)")
        says = source_of_the_plugin(url)
        assert "3 of 3 processes of this run send their metrics and logs." in says, watched.output
        assert len(watched.processes) == 8, (
            "we, the two of Kafka, the demo, a JobManager, two TaskManagers, Dr. Squirrel"
        )
        assert watched.end(signal.SIGKILL) == -signal.SIGKILL


def source_of_the_plugin(url: str) -> str:
    """What the report of a sick job says of the plugin, once that is new."""
    deadline = time.monotonic() + ENOUGH_S
    while True:
        jobs = answer(f"{url}/api/v1/jobs")["jobs"]
        for row in jobs:
            if row["job"]["name"] == SICK:
                report = answer(f"{url}/api/v1/runs/{row['run']['id']}/report")
                for source in report["data"]["sources"]:
                    if source["name"].startswith("Plugin") and source["state"] == "fresh":
                        return str(source["says"])
        assert time.monotonic() < deadline, jobs
        time.sleep(1)


def answer(url: str) -> Any:
    """None of it is there before the first look at the cluster."""
    try:
        with urllib.request.urlopen(url, timeout=10) as got:
            return json.load(got)
    except urllib.error.HTTPError:
        return {"jobs": []}
