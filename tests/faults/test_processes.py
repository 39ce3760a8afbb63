"""Processes of a real Flink that die, hang or start again: what is said at each moment is true."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from tests.faults.watching import NAME, Watching

pytestmark = [pytest.mark.flink, pytest.mark.alone]

HEALTHY = SCENARIOS["healthy"]
JOB = HEALTHY.job_name
SOON_S = 120
QUICK_HEARTBEAT = {"heartbeat.interval": "2000", "heartbeat.timeout": "12000"}
"""So that TaskManagers find a restarted JobManager within seconds."""
TIERS = pytest.mark.parametrize("tier", ["rest", "plugin"])


@dataclass(frozen=True)
class World:
    """A cluster with the healthy job, and a Kafka if it has the plugin."""

    cluster: Cluster
    brokers: str

    def watching(self) -> Watching:
        return Watching(self.cluster.url, brokers=self.brokers)


@contextmanager
def running(tier: str, config: Mapping[str, str] = MappingProxyType({})) -> Iterator[World]:
    """A cluster of its own, with the plugin or without."""
    with ExitStack() as stack:
        options, plugins, brokers = dict(config), {}, ""
        if tier == "plugin":
            brokers = stack.enter_context(Broker()).address
            plugin.make_topics(brokers)
            options |= plugin.options(NAME, brokers)
            plugins["drsquirrel"] = plugin.build()
        cluster = stack.enter_context(
            Cluster("2.3.0", fast_start=True, config=options, plugins=plugins)
        )
        submit(cluster, HEALTHY)
        yield World(cluster, brokers)


def healthy(report: Report) -> bool:
    return report.verdict is Verdict.HEALTHY


@TIERS
def test_a_killed_taskmanager_is_named_and_not_forgotten_when_it_is_over(tier: str) -> None:
    with running(tier) as world, world.watching() as watching:
        watching.wait_for(JOB, healthy, SOON_S)
        killed_ms = time.time() * 1000
        world.cluster.kill_taskmanager(0)
        report = watching.wait_for(
            JOB, lambda r: bool(r.incidents) and r.incidents[0].cause is not None, SOON_S
        )
        incident = report.incidents[0]
        assert incident.cause == "taskmanager-killed", watching.story(JOB)
        assert incident.culprit.container
        assert killed_ms - 1_000 <= incident.began_ms
        # The other TaskManager has slots for all, so the job goes on.
        after = watching.wait_for(
            JOB,
            lambda r: r.verdict in (Verdict.HEALTHY, Verdict.WARNING) and not r.causes,
            2 * SOON_S,
        )
        assert [i.cause for i in after.incidents] == ["taskmanager-killed"]


@TIERS
def test_a_hung_taskmanager_is_named_before_flink_notices_and_nothing_is_called_healthy(
    tier: str,
) -> None:
    with running(tier) as world, world.watching() as watching:
        watching.wait_for(JOB, healthy, SOON_S)
        world.cluster.pause_taskmanager(0)
        stopped_s = time.time()
        report = watching.wait_for(
            JOB, lambda r: bool(r.causes) and r.causes[0].code == "taskmanager-hung", SOON_S
        )
        assert report.run.state == "RUNNING", "Flink itself had noticed"
        assert report.causes[0].culprit.container
        assert time.time() - stopped_s < 60
        time.sleep(15)
        late = [s for s in watching.said[JOB] if s.at_s > stopped_s + 25]
        assert all(s.report.verdict is not Verdict.HEALTHY for s in late), watching.story(JOB)
        world.cluster.resume_taskmanager(0)


@TIERS
def test_a_job_that_a_restarted_jobmanager_forgot_is_unknown_and_not_healthy(tier: str) -> None:
    with running(tier, QUICK_HEARTBEAT) as world, world.watching() as watching:
        watching.wait_for(JOB, healthy, SOON_S)
        restarted_s = time.time()
        world.cluster.restart_jobmanager()
        report = watching.wait_for(
            JOB, lambda r: r.headline.startswith("The JobManager has not listed"), SOON_S
        )
        assert report.verdict is Verdict.UNKNOWN
        since = [s.report for s in watching.said[JOB] if s.at_s > restarted_s + 15]
        assert all(r.verdict is not Verdict.HEALTHY for r in since), watching.story(JOB)
