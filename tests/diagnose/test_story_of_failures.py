"""Stories of failures: restarts, rescales, ends."""

import pytest

from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Outcome, Verdict
from tests.diagnose.seen import NOON_MS
from tests.diagnose.sim import USER, Sim

UNREACHABLE = (
    "org.apache.flink.runtime.jobmaster.JobMasterException: "
    "TaskManager with id {} is no longer reachable."
)
CLOSED = (
    "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException: "
    "Connection unexpectedly closed by remote task manager '10.0.0.1:6121 [ tm-1 ] '."
)
POLICY = (
    "org.apache.flink.util.FlinkRuntimeException: Exceeded checkpoint tolerable failure threshold."
)
OOM = "java.lang.OutOfMemoryError: Java heap space\n\tat com.example.Enrich.map(Enrich.java:12)"
NO_SLOTS = (
    "java.util.concurrent.CompletionException: org.apache.flink.runtime.jobmanager.scheduler."
    "NoResourceAvailableException: Could not acquire the minimum required resources."
)


def codes(report: Report) -> list[str]:
    return [a.code for a in report.causes]


def outcome(report: Report, code: str) -> Outcome:
    return next(c.outcome for c in report.checks if c.code == code)


def value(report: Report, code: str) -> float | None:
    return next(c.value for c in report.checks if c.code == code)


def test_one_failure_is_named_at_once_and_becomes_an_incident() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map", 1)
    sim.stop()
    report = sim.run(10)
    assert report.verdict is Verdict.FAILING
    assert report.headline == "The code of `map` throws `IllegalStateException`"
    assert [s.code for s in report.symptoms] == ["job-not-running", "restart-rate-high"]
    assert all(s.explained_by == ("user-code-exception",) for s in report.symptoms)
    assert report.causes[0].culprit.subtasks == (1,)
    sim.start()
    report = sim.run(10)
    assert report.verdict is Verdict.WARNING
    assert [s.text for s in report.symptoms] == ["It has failed once in the last hour"]
    report = sim.run(150)
    assert report.causes == [] and report.symptoms == []
    assert report.headline == (
        "It restarted at 14:02 UTC: The code of `map` throws `IllegalStateException`"
    )
    assert report.subline.endswith("It has run again since 14:02 UTC.")
    [incident] = report.incidents
    assert (incident.cause, incident.failures) == ("user-code-exception", 1)
    assert (incident.began_ms, incident.ended_ms) == (sim.ms(120), sim.ms(130))
    assert sim.run(3600).incidents == []


@pytest.mark.parametrize(
    ("throwable", "cause", "marked"),
    [
        pytest.param(USER, "user-code-exception", [], id="its task's code fails"),
        pytest.param(OOM, "heap-oom", ["tm-1"], id="its heap is full"),
    ],
)
def test_a_container_is_marked_where_it_is_to_blame_and_not_where_a_task_only_runs(
    throwable: str, cause: str, marked: list[str]
) -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map", 0, throwable)
    sim.stop()
    report = sim.run(10)
    assert [(a.code, a.culprit.container) for a in report.causes] == [(cause, "tm-1")]
    assert [s.id for s in report.hour.strips if s.kind == "gc" and s.culprit] == marked
    assert [n.name for n in report.graph if n.culprit] == ["map"]


def test_a_loop_of_restarts_counts_each_recovery_however_few_readings_show_it() -> None:
    sim = Sim()
    sim.run(120)
    for _ in range(12):
        # Down for a second within 10: only now and then a reading shows it.
        sim.fail_task("map")
        sim.turn("RESTARTING")
        sim.now_s += 1
        sim.start()
        sim.now_s -= 1
        sim.run(10)
    report = sim.reports[-1]
    assert value(report, "restart-rate-high") == 12
    [incident] = report.incidents
    assert (incident.began_ms, incident.ended_ms, incident.failures) == (sim.ms(120), None, 12)
    assert outcome(report, "restart-loop") is Outcome.FAIL
    assert codes(report) == ["poison-record"]


def test_restarts_that_were_not_watched_last_no_longer_than_is_known() -> None:
    sim = Sim()
    sim.pass_time(3000)
    for at_s in (1000, 1600, 2200):
        sim.fail_task("map")
        sim.events[-1] = type(sim.events[-1])(
            **{
                **{f: getattr(sim.events[-1], f) for f in sim.events[-1].__struct_fields__},
                "time_ms": sim.ms(at_s),
            }
        )
        for task in sim.tasks.values():
            task.attempt += 1
    sim.change("job-state", "RUNNING", at_s=2205)
    report = sim.run(60)
    lasted_ms = [(i.ended_ms or 0) - i.began_ms for i in report.incidents]
    assert lasted_ms == [5_000, 0, 0]
    assert value(report, "restart-rate-high") == 3
    assert report.causes == [] and report.symptoms == []
    assert [b.code for b in report.benign] == []


