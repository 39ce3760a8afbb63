"""Real faults on a real Flink: the right cause and culprit, in time; nothing raised by the rest."""

import time
from collections.abc import Iterator

import pytest

from demo.cluster import Cluster
from demo.scenarios import DEMO, SCENARIOS, SLOW_MACHINE, Scenario, cluster_for, submit
from drsquirrel.model.verdict import Verdict
from tests.faults.watching import Watching, names_the_cause

pytestmark = pytest.mark.flink

RATES_S = 150
"""The goal is 60 s from the first symptom; a test machine also starts the job in that time."""
TOGETHER = (
    *DEMO,
    *(SCENARIOS[n] for n in ("slow-lookup", "slow-socket", "npe", "bad-record")),
    *(SCENARIOS[n] for n in ("slow-subtask-by-data", "slow-subtask-by-machine")),
    *(SCENARIOS[n] for n in ("bursty", "sleeping-source", "nearly-idle", "bounded")),
    *(SCENARIOS[n] for n in ("catching-up", "chained")),
)
"""Scenarios that mostly sleep, so that many fit on one small cluster."""


@pytest.fixture(scope="module")
def together() -> Iterator[Watching]:
    """All of TOGETHER on one cluster, watched from the start."""
    with Cluster(
        "2.3.0", slots=32, heap_mb=384, fast_start=True, jvm_args={1: [SLOW_MACHINE]}
    ) as cluster:
        for scenario in TOGETHER:
            submit(cluster, scenario)
        with Watching(cluster.url) as watching:
            yield watching


@pytest.mark.parametrize("scenario", [s for s in TOGETHER if s.expected], ids=lambda s: s.name)
def test_the_cause_and_the_culprit_are_named(together: Watching, scenario: Scenario) -> None:
    assert together.wait_for(scenario.job_name, lambda r: names_the_cause(r, scenario), RATES_S)


@pytest.mark.parametrize("scenario", [s for s in TOGETHER if s.expected], ids=lambda s: s.name)
def test_no_other_cause_was_named_before(together: Watching, scenario: Scenario) -> None:
    assert together.wait_for(scenario.job_name, lambda r: names_the_cause(r, scenario), RATES_S)
    named = {s.best.code for s in together.said[scenario.job_name] if s.best}
    assert named <= set(scenario.expected), together.story(scenario.job_name)


@pytest.mark.parametrize("scenario", [s for s in TOGETHER if not s.expected], ids=lambda s: s.name)
def test_nothing_is_raised_by_a_healthy_job(together: Watching, scenario: Scenario) -> None:
    good = (Verdict.HEALTHY, Verdict.ENDED)
    together.wait_for(scenario.job_name, lambda r: r.verdict in good, RATES_S)
    began_s = together.said[scenario.job_name][0].at_s
    while time.time() < began_s + RATES_S:
        time.sleep(1)
    verdicts = {s.report.verdict for s in together.said[scenario.job_name]}
    assert verdicts <= {*good, Verdict.UNKNOWN}, together.story(scenario.job_name)


ALONE = ("cpu-bound", "lock", "gc-pressure", "heap-oom")
"""Scenarios that need the processors or the heap of a cluster to themselves."""


@pytest.mark.alone
@pytest.mark.parametrize("name", ALONE)
def test_a_fault_of_a_whole_cluster_is_named(name: str) -> None:
    scenario = SCENARIOS[name]
    with cluster_for(scenario, "2.3.0", lambda _: None) as cluster:
        submit(cluster, scenario)
        with Watching(cluster.url) as watching:
            assert watching.wait_for(
                scenario.job_name, lambda r: names_the_cause(r, scenario), RATES_S
            )
