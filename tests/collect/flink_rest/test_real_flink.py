"""The collector's contract with real Flink: 1.18, 1.20 and 2.3 are watched for a minute each.

One job's sink is slow, another one restarts again and again; then the first is redeployed.
"""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import pytest

from demo.cluster import Cluster
from demo.scenarios import CONFIG, JOB_CLASS
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, MetricReport
from drsquirrel.model.state import JOB_STATES
from tests.collect.flink_rest.real import PAYMENTS, SHIPMENTS, rounds_of
from tests.collect.flink_rest.watched import of, values_of

pytestmark = [pytest.mark.flink, pytest.mark.xdist_group("flink")]
ROUNDS = 6
REDEPLOYED = 5
OUR_LOGGERS = re.compile(r" (WARN|ERROR) .*(\.rest\.(?!.*ClusterOverview)|webmonitor|\.metrics\.)")
"""Of what answers REST; the overview is not ours: who started the cluster waits for it."""
TIMES = ("accumulateBusyTimeMs", "accumulateIdleTimeMs", "accumulateBackPressuredTimeMs")


@dataclass(frozen=True)
class Observed:
    """What the rounds brought, and what the JobManager logged meanwhile."""

    version: str
    rounds: list[Round]
    payments: str
    shipments: str
    log: str

    def readings(self, vertex_metric: str) -> dict[tuple[str, int, str], list[tuple[int, float]]]:
        """(vertex, subtask, operator) of the slow job -> its (time, value)s."""
        found: dict[tuple[str, int, str], list[tuple[int, float]]] = {}
        for one in self.rounds:
            for report in of(MetricReport, one):
                for scope in report.scopes if report.job == self.payments else ():
                    if vertex_metric in scope.values:
                        key = (scope.vertex, scope.subtask, scope.operator)
                        reading = (report.time_ms, scope.values[vertex_metric])
                        found.setdefault(key, []).append(reading)
        return found


@pytest.fixture(scope="module", params=["1.18.1", "1.20.5", "2.3.0"])
def observed(request: pytest.FixtureRequest) -> Iterator[Observed]:
    with Cluster(request.param, fast_start=True) as cluster:
        ids = [
            cluster.run(JOB_CLASS, name=name, args=args, parallelism=2, config=CONFIG)
            for name, args in (("payments", PAYMENTS), ("shipments", SHIPMENTS))
        ]

        def redeploy() -> None:
            cluster.cancel(ids[0])
            cluster.run(JOB_CLASS, name="payments", args=PAYMENTS, parallelism=2, config=CONFIG)

        cluster.wait_running(ids[0])
        rounds = asyncio.run(rounds_of(cluster.url, ROUNDS, before={REDEPLOYED: redeploy}))
        log = (cluster.folder / "log" / "jobmanager.log").read_text()
        yield Observed(request.param, rounds, ids[0], ids[1], log)


def test_every_round_is_answered(observed: Observed) -> None:
    assert [(one.answered, one.says) for one in observed.rounds] == [(True, "")] * ROUNDS
    assert {one.flink_version for one in observed.rounds} == {observed.version}


def test_each_round_brings_new_counts_with_the_time_they_are_of(observed: Observed) -> None:
    readings = observed.readings("numRecordsOut")
    assert len(readings) == 6
    for told in readings.values():
        # On a machine with too much to do an update may come too late for its round.
        assert len(told) >= REDEPLOYED - 2
        assert all(b - a >= 9_000 for (a, _), (b, _) in pairwise(told))


def test_busy_idle_and_backpressured_add_up_to_the_time_that_passed(observed: Observed) -> None:
    """Not on 1.18, which counts a measurement twice (FLINK-35764); and every 5 s only."""
    for key in observed.readings(TIMES[0]):
        told = [observed.readings(name)[key] for name in TIMES]
        passed_ms = told[0][-1][0] - told[0][0][0]
        counted_ms = sum(values[-1][1] - values[0][1] for values in told)
        most = 2.2 if observed.version.startswith("1.18") else 1.25
        assert 0.75 <= counted_ms / passed_ms <= most


def test_source_and_sink_tell_what_only_they_know(observed: Observed) -> None:
    # The source has more to read than the sink takes; the sink takes 240 records a second.
    pending = observed.readings("pendingRecords")
    assert len(pending) == 2
    assert all(told[-1][1] > told[0][1] for told in pending.values()), pending
    for told in observed.readings("numRecordsSend").values():
        (first_ms, first), (last_ms, last) = told[0], told[-1]
        assert (last - first) / (last_ms - first_ms) * 1000 == pytest.approx(120, rel=0.3)


def test_each_failure_is_told_once_and_placed(observed: Observed) -> None:
    told = [e for one in observed.rounds for e in of(FailureEvent, one)]
    assert len({e.identity for e in told}) == len(told) >= 6
    for event in told:
        assert event.job == observed.shipments
        assert "InvalidOrderException" in event.throwable
        assert event.vertex and event.subtask >= 0 and event.on_container
    assert sorted(e.attempt for e in told) == list(range(told[0].attempt, told[-1].attempt + 1))


def test_restarts_are_counted_and_the_states_between_them_told(observed: Observed) -> None:
    counts = [
        value
        for one in observed.rounds
        for report in of(MetricReport, one)
        for scope in report.scopes
        if report.job == observed.shipments and (value := scope.values.get("numRestarts"))
    ]
    assert counts == sorted(counts) and counts[-1] > counts[0]
    states = {
        e.subject
        for one in observed.rounds
        for e in of(ChangeEvent, one)
        if e.job == observed.shipments
    }
    assert {"CREATED", "RUNNING", "RESTARTING"} <= states


def test_checkpoints_are_told(observed: Observed) -> None:
    told = [e for one in observed.rounds for e in of(CheckpointEvent, one)]
    completed = [e for e in told if e.status == "COMPLETED"]
    assert completed and all(e.duration_ms is not None and e.ended_ms for e in completed)
    assert sum(values_of(observed.rounds[-2], "numberOfCompletedCheckpoints")) > 0


def test_each_process_tells_its_memory_and_collectors(observed: Observed) -> None:
    last = observed.rounds[REDEPLOYED - 1]
    assert len(values_of(last, "Status.JVM.Memory.Heap.Used")) == 3
    assert len(values_of(last, "Status.JVM.CPU.Time")) == 3
    ages = values_of(last, "heartbeat_age_ms")
    assert len(ages) == 2 and max(ages) < 12_000
    assert all("G1_Young_Generation" in c.collectors for c in last.containers)


def test_a_job_redeployed_under_its_name_is_another_run(observed: Observed) -> None:
    runs = [run for run in observed.rounds[-1].runs if run.name == "payments"]
    assert sorted(run.state for run in runs if run.job == observed.payments) == ["CANCELED"]
    assert [run.end_ms is None for run in runs if run.job != observed.payments] == [True]
    assert JOB_STATES.index("CANCELED") in values_of(observed.rounds[-1], "job_state")


def test_the_jobmanager_logs_nothing_because_of_us(observed: Observed) -> None:
    assert [line for line in observed.log.splitlines() if OUR_LOGGERS.search(line)] == []
