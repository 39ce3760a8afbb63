"""The plugin is taken out, as its page says: keys first, then the jar. And the wrong way round."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.flink_home import VERSIONS
from demo.scenarios import submit
from tests.plugin.installation import Installation, by_us
from tests.plugin.jcmd import threads
from tests.plugin.listener import Listener
from tests.plugin.story import HEALTHY
from tests.plugin.waiting import wait_for_records

pytestmark = [pytest.mark.flink, pytest.mark.alone]
RECORDS = 3_000


@dataclass
class Stage:
    """What happened between a restart and the next: the logs, messages heard, threads of ours."""

    lines: list[str]
    heard: int
    threads: list[str]


@pytest.fixture(scope="module", params=VERSIONS)
def stages(request: pytest.FixtureRequest, jar: Path) -> Iterator[dict[str, Stage]]:
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        plugin.make_topics(broker.address, partitions=1)
        listener = stack.enter_context(closing(Listener(broker.address)))
        options = plugin.options("shop", broker.address)
        cluster = stack.enter_context(
            Cluster(
                request.param,
                taskmanagers=1,
                fast_start=True,
                plugins={"drsquirrel": jar},
                config={**options, "metrics.reporter.squirrel.interval": "1 SECONDS"},
            )
        )
        installation = Installation(cluster)
        done = {"installed": stage(installation, listener)}
        installation.take_out_options()
        installation.restart()
        done["keys out"] = stage(installation, listener)
        installation.take_out_jar()
        installation.restart()
        done["jar out"] = stage(installation, listener)
        installation.change(options)
        installation.restart()
        done["keys without jar"] = stage(installation, listener)
        yield done


def stage(installation: Installation, listener: Listener) -> Stage:
    """Let a job run for a while and see what there is of us."""
    while listener.listen():
        pass  # the goodbyes of those that were restarted
    before = len(listener.heard)
    job = submit(installation.cluster, HEALTHY)
    installation.cluster.wait_running(job)
    wait_for_records(installation.cluster, job, RECORDS)
    while listener.listen():
        pass
    installation.cluster.cancel(job)
    return Stage(
        lines=[line for lines in installation.news().values() for line in lines],
        heard=len(listener.heard) - before,
        threads=[t for pid in installation.cluster.pids.values() for t in threads(pid)],
    )


def test_while_it_is_there_it_sends(stages: dict[str, Stage]) -> None:
    installed = stages["installed"]
    assert installed.heard > 10
    assert len(by_us(installed.lines)) == 2
    assert len(installed.threads) == 4, "of two processes: ours, and Kafka's for us"


def test_without_its_options_the_jar_does_nothing(stages: dict[str, Stage]) -> None:
    alone = stages["keys out"]
    assert (alone.heard, by_us(alone.lines), alone.threads) == (0, [], [])


def test_when_the_jar_is_gone_nothing_is_left_of_it(stages: dict[str, Stage]) -> None:
    gone = stages["jar out"]
    assert (gone.heard, gone.threads) == (0, [])
    assert not [line for line in gone.lines if "squirrel" in line.lower()]


def test_with_the_jar_taken_out_first_flink_says_what_is_missing_and_runs(
    stages: dict[str, Stage],
) -> None:
    wrong_way = stages["keys without jar"]
    assert (wrong_way.heard, wrong_way.threads) == (0, [])
    named = [line for line in wrong_way.lines if plugin.PACKAGE in line and " WARN " in line]
    assert any("KafkaMetricReporterFactory" in line for line in named), named
