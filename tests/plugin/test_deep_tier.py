"""A real Flink with the plugin, a real Kafka, and `drsquirrel up`: the whole way."""

import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from drsquirrel.cluster import HEARD
from drsquirrel.diagnose.known import NEVER_GAP
from tests.commands import run, started

pytestmark = [pytest.mark.flink]
NAME = "shop"
SICK = SCENARIOS["slow-sink"]
LOOP = SCENARIOS["restart-loop"]
ENOUGH_S = 150.0


@dataclass(frozen=True)
class Up:
    """The running app."""

    url: str

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    def report(self, job: str) -> Any:
        """The report of a job; None before it is made."""
        try:
            self.text("/readyz")
        except HTTPError:
            return None
        rows = {row["job"]["name"]: row["run"]["id"] for row in self.get("/api/v1/jobs")["jobs"]}
        return self.get(f"/api/v1/runs/{rows[job]}/report") if job in rows else None

    def wait_for(self, job: str, holds: Callable[[Any], bool]) -> Any:
        """The first report of a job for which something holds."""
        deadline = time.monotonic() + ENOUGH_S
        report = None
        while time.monotonic() < deadline:
            report = self.report(job)
            if report is not None and holds(report):
                return report
            time.sleep(1)
        raise AssertionError(f"of {job} was said at last: {json.dumps(report)[:3000]}")


@pytest.fixture(scope="module")
def both(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Up]]:
    """One that asks REST and hears, and one that only hears."""
    folder = tmp_path_factory.mktemp("deep")
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        made = run("topics", "create", "--kafka", broker.address, "--replication", 1)
        assert made.code == 0, made.err
        cluster = stack.enter_context(
            Cluster(
                "2.3.0",
                fast_start=True,
                plugins={"drsquirrel": jar},
                config=plugin.options(NAME, broker.address),
            )
        )
        for scenario in (SICK, LOOP):
            submit(cluster, scenario)
        settings = folder / "squirrel.toml"
        settings.write_text(f'[[cluster]]\nurl = "{cluster.url}"\nname = "{NAME}"\n')
        alone = folder / "alone.toml"
        alone.write_text(f'[kafka]\nbrokers = "{broker.address}"\ngroup = "alone"\n')
        of = {"asks": ("--config", settings), "hears": ("--config", alone, "--cluster", NAME)}
        told = {
            name: stack.enter_context(
                started(
                    folder / f"{name}.log",
                    *("up", *options, "--kafka", broker.address),
                    *("--data-dir", folder / name, "--port", 0),
                )
            )
            for name, options in of.items()
        }
        yield {name: Up(one.wait_for(r"The page: (\S+)").rstrip("/")) for name, one in told.items()}


@pytest.fixture(scope="module")
def up(both: dict[str, Up]) -> Up:
    return both["asks"]


def plugin_of(report: Any) -> Any:
    return next((s for s in report["data"]["sources"] if s["name"].startswith("Plugin")), {})


def test_the_cause_is_named_from_what_the_plugin_sends(up: Up) -> None:
    report = up.wait_for(
        SICK.job_name,
        lambda r: r["causes"] and r["causes"][0]["code"] in SICK.expected,
    )
    source = plugin_of(report)
    assert source["state"] == "fresh"
    assert "3 of 3 processes of this run send their metrics and logs." in source["says"]
    assert SICK.culprit in str(report["causes"][0]["culprit"])


def test_log_lines_of_a_failing_job_are_on_its_page(up: Up) -> None:
    report = up.wait_for(LOOP.job_name, lambda r: r["data"]["logs"])
    path = f"/api/v1/runs/{report['run']['id']}/logs"
    deadline = time.monotonic() + ENOUGH_S
    of_tasks: list[Any] = []
    while not of_tasks and time.monotonic() < deadline:
        lines = up.get(path)["lines"]
        of_tasks = [line for line in lines if line["task"] and line["container"]]
        time.sleep(1)
    assert "com.example.shop" in of_tasks[0]["throwable"]
    assert any(line["level"] == "WARN" for line in of_tasks)


def test_nothing_that_the_plugin_sends_is_refused(up: Up) -> None:
    up.wait_for(SICK.job_name, lambda r: plugin_of(r).get("state") == "fresh")
    refused = [
        line
        for line in up.text("/metrics").splitlines()
        if line.startswith("drsquirrel_kafka_refused_total{")
    ]
    assert refused == []


def test_without_rest_what_fails_a_job_is_named_and_what_needs_its_plan_is_not_judged(
    both: dict[str, Up],
) -> None:
    hears = both["hears"]
    report = hears.wait_for(
        LOOP.job_name, lambda r: r["causes"] and r["causes"][0]["code"] in LOOP.expected
    )
    assert report["data"]["gaps"][0] == NEVER_GAP
    sick = hears.report(SICK.job_name)
    assert sick["verdict"] == "unknown"
    assert sick["headline"] == "Its tasks run; whether they keep up is not known"
    [row] = hears.get("/api/v1/jobs")["clusters"]
    assert (row["id"], row["state"], row["url"]) == (NAME, "heard", "")
    assert row["says"] == HEARD