def test_failures_of_one_moment_are_one_incident() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map", 0)
    sim.fail_task("map", 1)
    sim.fail_task("sink", 1)
    sim.stop()
    sim.run(20)
    sim.start()
    report = sim.run(300)
    assert [i.failures for i in report.incidents] == [3]
    assert value(report, "restart-rate-high") == 1


def test_a_task_that_fails_in_a_later_attempt_of_its_region_is_another_failure() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map", 0)
    sim.set("map", subtasks=(0,), attempt=1)
    sim.now_s += 3
    sim.fail_task("map", 0)
    sim.now_s += 3
    sim.fail_task("sink", 1)
    sim.now_s += 4
    sim.look()
    report = sim.run(60)
    assert value(report, "restart-rate-high") == 2
    assert [i.failures for i in report.incidents] == [2]


def test_a_direct_fault_after_its_echoes_is_who_failed_first() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail(CLOSED, "sink (1/2) - execution #0", vertex="2".zfill(32), subtask=0, attempt=0)
    sim.stop()
    sim.run(10)
    assert codes(sim.reports[-1]) != ["user-code-exception"]
    sim.fail_task("map", 0)
    report = sim.run(20)
    assert codes(report)[0] == "user-code-exception"


def test_an_echo_of_long_ago_is_not_explained_by_a_later_fault() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail(UNREACHABLE.format("tm-1"))
    sim.lose("tm-1")
    sim.stop()
    sim.run(70)
    sim.fail(NO_SLOTS)
    report = sim.run(20)
    assert codes(report)[0] == "taskmanager-killed"


def test_a_rescale_is_benign() -> None:
    sim = Sim()
    sim.run(120)
    sim.running = 3
    sim.turn("RESTARTING")
    report = sim.run(10)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "It restarts, so far without an exception"
    assert [b.code for b in report.benign] == ["rescale"]
    sim.start()
    report = sim.run(900)
    assert report.headline.startswith("Healthy")
    assert [b.text for b in report.benign] == [
        "It restarted once without an exception, last at 14:02 UTC: a rescale"
    ]
    assert report.incidents == []
    assert value(report, "restart-rate-high") == 0
    assert outcome(report, "job-not-running") is Outcome.PASS
    assert {s.verdict for s in sim.reports} == {Verdict.HEALTHY, Verdict.UNKNOWN}


def test_two_rescales_are_counted() -> None:
    sim = Sim()
    sim.run(120)
    for _ in range(2):
        sim.running = 3
        sim.turn("RESTARTING")
        sim.run(20)
        sim.start()
        sim.run(100)
    assert "It restarted 2 times without an exception" in sim.reports[-1].benign[0].text


def test_tasks_that_stay_away_without_an_exception_are_a_fault_after_a_minute() -> None:
    sim = Sim()
    sim.run(120)
    sim.running = 3
    report = sim.run(90)
    assert report.verdict is Verdict.FAILING
    assert report.headline == "Not all tasks run, though Flink calls the job RUNNING"
    assert report.subline == "Unexplained: none of 1 known cause fits what was measured."


def test_a_job_without_slots_says_so_while_flink_calls_it_running() -> None:
    sim = Sim()
    sim.running, sim.scheduled, sim.slots_free = 0, 6, 0
    report = sim.run(30)
    assert report.headline.startswith("The cluster has too few slots: 6 tasks wait")
    assert report.benign == []
    report = sim.run(60)
    assert report.verdict is Verdict.FAILING
    assert report.symptoms[0].text == "6 tasks wait for a slot"
    sim.scheduled = 1
    assert sim.run(10).symptoms[0].text == "1 task waits for a slot"
    sim.running, sim.scheduled = None, 0
    report = sim.run(60)
    assert codes(report) == []
    assert [i.title for i in report.incidents] == ["It took 1.7 min to start"]


def test_a_start_that_fails_again_and_again_is_told_with_its_exception() -> None:
    sim = Sim()
    sim.running = 0
    sim.state = "RUNNING"
    for _ in range(4):
        sim.fail_task("map")
        sim.turn("RESTARTING")
        sim.run(10)
        sim.turn("RUNNING")
        for task in sim.tasks.values():
            task.attempt += 1
        sim.run(10)
    report = sim.reports[-1]
    assert codes(report)[0] in ("user-code-exception", "poison-record")
    assert report.verdict is Verdict.FAILING


