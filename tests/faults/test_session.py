"""Two jobs in one container, seen through the plugin and Kafka: the right one is blamed."""

from collections.abc import Iterator

import pytest

from demo import plugin
from demo.broker import Broker
from demo.cluster import Cluster
from demo.scenarios import SCENARIOS, submit
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from tests.faults.watching import NAME, Watching, names_the_cause

pytestmark = [pytest.mark.flink, pytest.mark.alone]
ENOUGH_S = 200
SLOW, BESIDE, GARBAGE = (SCENARIOS[n] for n in ("slow-sink", "healthy", "gc-pressure"))
CALM = {Verdict.HEALTHY, Verdict.UNKNOWN}


@pytest.fixture(scope="module")
def kafka() -> Iterator[Broker]:
    with Broker() as kafka:
        plugin.make_topics(kafka.address)
        yield kafka


@pytest.fixture(scope="module")
def cluster(kafka: Broker) -> Iterator[Cluster]:
    with Cluster(
        "2.3.0",
        taskmanagers=1,
        heap_mb=GARBAGE.heap_mb,
        fast_start=True,
        plugins={"drsquirrel": plugin.build()},
        config=plugin.options(NAME, kafka.address),
    ) as cluster:
        for scenario in (SLOW, BESIDE):
            submit(cluster, scenario)
        yield cluster


@pytest.fixture(scope="module")
def watching(kafka: Broker, cluster: Cluster) -> Iterator[Watching]:
    with Watching(cluster.url, brokers=kafka.address) as watching:
        yield watching


def test_the_job_that_is_slow_is_blamed_and_the_one_in_the_same_process_is_not(
    watching: Watching,
) -> None:
    assert watching.wait_for(SLOW.job_name, lambda r: names_the_cause(r, SLOW), ENOUGH_S)
    assert {s.report.verdict for s in watching.said[BESIDE.job_name]} <= CALM


def test_what_the_process_suffers_from_is_on_the_pages_of_all_its_jobs(
    watching: Watching, cluster: Cluster
) -> None:
    submit(cluster, GARBAGE)
    for scenario in (GARBAGE, BESIDE):
        report = watching.wait_for(scenario.job_name, tells_of_garbage, ENOUGH_S)
        because = [advice.because for advice in report.causes[0].advice]
        assert "2 other jobs run in this process too: the garbage may be theirs." in because


def tells_of_garbage(report: Report) -> bool:
    return bool(report.causes) and report.causes[0].code in GARBAGE.expected
