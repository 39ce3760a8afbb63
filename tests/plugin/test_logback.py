"""A real Flink that logs by logback: the plugin takes its lines there, and all else arrives."""

import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import flink_home
from demo.maven import maven
from drsquirrel.model.event import (
    CheckpointEvent,
    ConfigEvent,
    FailureEvent,
    LogEvent,
    MetricReport,
)
from tests.plugin import planted, talkative
from tests.plugin.listener import Listener

pytestmark = pytest.mark.flink
NAME = "shop"
OUR_LOGGER = "io.drsquirrel."
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
LOGBACK = """\
<configuration>
  <appender name="file" class="ch.qos.logback.core.FileAppender">
    <file>${log.file}</file>
    <encoder><pattern>%d{yyyy-MM-dd HH:mm:ss.SSS} %-5level %logger - %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="file"/></root>
</configuration>
"""
"""As Flink's own conf/logback.xml."""
AS_FLINKS_PAGE_SAYS = ("log4j-slf4j-impl",)
ALL_OF_LOG4J = ("log4j-",)


@dataclass
class Heard:
    """What a Flink with one talkative job told, and what is in its logs."""

    listener: Listener
    version: str
    job: str = ""
    logs: dict[str, str] = field(default_factory=dict)


@pytest.fixture(
    scope="module",
    params=[
        ("2.3.0", AS_FLINKS_PAGE_SAYS),
        pytest.param(("2.3.0", ALL_OF_LOG4J), marks=pytest.mark.alone),
        pytest.param(("1.20.5", AS_FLINKS_PAGE_SAYS), marks=pytest.mark.alone),
        pytest.param(("1.18.1", AS_FLINKS_PAGE_SAYS), marks=pytest.mark.alone),
    ],
    ids=lambda param: "-without-".join((param[0], *param[1])),
)
def heard(
    request: pytest.FixtureRequest, jar: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Heard]:
    version, without = request.param
    folder = tmp_path_factory.mktemp("logback")
    _make_home(folder / "flink" / version / "lib", version, without)
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        heard = Heard(stack.enter_context(closing(Listener(broker.address))), version)
        job_jar = talkative.compiled(folder)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DEMO_CACHE", str(folder))
            cluster = stack.enter_context(_cluster(version, jar, broker.address))
        heard.job = talkative.submit(cluster, job_jar, planted.TOLD)
        heard.listener.until(lambda: _all_was_heard(heard))
        cluster.cancel(heard.job)
        logs = (cluster.folder / "log").iterdir()
        heard.logs = {log.name: log.read_text(errors="replace") for log in logs}
        yield heard


def _make_home(lib: Path, version: str, without: tuple[str, ...]) -> None:
    """Flink's jars with logback instead of these."""
    lib.mkdir(parents=True)
    for jar in (flink_home(version) / "lib").glob("*.jar"):
        if not jar.name.startswith(without):
            (lib / jar.name).symlink_to(jar)
    logback = ("-DincludeGroupIds=ch.qos.logback", f"-DoutputDirectory={lib}")
    maven(plugin.PLUGIN / "pom.xml", COPY, *logback)
    with zipfile.ZipFile(lib / "logback-configuration.jar", "w") as configuration:
        configuration.writestr("logback.xml", LOGBACK)


def _cluster(version: str, jar: Path, brokers: str) -> Cluster:
    options = plugin.options(NAME, brokers)
    return Cluster(
        version,
        taskmanagers=1,
        fast_start=True,
        plugins={"drsquirrel": jar},
        config={
            **options,
            "metrics.reporter.squirrel.interval": "1 SECONDS",
            "execution.checkpointing.interval": "1 s",
            **planted.OPTIONS,
        },
    )


def _all_was_heard(heard: Heard) -> bool:
    lines = heard.listener.of(LogEvent)
    return (
        len(heard.listener.of(ConfigEvent)) == 2
        and len(heard.listener.reports(heard.job)) > 6
        and bool(heard.listener.of(FailureEvent))
        and (bool(heard.listener.of(CheckpointEvent)) or heard.version.startswith("1.18"))
        and any(e.task and e.throwable for e in lines)
        and any("connecting with" in e.message for e in lines)
    )


def test_flink_logs_by_logback(heard: Heard) -> None:
    written = {name for name, log in heard.logs.items() if name.endswith(".log") and log}
    assert written == {"jobmanager.log", "taskmanager-0.log"}
    assert "ERROR Talkative - connecting with" in heard.logs["taskmanager-0.log"]


def test_metrics_failures_checkpoints_and_configurations_arrive(heard: Heard) -> None:
    told = {report.origin.container for report in heard.listener.of(MetricReport)}
    assert len(told) == 2 and "" in told
    assert {f.job for f in heard.listener.of(FailureEvent)} == {heard.job}
    assert {e.origin.container for e in heard.listener.of(ConfigEvent)} == told
    if not heard.version.startswith("1.18"):
        assert {c.job for c in heard.listener.of(CheckpointEvent)} == {heard.job}


def test_a_line_names_the_job_the_task_and_the_thread_that_wrote_it(heard: Heard) -> None:
    lines = [e for e in heard.listener.of(LogEvent) if e.logger == "Talkative"]
    assert {e.level for e in lines} == {"WARN", "ERROR"}
    for line in lines:
        assert line.job == heard.job
        assert "talk" in line.task and line.task == line.thread
        assert line.host and line.origin.container
    failed = [e for e in heard.listener.of(LogEvent) if e.throwable and e.task]
    assert any("Caused by: java.lang.IllegalArgumentException" in e.throwable for e in failed)


def test_no_secret_is_in_any_message(heard: Heard) -> None:
    assert not [h.topic for h in heard.listener.heard if planted.LOOK in h.raw]
    lines = [e.message for e in heard.listener.of(LogEvent) if "connecting with" in e.message]
    assert lines and all("password=•••• (redacted: pair)" in line for line in lines)


def test_what_logs_while_it_is_logged_ends(heard: Heard) -> None:
    chatty = [e for e in heard.listener.of(LogEvent) if e.message.startswith("a chatty object")]
    assert chatty and all(e.task for e in chatty)


def test_in_flinks_log_the_plugin_says_that_it_reaches_kafka_and_kafkas_client_nothing(
    heard: Heard,
) -> None:
    for name in ("jobmanager.log", "taskmanager-0.log"):
        lines = heard.logs[name].splitlines()
        ours = [line for line in lines if f" {OUR_LOGGER}" in line.partition(" - ")[0]]
        # On a busy machine it may give the broker up for a time, and say so.
        assert 1 <= len(ours) <= 3, ours
        assert all("reach" in line for line in ours)
        last = ours[-1].partition(" Dr. Squirrel ")[2]
        assert last.startswith(("has reached Kafka", "reaches Kafka again")), ours