def test_checkpoints_that_exceed_what_is_tolerated_lead_to_the_checkpoint_question() -> None:
    sim = Sim()
    sim.run(120)
    sim.checkpoint(5, "FAILED", failure="Checkpoint expired before completing.")
    sim.fail(POLICY)
    sim.now_s += 1
    sim.fail_task(
        "sink", 1, "java.lang.InterruptedException\n\tat com.example.Sink.write(S.java:1)"
    )
    sim.now_s -= 1
    sim.stop()
    report = sim.run(20)
    assert "user-code-exception" not in codes(report)


def test_a_cancelled_run_has_not_failed() -> None:
    sim = Sim()
    sim.run(700)
    sim.turn("CANCELLING")
    sim.running = 3
    report = sim.run(10)
    assert (report.verdict, report.headline) == (Verdict.UNKNOWN, "It is being cancelled")
    sim.fail_task("map")
    sim.running = 0
    sim.turn("CANCELED")
    report = sim.run(60)
    assert (report.verdict, report.headline) == (Verdict.ENDED, "Cancelled at 14:11 UTC")
    assert report.causes == [] and report.symptoms == [] and report.benign == []
    assert value(report, "restart-rate-high") == 0
    assert outcome(report, "job-not-running") is Outcome.PASS
    assert report.hour.strips[-1].sentence == "none"


def test_a_run_cancelled_in_the_middle_of_a_failure_ends_that_incident() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail_task("map")
    sim.stop()
    sim.run(10)
    sim.turn("CANCELLING")
    sim.turn("CANCELED")
    report = sim.run(60)
    assert report.verdict is Verdict.ENDED
    assert [i.cause for i in report.incidents] == ["user-code-exception"]


def test_a_failed_run_stays_failed_with_what_came_in_late() -> None:
    sim = Sim()
    sim.run(620)
    sim.running = 0
    sim.turn("FAILED")
    report = sim.run(10)
    assert report.verdict is Verdict.FAILING and report.headline == "The job FAILED"
    sim.fail_task("map")
    report = sim.run(10)
    assert report.headline == "The code of `map` throws `IllegalStateException`"
    assert report.subline.endswith("The job stays down.")
    assert value(report, "restart-rate-high") == 0
    sim.answers = False
    assert sim.run(600).verdict is Verdict.FAILING


def test_sixteen_entries_at_once_may_have_pushed_others_out() -> None:
    sim = Sim(parallelism=16)
    sim.run(120)
    for subtask in range(16):
        sim.fail_task("map", subtask)
    sim.stop()
    sim.run(20)
    sim.start()
    report = sim.run(300)
    assert [i.note for i in report.incidents] == ["Earlier entries of Flink's history may be lost"]


def test_the_worst_of_a_row_is_since_when_it_began() -> None:
    sim = Sim()
    sim.run(120)
    for _ in range(3):
        sim.restart()
        sim.run(40)
    report = sim.reports[-1]
    [answer] = report.causes
    assert answer.onset is not None and answer.onset.earliest_ms == NOON_MS + 120_000
    assert report.since_ms == NOON_MS + 120_000


def test_a_row_that_flinks_history_cuts_began_before_and_failed_at_least_so_often() -> None:
    sim = Sim()
    for task in sim.tasks.values():
        task.attempt = 40
    sim.now_s = 1800
    for _ in range(3):
        sim.restart()
        sim.run(40)
    [answer] = sim.reports[-1].causes
    assert answer.onset is not None
    assert answer.onset.earliest_ms == sim.start_ms
    assert answer.onset.latest_ms == NOON_MS + 1_800_000
    assert any(e.value == "at least 3 times in a row" for e in answer.evidence)


def test_a_row_ends_where_another_exception_began_one() -> None:
    sim = Sim()
    sim.run(120)
    sim.restart(
        throwable="java.lang.ArithmeticException: / by zero\n\tat com.example.B.x(B.java:2)"
    )
    sim.run(40)
    sim.restart()
    [answer] = sim.run(20).causes
    assert answer.onset is not None and answer.onset.earliest_ms == NOON_MS + 170_000


def test_a_lost_run_is_said_to_be_lost_and_comes_back() -> None:
    sim = Sim()
    sim.run(120)
    sim.listed = False
    report = sim.run(20)
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "The JobManager has not listed this run since 14:02 UTC"
    sim.listed = True
    assert sim.run(60).verdict is Verdict.HEALTHY
