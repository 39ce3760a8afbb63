"""Answers recorded from Flink 1.18, 1.20 and 2.3 are all understood, whatever their layout.

Two jobs ran: "payments" with a sink so slow that checkpoints expire, "shipments" in a restart loop.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from drsquirrel.collect.flink_rest.error import GoneError
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, MetricReport
from drsquirrel.model.metric import OLD_COLLECTORS
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.watched import of, told_in, values_of

FOLDER = Path(__file__).parent / "answers"
VERTEX = re.compile(r"/jobs/\w+/vertices/\w+")
VERSIONS = sorted(file.stem for file in FOLDER.glob("*.json"))


class Recorded:
    """The answers of one version, as if the cluster had run on until the clock's time."""

    def __init__(self, version: str) -> None:
        self._answers: dict[str, Any] = json.loads((FOLDER / f"{version}.json").read_text())
        job = next(j for j in self._answers["/jobs/overview"]["jobs"] if j["name"] == "payments")
        self._recorded_ms = job["start-time"] + job["duration"]
        self.clock = HandClock(self._recorded_ms)

    async def get(self, path: str) -> Any:
        answer = json.loads(json.dumps(self._at(path)))
        later_ms = self.clock.now_ms() - self._recorded_ms
        for job in answer["jobs"] if path == "/jobs/overview" else ():
            job["duration"] += later_ms
        for metric in answer if "/metrics?get=" in path else ():
            if metric["id"] in ("uptime", "Status.JVM.CPU.Time") and metric["value"] != "0":
                metric["value"] = str(int(metric["value"]) + later_ms)
        for subtask in answer["subtasks"] if VERTEX.fullmatch(path) else ():
            subtask["metrics"]["accumulated-idle-time"] += later_ms
        return answer

    def _at(self, path: str) -> Any:
        if path in self._answers:
            return self._answers[path]
        base, _, query = path.partition("?get=")
        for known, answer in self._answers.items():
            if query and known.startswith(f"{base}?get="):
                return [metric for metric in answer if metric["id"] in query.split(",")]
        raise GoneError(f"not recorded: {path}", 404)


async def rounds(version: str) -> list[Round]:
    recorded = Recorded(version)
    watch = ClusterWatch(
        "lab", recorded, recorded.clock, PollSettings(), lambda t: t.partition(":")[0]
    )
    found = []
    for _ in range(3):
        found.append(await watch.round())
        recorded.clock.pass_ms(10_000)
    return found


def job_of(found: Round, name: str) -> str:
    return next(run.job for run in found.runs if run.name == name)


def test_three_versions_were_recorded() -> None:
    assert [version.rsplit(".", 1)[0] for version in VERSIONS] == ["1.18", "1.20", "2.3"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_answer_is_understood(version: str) -> None:
    for found in await rounds(version):
        assert found.answered and found.says == ""
        assert found.flink_version == version
        assert found.vertices_covered == 6
        assert {(run.name, run.job_type) for run in found.runs} == {
            ("payments", "STREAMING"),
            ("shipments", "STREAMING"),
        }


@pytest.mark.parametrize("version", VERSIONS)
async def test_counts_come_per_subtask_with_its_container(version: str) -> None:
    found = (await rounds(version))[0]
    payments = job_of(found, "payments")
    reports = [r for r in of(MetricReport, found) if r.job == payments and r.origin.container]
    counted = [s for r in reports for s in told_in(r) if "accumulateBusyTimeMs" in s.values]
    assert len(counted) == 6 and {s.place.attempt for s in counted} == {0}
    assert {r.origin.container for r in reports} <= {c.id for c in found.containers}
    assert max(s.values["numRecordsOut"] for s in counted) > 1_000


@pytest.mark.parametrize("version", VERSIONS)
async def test_source_and_sink_tell_what_only_they_know(version: str) -> None:
    found = (await rounds(version))[-1]
    pending = values_of(found, "pendingRecords")
    assert len(pending) == 2 and min(pending) > 1_000
    assert len(values_of(found, "currentEmitEventTimeLag")) == 2
    assert min(values_of(found, "numRecordsSend")) > 1_000


@pytest.mark.parametrize("version", VERSIONS)
async def test_processes_are_described(version: str) -> None:
    found = (await rounds(version))[-1]
    taskmanagers = [c for c in found.containers if c.is_taskmanager]
    assert len(taskmanagers) == 2
    for container in taskmanagers:
        assert container.host == "127.0.0.1"
        assert container.slots == 8 and container.cpu_cores == 2.0
        assert set(container.collectors) <= set(OLD_COLLECTORS) and container.collectors
        assert container.heap_max_bytes is not None and container.process_bytes is not None
    # The sum over all collectors that Flink adds since 1.20 would count everything twice.
    groups = {s.place.group for r in of(MetricReport, found) for s in told_in(r)}
    assert "All" not in groups and "G1_Young_Generation" in groups


@pytest.mark.parametrize("version", VERSIONS)
async def test_failures_are_placed(version: str) -> None:
    found = (await rounds(version))[0]
    told = of(FailureEvent, found)
    assert len(told) == 2
    for event in told:
        assert event.job == job_of(found, "shipments")
        assert event.signature == "com.example.shop.work.InvalidOrderException"
        assert event.task.startswith("enrich (")
        assert event.vertex and event.subtask in (0, 1) and event.attempt > 5
        assert event.on_container in {c.id for c in found.containers}
        assert event.host == "localhost"
    assert told[0].time_ms < told[1].time_ms


@pytest.mark.parametrize("version", VERSIONS)
async def test_expired_checkpoints_tell_who_did_not_acknowledge(version: str) -> None:
    told = [e for found in await rounds(version) for e in of(CheckpointEvent, found)]
    failed = [e for e in told if e.status == "FAILED" and e.unacknowledged]
    assert failed and failed[-1].failure == "Checkpoint expired before completing."
    missing = dict(failed[-1].unacknowledged)
    assert failed[-1].slowest_vertex in missing and set(missing.values()) == {2}
    assert failed[-1].duration_ms is not None and failed[-1].duration_ms >= 10_000
    assert failed[-1].ended_ms is not None
    running = [e for e in told if e.status == "IN_PROGRESS"]
    assert running and running[0].ended_ms is None


@pytest.mark.parametrize("version", VERSIONS)
async def test_the_states_of_a_run_are_told_with_their_times(version: str) -> None:
    found = (await rounds(version))[0]
    shipments = job_of(found, "shipments")
    told = [(e.time_ms, e.subject) for e in of(ChangeEvent, found) if e.job == shipments]
    assert [state for _, state in told][:2] == ["INITIALIZING", "CREATED"]
    assert {"RUNNING", "RESTARTING"} <= {state for _, state in told}
    assert told == sorted(told)
