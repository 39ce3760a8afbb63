"""What the plugin tells of a real Flink of each version, from its start to its end."""

from collections import defaultdict
from pathlib import Path

import pytest

from demo.flink_home import VERSIONS
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    ConfigEvent,
    FailureEvent,
    LogEvent,
    MetricReport,
    Place,
)
from tests.plugin import planted, talkative
from tests.plugin.listener import numbers, places
from tests.plugin.story import HEALTHY, INTERVAL_S, LOOP, NAME, SICK, TASKMANAGERS, Story, told

pytestmark = [pytest.mark.flink, pytest.mark.alone]
OUR_LOGGER = "io.drsquirrel"
OF_A_PROCESS = {"rss_bytes", "Status.JVM.Memory.Heap.Used", "Status.JVM.CPU.Time", "Count"}


@pytest.fixture(scope="module", params=VERSIONS)
def story(
    request: pytest.FixtureRequest, jar: Path, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    return told(request.param, jar, tmp_path_factory.mktemp("story"))


def test_every_process_says_what_it_is_when_it_comes_and_when_it_goes(story: Story) -> None:
    hello, goodbye = story.listener.said("hello"), story.listener.said("goodbye")
    assert hello.keys() == goodbye.keys() == story.all_containers
    assert len(story.all_containers) == 1 + TASKMANAGERS
    for container, event in hello.items():
        assert event.is_taskmanager == bool(container)
        assert event.origin.cluster == NAME
        assert event.origin.flink_version == story.version
        assert event.interval_ms == INTERVAL_S * 1000
        assert event.pid == goodbye[container].pid > 0
        assert event.plugin_version and event.java_version and event.heap_max_bytes


@pytest.mark.parametrize("name", [HEALTHY.job_name, SICK.job_name, LOOP.job_name, talkative.JOB])
def test_a_run_is_told_by_each_process_that_serves_it_with_nothing_of_another(
    story: Story, name: str
) -> None:
    job = story.jobs[name]
    reports = story.listener.reports(job)
    subtasks: dict[str, set[int]] = defaultdict(set)
    for place in {place for report in reports for place in places(report)} - {Place()}:
        subtasks[place.vertex].add(place.subtask)
        assert place.attempt >= 0
    assert subtasks.keys() == story.vertices[job].keys()
    for vertex, of_vertex in subtasks.items():
        # A subtask that only comes and goes may be missed by every report.
        everyone = {*range(story.vertices[job][vertex])}
        assert of_vertex == everyone or (name == LOOP.job_name and of_vertex < everyone)
    assert {report.job_name for report in reports} == {name}
    told_by = {report.origin.container for report in reports}
    assert "" in told_by and told_by <= story.all_containers
    assert told_by == {"", *story.serving.get(job, told_by)}
    names = {its for report in reports for _, its, _ in numbers(report)}
    assert not names & OF_A_PROCESS
    assert names >= {"numRecordsIn", "numBytesOut", "accumulateBusyTimeMs", "task_cpu_ns"}
    assert names >= {"numRestarts", "numberOfCompletedCheckpoints"}


def test_an_operator_has_the_name_that_rest_gives_it(story: Story) -> None:
    reports = story.listener.reports(story.jobs[SICK.job_name])
    operators = {place.operator for report in reports for place in places(report)} - {""}
    source, *_, sink = SICK.operators
    assert operators == {f"Source__{source}", f"{sink}__Writer"}


def test_a_restarted_task_is_told_in_its_new_attempt(story: Story) -> None:
    reports = story.listener.reports(story.jobs[LOOP.job_name])
    attempts = {place.attempt for report in reports for place in places(report) if place.vertex}
    assert 0 <= min(attempts) < max(attempts)
    for report in reports:
        of_one = {(place.vertex, place.subtask) for place in places(report) if not place.operator}
        told = [place for place in places(report) if not place.operator]
        assert len(of_one) == len(told), "one attempt of a subtask at a time"


def test_a_process_tells_of_itself_once_in_an_interval_and_not_once_for_each_run(
    story: Story,
) -> None:
    by_container: dict[str, list[MetricReport]] = defaultdict(list)
    for report in story.listener.reports(""):
        by_container[report.origin.container].append(report)
    assert by_container.keys() == story.all_containers
    for of_one in by_container.values():
        times = [report.time_ms for report in of_one]
        assert len({report.origin.epoch for report in of_one}) == 1
        assert len(times) - 1 <= (max(times) - min(times)) / (INTERVAL_S * 1000) + 1
        for report in of_one:
            told = {name: n for _, name, n in numbers(report) if n is not None}
            assert told.keys() >= OF_A_PROCESS
            assert 50e6 < told["rss_bytes"] < 2e9
            assert {place.vertex for place in places(report)} == {""}
            assert any(place.group.startswith("G1_") for place in places(report))


def test_the_numbers_are_those_of_rest(story: Story) -> None:
    assert len(story.compared) > 2 * len(story.vertices[story.jobs[HEALTHY.job_name]])
    for compared in story.compared:
        assert compared.told is not None, compared
        assert 0 <= compared.before <= compared.told <= compared.after, compared
    assert any(compared.told for compared in story.compared if "numRecords" in compared.what)


def test_no_message_is_missing(story: Story) -> None:
    sequences: dict[str, set[int]] = defaultdict(set)
    for heard in story.listener.heard:
        sequences[heard.message.origin.epoch].add(heard.message.origin.sequence)
    gaps = {e: s for e, s in sequences.items() if s != {*range(len(s))}}
    assert not gaps
    for report in story.listener.reports(""):
        lost = [n for _, name, n in numbers(report) if name == "publisher_dropped_total"]
        assert lost == [0]


def test_a_log_line_names_the_job_and_the_task_that_wrote_it(story: Story) -> None:
    loop = story.jobs[LOOP.job_name]
    lines = [e for e in story.listener.of(LogEvent) if e.job == loop]
    of_tasks = [e for e in lines if e.origin.container and e.task]
    assert any("InvalidOrderException" in e.throwable for e in of_tasks)
    assert all(e.task.startswith(LOOP.operators[2]) for e in of_tasks if "Invalid" in e.throwable)
    assert {e.host for e in of_tasks} and all(e.host for e in of_tasks)
    of_jobmanager = [e for e in lines if not e.origin.container]
    assert bool(of_jobmanager) == story.names_jobs_in_logs


def test_a_failure_is_told_with_its_throwable(story: Story) -> None:
    failures = story.listener.of(FailureEvent)
    first = {
        story.jobs[LOOP.job_name]: "com.example.shop.work.InvalidOrderException: order of",
        story.jobs[talkative.JOB]: "java.lang.IllegalStateException: no answer from",
    }
    assert first.keys() <= {failure.job for failure in failures}
    assert {failure.job for failure in failures} <= {*story.jobs.values()}
    for failure in failures:
        if failure.throwable.startswith("org.apache.flink."):
            continue  # of the end: a process that has gone
        assert failure.throwable.startswith(first[failure.job])
        assert "\n\tat " in failure.throwable
        assert failure.labels == {"type": "TASK"}
        assert not failure.origin.container


def test_checkpoints_are_told_from_1_19_on(story: Story) -> None:
    healthy = story.jobs[HEALTHY.job_name]
    checkpoints = [c for c in story.listener.of(CheckpointEvent) if c.job == healthy]
    assert bool(checkpoints) == story.tells_checkpoints
    for checkpoint in checkpoints:
        assert checkpoint.id > 0
        if checkpoint.status == "COMPLETED":
            assert (checkpoint.duration_ms or -1) >= 0 and (checkpoint.state_bytes or -1) >= 0
    assert {c.job for c in story.listener.of(CheckpointEvent)} <= {*story.jobs.values()}


def test_changes_of_state_are_told_from_2_0_on(story: Story) -> None:
    states: dict[str, list[str]] = defaultdict(list)
    for change in story.listener.of(ChangeEvent):
        if change.what == "job-state":
            states[change.job].append(change.subject)
    if story.tells_states:
        assert "RUNNING" in states[story.jobs[HEALTHY.job_name]]
        assert "CANCELED" in states[story.jobs[HEALTHY.job_name]]
        assert "RESTARTING" in states[story.jobs[LOOP.job_name]]
    else:
        assert not states


def test_a_run_that_is_cancelled_is_said_to_have_ended_once(story: Story) -> None:
    ended = [c.job for c in story.listener.of(ChangeEvent) if c.what == "run-ended"]
    assert ended[0] == story.jobs[HEALTHY.job_name]
    assert ended.count(ended[0]) == 1


def test_the_configuration_of_each_process_is_told_once_without_its_secrets(story: Story) -> None:
    events = story.listener.of(ConfigEvent)
    assert sorted(e.origin.container for e in events) == sorted(story.all_containers)
    for event in events:
        assert event.is_taskmanager == bool(event.origin.container)
        assert event.options["metrics.reporter.squirrel.interval"] == f"{INTERVAL_S} SECONDS"
        memory = "taskmanager.memory.managed" if event.is_taskmanager else "jobmanager.memory.heap"
        assert event.options[f"{memory}.size"].endswith("b"), "what was given with -D"
        url = "jdbc:postgresql://•••• (redacted: url)@db:5432/orders"
        assert event.options["jdbc.url"] == url
        for key in planted.OPTIONS:
            assert "•••• (redacted: " in event.options[key], key


def test_no_secret_is_in_any_message(story: Story) -> None:
    leaks = [(h.topic, h.raw) for h in story.listener.heard if planted.LOOK in h.raw]
    assert not leaks
    told = [f.throwable for f in story.listener.of(FailureEvent) if "no answer from" in f.throwable]
    assert told and all("(redacted: url)@db" in throwable for throwable in told)
    lines = [e.message for e in story.listener.of(LogEvent) if "connecting with" in e.message]
    assert lines and all("password=•••• (redacted: pair)" in line for line in lines)


def test_the_plugin_writes_no_secret_into_flinks_log(story: Story) -> None:
    for name, log in story.logs.items():
        ours = [line for line in log.splitlines() if OUR_LOGGER in line]
        assert bool(ours) == name.endswith(".log"), (name, ours)
        assert not [line for line in ours if planted.LOOK.decode() in line]
        since = log.partition(" Dr. Squirrel ")[2]
        assert "GlobalConfiguration" not in since, "Flink's options are in its log once more"


def test_in_flinks_log_the_plugin_says_that_it_reaches_kafka_and_nothing_else(
    story: Story,
) -> None:
    for name, log in story.logs.items():
        ours = [line.partition(" Dr. Squirrel ")[2] for line in log.splitlines()]
        ours = [line for line in ours if line]
        # On a busy machine it may give the broker up for a time, and say so.
        assert len(ours) in ((1, 2, 3) if name.endswith(".log") else (0,)), ours
        assert all("reach" in line for line in ours)
        assert not ours or ours[-1].startswith(("has reached Kafka", "reaches Kafka again"))


def test_what_logs_while_it_is_logged_ends_and_kafkas_own_lines_stay_in_the_file(
    story: Story,
) -> None:
    lines = story.listener.of(LogEvent)
    chatty = [e for e in lines if e.message.startswith("a chatty object said")]
    assert len(chatty) > 1
    assert all(e.logger == "Talkative" and e.task for e in chatty)
    assert not [e for e in lines if e.logger.startswith(OUR_LOGGER)]
    debug = f"DEBUG {OUR_LOGGER}.flink.shaded.kafka"
    assert debug not in story.logs["taskmanager-0.log"]
    assert story.logs["taskmanager-1.log"].count(debug) > 50
