"""The plugin in a real Flink before a broker with TLS, users and rights: one TaskManager comes as
it should, one with a wrong password, one to the topics of another cluster."""

import re
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin import AclOperation, ResourceType

from demo import plugin
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from demo.secured import Right, SecuredBroker, admin_rights, plugin_rights, reader_rights
from drsquirrel.collect.kafka.topics import PLUGIN_TOPICS
from drsquirrel.model.event import ConfigEvent, Message, MetricReport, message_decoder
from tests.commands import Started, run, started

pytestmark = [pytest.mark.flink, pytest.mark.alone]
NAME, LAB, FINANCE = "lab", "lab-", "finance-"
REPORTER = "metrics.reporter.squirrel"
WRONG = "wr0ng-pa55w0rd-of-the-lab"
GOOD, MISTAKEN, ASTRAY = range(3)
"""The TaskManagers."""
ENOUGH_S = 120.0
HEALTHY = replace(SCENARIOS["healthy"], parallelism=3)
"""It has a task on each of them."""


@dataclass
class Scene:
    """What runs, and what came on the topics of both clusters."""

    broker: SecuredBroker
    cluster: Cluster
    job: str
    up: Started
    listener: Consumer
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    def until(self, holds: Callable[[], object]) -> None:
        """Listen until something holds."""
        deadline = time.monotonic() + ENOUGH_S
        while not holds():
            assert time.monotonic() < deadline, self.cluster.log_tail()
            for raw in self.listener.consume(500, 0.2):
                assert raw.error() is None, raw.error()
                self.heard.append((raw.topic() or "", raw.value() or b""))

    def messages(self, prefix: str) -> list[Message]:
        return [message_decoder.decode(value) for t, value in self.heard if t.startswith(prefix)]

    def log(self, taskmanager: int) -> str:
        return (self.cluster.folder / "log" / f"taskmanager-{taskmanager}.log").read_text()

    def refused_logins(self) -> int:
        """How often somebody came to the broker with a wrong password."""
        return (self.broker.folder / "broker.out").read_text().count("Failed authentication")

    def said(self, taskmanager: int) -> list[str]:
        """What a TaskManager's log holds of the plugin, beside that all is well."""
        lines = re.findall(r"^\S+ \S+ (?:WARN|ERROR) .*", self.log(taskmanager), re.M)
        return [line for line in lines if re.search("squirrel|kafka", line, re.I)]


