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
from tests.collect.flink_rest.watched import of, told_in, values_of

pytestmark = [pytest.mark.flink, pytest.mark.timeout(900)]
ROUNDS_MAX = 15
"""As many as it takes on a machine with too much to do; five where it is idle."""
OUR_LOGGERS = re.compile(r" (WARN|ERROR) .*(\.rest\.(?!.*ClusterOverview)|webmonitor|\.metrics\.)")
"""Of what answers REST; the overview is not ours: who started the cluster waits for it."""
TIMES = ("accumulateBusyTimeMs", "accumulateIdleTimeMs", "accumulateBackPressuredTimeMs")
TIMES_UPDATE_MS = 5_000
Readings = dict[tuple[str, str, int, str], list[tuple[int, float]]]


def readings(rounds: list[Round], job: str, metric: str) -> Readings:
    """(container, vertex, subtask, operator) -> the (time, value)s of a metric."""
    found: Readings = {}
    for one in rounds:
        for report in of(MetricReport, one):
            for told in told_in(report) if report.job == job else ():
                if metric in told.values:
                    at = told.place
                    key = (report.origin.container, at.vertex, at.subtask, at.operator)
                    found.setdefault(key, []).append((report.time_ms, told.values[metric]))
    return found


@dataclass(frozen=True)
class Observed:
    """What the rounds brought before and after the redeployment, and what the JobManager logged."""

    version: str
    payments: str
    shipments: str
    rounds: list[Round]
    after: Round
    log: str

    def of_payments(self, metric: str) -> Readings:
        return readings(self.rounds, self.payments, metric)


def enough(rounds: list[Round], payments: str) -> bool:
    """Whether everything was read some times."""
    wanted = (("numRecordsOut", 6, 4), ("pendingRecords", 2, 3), ("numRecordsSend", 2, 3))
    for metric, subtasks, times in wanted:
        found = readings(rounds, payments, metric)
        if len(found) < subtasks or min(map(len, found.values())) < times:
            return False
    cpu = readings(rounds, "", "Status.JVM.CPU.Time")
    return len(cpu) == 3 and sum(len(of(FailureEvent, one)) for one in rounds) >= 6


@pytest.fixture(scope="module", params=["1.18.1", "1.20.5", "2.3.0"])
def observed(request: pytest.FixtureRequest) -> Iterator[Observed]:
    with Cluster(request.param, fast_start=True) as cluster:
        payments, shipments = (
            cluster.run(JOB_CLASS, name=name, args=args, parallelism=2, config=CONFIG)
            for name, args in (("payments", PAYMENTS), ("shipments", SHIPMENTS))
        )
        cluster.wait_running(payments, timeout_s=300)
        url = cluster.url
        rounds = asyncio.run(rounds_of(url, ROUNDS_MAX, enough=lambda r: enough(r, payments)))
        cluster.cancel(payments)
        cluster.run(JOB_CLASS, name="payments", args=PAYMENTS, parallelism=2, config=CONFIG)
        [after] = asyncio.run(rounds_of(url, 1))
        log = (cluster.folder / "log" / "jobmanager.log").read_text()
        yield Observed(request.param, payments, shipments, rounds, after, log)


def test_every_round_is_answered(observed: Observed) -> None:
    assert {(one.answered, one.says) for one in observed.rounds} == {(True, "")}
    assert {one.flink_version for one in observed.rounds} == {observed.version}
    assert enough(observed.rounds, observed.payments)


def test_counts_are_new_each_time_and_told_with_the_time_they_are_of(observed: Observed) -> None:
    for told in observed.of_payments("numRecordsOut").values():
        assert all(b - a >= 9_000 for (a, _), (b, _) in pairwise(told))
    for told in observed.of_payments("accumulateIdleTimeMs").values():
        assert [value for _, value in told] == sorted(value for _, value in told)


def test_busy_idle_and_backpressured_add_up_to_the_time_that_passed(observed: Observed) -> None:
    """Up to twice of it on 1.18, which counts a measurement twice (FLINK-35764)."""
    for key in observed.of_payments(TIMES[0]):
        told = [observed.of_payments(name)[key] for name in TIMES]
        passed_ms = told[0][-1][0] - told[0][0][0]
        counted_ms = sum(values[-1][1] - values[0][1] for values in told)
        most_ms = passed_ms * (2 if observed.version.startswith("1.18") else 1)
        assert passed_ms - TIMES_UPDATE_MS * 1.5 <= counted_ms <= most_ms + TIMES_UPDATE_MS * 1.5


def test_source_and_sink_tell_what_only_they_know(observed: Observed) -> None:
    for told in observed.of_payments("pendingRecords").values():
        assert told[-1][1] > 0
    for told in observed.of_payments("numRecordsSend").values():
        # Each of two subtasks pauses 8.333 ms per record.
        (first_ms, first), (last_ms, last) = told[0], told[-1]
        assert 10 < (last - first) / (last_ms - first_ms) * 1000 < 140


def test_each_failure_is_told_once_and_placed(observed: Observed) -> None:
    told = [e for one in observed.rounds for e in of(FailureEvent, one)]
    assert len({e.identity for e in told}) == len(told)
    for event in told:
        assert event.job == observed.shipments
        assert "InvalidOrderException" in event.throwable
        assert event.vertex and event.subtask >= 0 and event.on_container
    attempts = sorted(e.attempt for e in told)
    assert attempts == list(range(attempts[0], attempts[-1] + 1))


def test_restarts_are_counted_and_the_states_between_them_told(observed: Observed) -> None:
    [counts] = readings(observed.rounds, observed.shipments, "numRestarts").values()
    numbers = [value for _, value in counts]
    assert numbers == sorted(numbers) and numbers[-1] > numbers[0]
    changes = [e for one in observed.rounds for e in of(ChangeEvent, one)]
    states = {e.subject for e in changes if e.job == observed.shipments}
    assert {"CREATED", "RUNNING", "RESTARTING"} <= states


def test_checkpoints_are_told(observed: Observed) -> None:
    told = [e for one in observed.rounds for e in of(CheckpointEvent, one)]
    completed = [e for e in told if e.status == "COMPLETED"]
    assert completed and all(e.duration_ms is not None and e.ended_ms for e in completed)
    [counts] = readings(observed.rounds, observed.payments, "numberOfCompletedCheckpoints").values()
    assert counts[-1][1] > 0


def test_each_process_tells_its_memory_and_collectors(observed: Observed) -> None:
    processes = {container for container, *_ in readings(observed.rounds, "", "Count")}
    assert len(processes) == 3
    assert {c.id for c in observed.rounds[-1].containers} == processes
    assert all("G1_Young_Generation" in c.collectors for c in observed.rounds[-1].containers)
    ages = readings(observed.rounds, "", "heartbeat_age_ms")
    assert len(ages) == 2 and max(age for told in ages.values() for _, age in told) < 40_000


def test_a_job_redeployed_under_its_name_is_another_run(observed: Observed) -> None:
    runs = [run for run in observed.after.runs if run.name == "payments"]
    assert sorted(run.state for run in runs if run.job == observed.payments) == ["CANCELED"]
    assert [run.end_ms is None for run in runs if run.job != observed.payments] == [True]
    assert JOB_STATES.index("CANCELED") in values_of(observed.after, "job_state")


def test_the_jobmanager_logs_nothing_because_of_us(observed: Observed) -> None:
    assert [line for line in observed.log.splitlines() if OUR_LOGGERS.search(line)] == []
