"""`drsquirrel up --yarn` on a real YARN with a real Flink: who is killed, and what is said."""

import json
import os
import re
import shutil
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import Any

import msgspec
import pytest

from demo.broker import Broker
from demo.plugin import make_topics, options
from demo.rest import DIRECT
from demo.scenarios import CONFIG, JOB_CLASS
from demo.yarn import Yarn
from demo.yarn_session import YarnSession
from drsquirrel.model.report import JobList, Report
from drsquirrel.model.verdict import Stand, Verdict
from tests.commands import run, started
from tests.conftest import need_maven

pytestmark = [pytest.mark.flink, pytest.mark.alone]

CALM = "--rate 200"
LEAKS = "--rate 400 --enrich leak:32"
MORE_HEAP = {"env.java.opts.taskmanager": "-Xmx1500m"}
PATIENCE_S = 90
SOON_S = 30
"""DIAGNOSIS.md: lost processes are named within this time."""


@pytest.fixture(scope="module")
def yarn() -> Iterator[Yarn]:
    need_maven()
    with Yarn() as yarn:
        yield yarn


class Up:
    """A Dr. Squirrel that was told of YARN alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _get(self, path: str) -> bytes:
        with DIRECT.open(urllib.request.Request(f"{self.url}/api/v1/{path}"), timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def jobs(self) -> JobList:
        return msgspec.json.decode(self._get("jobs"), type=JobList)

    def report(self, job: str) -> Report | None:
        """The newest report of a job."""
        try:
            rows = [row for row in self.jobs().jobs if row.job.name == job]
        except OSError:  # no look has been stored yet
            return None
        if not rows:
            return None
        return msgspec.json.decode(self._get(f"runs/{rows[0].run.id}/report"), type=Report)

    def wait_for(self, job: str, holds: Callable[[Report], Any]) -> Report:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            report = self.report(job)
            if report is not None and holds(report):
                return report
            told = json.dumps(msgspec.to_builtins(report))[:3_000]
            assert time.monotonic() < deadline, told
            time.sleep(0.5)


@contextmanager
def watched(yarn: Yarn, folder: Path, *more: object) -> Iterator[Up]:
    arguments = ("up", "--yarn", yarn.url, "--port", 0, "--data-dir", folder / "data", *more)
    with started(folder / "log", *arguments) as command:
        yield Up(command.wait_for(r"The page: (\S+)"))


def pid_of(yarn: Yarn, container: str) -> int:
    [pid] = yarn.container_pids(container)
    return pid


def test_a_job_shows_its_application_and_who_was_killed_for_memory(
    yarn: Yarn, tmp_path: Path
) -> None:
    session = YarnSession(yarn, "leaking", {**CONFIG, **MORE_HEAP})
    with watched(yarn, tmp_path) as up:
        session.run(JOB_CLASS, name="leaks", args=LEAKS.split())
        [taskmanager] = session.taskmanagers()
        facts = up.wait_for("leaks", lambda r: r.yarn and len(r.yarn.alive) == 2).yarn
        assert facts is not None
        assert (facts.user, facts.queue, facts.state) == (getuser(), "root.default", "RUNNING")
        assert facts.launched_ms and facts.application == session.application
        killed = f"TaskManager `{taskmanager}` was killed for its memory"
        while yarn.container_pids(taskmanager):
            time.sleep(0.2)
        killed_s = time.monotonic()
        report = up.wait_for("leaks", lambda r: r.headline.startswith(killed))
        assert time.monotonic() - killed_s < SOON_S
        assert "832 MB allowed" in report.headline
        assert report.subline.startswith("Certain.")
        told = [entry["stacktrace"] for entry in exceptions(session)]
        assert told and all("memory" not in text for text in told), "Flink does not know why"
        text = run("diagnose", up.url, "--job", "leaks").out
        assert f"user {getuser()} · queue root.default · launched" in text
        assert f"{taskmanager} · " in text
        assert re.search(r"exit code (-104|143) \(physical-memory\)", text)
    yarn.kill_application(session.application)


def exceptions(session: YarnSession) -> list[dict[str, str]]:
    [job] = [j["jid"] for j in session.rest.get("/jobs/overview")["jobs"]]
    entries: list[dict[str, str]]
    entries = session.rest.get(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
    return entries


def test_a_taskmanager_killed_by_somebody_is_said_to_be_and_memory_left_open(
    yarn: Yarn, tmp_path: Path
) -> None:
    session = YarnSession(yarn, "calm", CONFIG)
    with watched(yarn, tmp_path) as up:
        session.run(JOB_CLASS, name="calm", args=CALM.split())
        [taskmanager] = session.taskmanagers()
        up.wait_for("calm", lambda r: r.verdict is Verdict.HEALTHY)
        os.kill(pid_of(yarn, taskmanager), signal.SIGKILL)
        killed_s = time.monotonic()
        title = (
            f"TaskManager `{taskmanager}` was killed (exit code 137); "
            "whether for memory cannot be decided"
        )
        report = up.wait_for("calm", lambda r: any(i.title == title for i in r.incidents))
        assert time.monotonic() - killed_s < SOON_S
        report = up.wait_for("calm", lambda r: r.causes)
        [open_] = [e for e in report.causes[0].evidence if e.stand is Stand.UNDECIDED]
        assert open_.text.startswith("whether for memory cannot be decided")
    yarn.kill_application(session.application)


@pytest.mark.parametrize("name", ["shop", ""])
def test_where_nobody_says_for_what_it_was_killed_the_last_rss_is_told(
    yarn: Yarn, broker: Broker, jar: Path, tmp_path: Path, name: str
) -> None:
    """The plugin tells it, of a cluster that has the plugin's name in the settings, or of an
    application that has none."""
    plugins = tmp_path / "plugins"
    (plugins / "squirrel").mkdir(parents=True)
    shutil.copy(jar, plugins / "squirrel")
    prefix = f"yarn-{name}-"
    make_topics(broker.address, prefix)
    config = {**CONFIG, **options(name, broker.address)}
    config["metrics.reporter.squirrel.topic.prefix"] = prefix
    session = YarnSession(yarn, f"with-plugin-{name}", config, plugins)
    settings = tmp_path / "settings.toml"
    by_hand = f'[[cluster]]\nname = "{name}"\nurl = "{session.proxy_url}"\n' if name else ""
    settings.write_text(
        f'{by_hand}[kafka]\nbrokers = "{broker.address}"\ntopic_prefix = "{prefix}"\n'
    )
    with watched(yarn, tmp_path, "--config", settings) as up:
        session.run(JOB_CLASS, name="told", args=CALM.split())
        [taskmanager] = session.taskmanagers()
        fresh = ("fresh", "Plugin, through Kafka")
        up.wait_for("told", lambda r: fresh in [(s.state, s.name) for s in r.data.sources])
        time.sleep(15)
        os.kill(pid_of(yarn, taskmanager), signal.SIGKILL)
        title = "was killed (exit code 137); whether for memory cannot be decided"
        report = up.wait_for("told", lambda r: r.headline.endswith(title))
        [open_] = [e for e in report.causes[0].evidence if e.stand is Stand.UNDECIDED]
        assert re.match(r"last RSS \d{3} MB of 832 MB", open_.value), open_
        watched_as = name or session.application
        assert report.job.cluster == watched_as
        assert [c.id for c in up.jobs().clusters if c.state != "ended"] == [watched_as]
    yarn.kill_application(session.application)


def test_an_application_whose_master_died_keeps_its_last_page(yarn: Yarn, tmp_path: Path) -> None:
    session = YarnSession(yarn, "dying", CONFIG)
    with watched(yarn, tmp_path) as up:
        session.run(JOB_CLASS, name="dying", args=CALM.split())
        before = up.wait_for("dying", lambda r: r.yarn and r.hour.strips)
        assert before.yarn is not None
        master = min(c.id for c in before.yarn.containers)
        os.kill(pid_of(yarn, master), signal.SIGKILL)
        report = up.wait_for("dying", lambda r: "YARN application failed" in r.headline)
        assert report.verdict is Verdict.FAILING and "137" in report.subline
        assert report.run.id == before.run.id and report.hour.strips
        assert report.yarn is not None and report.yarn.state == "FAILED"
        [row] = [c for c in up.jobs().clusters if c.id == session.application]
        assert (row.state, row.says) == (
            "ended",
            "Its YARN application is over (FAILED): its last pages stay for a day.",
        )
        time.sleep(5)
        assert up.report("dying") == report