@pytest.fixture(scope="module")
def scene(jar: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("secured")
    rights = {
        "admin": admin_rights(LAB, FINANCE),
        "plugin": plugin_rights(LAB),
        "squirrel": reader_rights(LAB, FINANCE),
        "listener": reader_rights(LAB, FINANCE, group="listener"),
    }
    with ExitStack() as stack:
        broker = stack.enter_context(SecuredBroker(rights))
        for prefix in (LAB, FINANCE):
            admin = settings(folder / f"{prefix}admin.toml", broker, "admin", prefix)
            made = run("topics", "create", "--replication", 1, "--partitions", 1, "--config", admin)
            assert made.code == 0, made.err
        config = {
            **plugin.options(NAME, broker.address),
            **broker.plugin_options("plugin"),
            f"{REPORTER}.interval": "2 SECONDS",
            f"{REPORTER}.topic.prefix": LAB,
        }
        jars = {"drsquirrel": jar}
        cluster = stack.enter_context(
            Cluster("2.3.0", taskmanagers=1, fast_start=True, plugins=jars, config=config)
        )
        assert cluster.start_taskmanager(broker.plugin_options("plugin", WRONG)) == MISTAKEN
        assert cluster.start_taskmanager({f"{REPORTER}.topic.prefix": FINANCE}) == ASTRAY
        cluster.wait_registered()
        told = settings(folder / "squirrel.toml", broker, "squirrel", LAB, cluster.url)
        more = ("--data-dir", folder / "data", "--port", 0)
        up = stack.enter_context(started(folder / "up.log", "up", "--config", told, *more))
        listener = Consumer(
            {
                **broker.client("listener"),
                "group.id": "listener",
                "auto.offset.reset": "earliest",
            }
        )
        stack.callback(listener.close)
        listener.subscribe([prefix + topic for prefix in (LAB, FINANCE) for topic in PLUGIN_TOPICS])
        job = submit(cluster, HEALTHY)
        cluster.wait_running(job)
        yield Scene(broker, cluster, job, up, listener)
        assert cluster.job(job)["state"] == "RUNNING"


def settings(file: Path, broker: SecuredBroker, user: str, prefix: str, url: str = "") -> Path:
    """Dr. Squirrel's settings for this user."""
    cluster = f'[[cluster]]\nurl = "{url}"\nname = "{NAME}"\n' if url else ""
    file.write_text(
        f'{cluster}[kafka]\nbrokers = "{broker.address}"\ntopic_prefix = "{prefix}"\ntls = true\n'
        f'ca_file = "{broker.ca_file}"\nuser = "{user}"\n'
        f'password_file = "{broker.password_file(user)}"\n'
    )
    return file


def containers(scene: Scene, prefix: str) -> set[str]:
    return {m.origin.container for m in scene.messages(prefix) if isinstance(m, MetricReport)}


def test_what_a_plugin_with_its_user_sends_arrives_and_is_read(scene: Scene) -> None:
    scene.until(lambda: {f.job for f in reports(scene, LAB)} >= {"", scene.job})
    url = scene.up.wait_for(r"The page: (\S+)").rstrip("/")

    def read() -> int:
        with urllib.request.urlopen(f"{url}/metrics", timeout=10) as answer:
            told = answer.read().decode()
        assert "drsquirrel_kafka_refused_total{" not in told
        return int((re.search(r"kafka_messages_total (\d+)", told) or [0, 0])[1])

    scene.until(read)
    assert "No Kafka broker" not in scene.up.err
    # On a busy machine the first attempts may take too long, which is told.
    assert [line for line in scene.said(GOOD) if "no broker answers" not in line] == []


def reports(scene: Scene, prefix: str) -> list[MetricReport]:
    return [m for m in scene.messages(prefix) if isinstance(m, MetricReport)]


def test_a_wrong_password_is_one_line_in_the_log_and_flink_goes_on(scene: Scene) -> None:
    scene.until(lambda: scene.said(MISTAKEN))
    before, refusals = scene.cluster.job(scene.job)["duration"], scene.refused_logins()
    scene.until(lambda: scene.refused_logins() > refusals)
    [line] = scene.said(MISTAKEN)
    assert (
        "Dr. Squirrel cannot reach Kafka: SaslAuthenticationException: Authentication failed"
        in (line)
    )
    assert "Check the reporter's option kafka.bootstrap.servers and those on security." in line
    job = scene.cluster.job(scene.job)
    assert (job["state"], job["duration"] > before) == ("RUNNING", True)


def test_topics_of_another_cluster_stay_empty_and_each_refusal_is_told_once_and_counted(
    scene: Scene,
) -> None:
    scene.until(lambda: any("flink-containers" in line for line in scene.said(ASTRAY)))
    assert scene.messages(FINANCE) == []
    right = Right(AclOperation.WRITE, ResourceType.TOPIC, f"{FINANCE}flink-containers")
    scene.broker.allow("plugin", right)
    scene.until(lambda: refused(scene) > 0)
    topics = [found[1] for line in scene.said(ASTRAY) if (found := re.search(r"for (\S+):", line))]
    assert Counter(topics).most_common(1)[0][1] == 1
    for line in scene.said(ASTRAY):
        assert "Dr. Squirrel: Kafka does not take what is sent to the topic for" in line
        assert "Check the credentials and the rights on the topic." in line


def refused(scene: Scene) -> float:
    """How many messages the TaskManager that went astray says it has lost by refusal."""
    told = 0.0
    for report in reports(scene, FINANCE):
        for table in report.tables:
            by_name = dict(zip(table.names, table.numbers, strict=False))
            told = max(told, by_name.get("publisher_dropped_refused_total") or 0)
    return told


def test_no_password_leaves_a_process(scene: Scene) -> None:
    key = f"{REPORTER}.kafka.sasl.jaas.config"
    scene.until(lambda: any(isinstance(m, ConfigEvent) for m in scene.messages(LAB)))
    shown = [m.options[key] for m in scene.messages(LAB) if isinstance(m, ConfigEvent)]
    assert shown and all(value.endswith("(redacted: key)") for value in shown)
    files = [f for f in (scene.cluster.folder / "log").iterdir() if f.is_file()]
    assert len(files) >= 4
    secrets = [password.encode() for password in (WRONG, *scene.broker.passwords.values())]
    for place, text in [*scene.heard, *((f.name, f.read_bytes()) for f in files)]:
        assert not any(secret in text for secret in secrets), place
