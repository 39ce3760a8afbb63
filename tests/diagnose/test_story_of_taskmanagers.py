"""Stories of TaskManagers that die, hang, or have nothing to do with a run."""

from drsquirrel.model.facts import Heartbeats
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Confidence, Outcome, Verdict
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim
from tests.diagnose.test_story_alone import Alone

UNREACHABLE = (
    "org.apache.flink.runtime.jobmaster.JobMasterException: "
    "TaskManager with id {} is no longer reachable."
)
CLOSED = (
    "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException: "
    "Connection unexpectedly closed by remote task manager 'tm/1 [ {} ] '."
)
UNSENT = (
    "org.apache.flink.runtime.rpc.exceptions.RecipientUnreachableException: Could not send message "
    "[RemoteRpcInvocation(TaskExecutorGateway.submitTask(TaskDeploymentDescriptor, Duration))]"
)
TIMED_OUT = "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id {} timed out."


def codes(report: Report) -> list[str]:
    return [a.code for a in report.causes]


def outcome(report: Report, code: str) -> Outcome:
    return next(c.outcome for c in report.checks if c.code == code)


def value(report: Report, code: str) -> float | None:
    return next(c.value for c in report.checks if c.code == code)


def test_a_killed_taskmanager_is_not_forgotten_when_it_is_replaced() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail(UNREACHABLE.format("tm-1"))
    sim.lose("tm-1")
    sim.stop()
    report = sim.run(20)
    assert report.headline.startswith("TaskManager `tm-1` was lost")
    assert report.causes[0].culprit.container == "tm-1"
    assert ("TaskManagers", "1") in report.facts or not sim.running
    sim.start()
    report = sim.run(1200)
    assert [i.cause for i in report.incidents] == ["taskmanager-killed"]


def test_what_cannot_be_deployed_to_a_dead_taskmanager_is_the_same_incident() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail(CLOSED.format("tm-1"))
    sim.stop()
    assert sim.run(10).subline == (
        "Not clear yet: it went down 10 s ago; what failed first shows within a minute."
    )
    for _ in range(3):
        sim.turn("RUNNING")
        sim.pass_time(5)
        sim.fail(UNSENT)
        sim.turn("RESTARTING")
        sim.run(10)
    sim.lose("tm-1")
    assert codes(sim.run(20)) == ["taskmanager-killed"]
    sim.start()
    report = sim.run(300)
    assert report.verdict is Verdict.WARNING and not report.causes
    assert [i.cause for i in report.incidents] == ["taskmanager-killed"]
    assert value(report, "restart-rate-high") == 1


def test_what_fails_at_a_dead_taskmanager_once_more_is_told_by_what_began_it() -> None:
    sim = Sim()
    sim.run(120)
    sim.fail(UNREACHABLE.format("tm-1"))
    sim.lose("tm-1")
    sim.stop()
    sim.run(10)
    sim.start()
    sim.run(10)
    sim.fail("java.net.ConnectException: Connection refused")
    sim.stop()
    sim.run(10)
    sim.start()
    lost = "TaskManager `tm-1` was lost: its process is gone, and its tasks failed with it"
    report = sim.run(40)
    assert report.headline == "It has failed 2 times in the last hour"
    assert report.subline == f"It began at 14:02 UTC: {lost}."
    report = sim.run(300)
    assert report.headline == f"It restarted at 14:02 UTC: {lost}"
    sim.fail("java.net.ConnectException: Connection refused")
    sim.stop()
    sim.run(10)
    sim.start()
    report = sim.run(300)
    assert report.headline == "It has failed 3 times in the last hour"
    assert report.subline.startswith("Unexplained"), "that is long after it"


def test_a_taskmanager_that_ran_nothing_of_the_run_is_no_news() -> None:
    sim = Sim(taskmanagers=("tm-1", "tm-2", "tm-3"))
    for task in sim.tasks.values():
        task.on = "tm-1"
    sim.run(120)
    sim.lose("tm-3")
    report = sim.run(120)
    assert report.verdict is Verdict.HEALTHY and report.incidents == []


def test_a_taskmanager_that_was_left_long_ago_is_not_lost_to_the_run() -> None:
    sim = Sim()
    sim.run(120)
    for task in sim.tasks.values():
        task.on = "tm-1"
        task.attempt += 1
    sim.run(600)
    sim.lose("tm-2")
    sim.fail_task("map")
    sim.stop()
    sim.run(10)
    sim.start()
    report = sim.run(120)
    assert [i.cause for i in report.incidents] == ["user-code-exception"]


def test_a_taskmanager_whose_end_nobody_told_is_gone_all_the_same() -> None:
    sim = Sim()
    sim.run(120)
    sim.lose("tm-1", told=False)
    sim.fail(UNREACHABLE.format("tm-1"))
    sim.stop()
    assert codes(sim.run(10)) == ["taskmanager-killed"]


def test_a_question_that_would_decide_ends_as_one() -> None:
    sim = Sim()
    sim.run(120)
    sim.heartbeat_ms["tm-1"] = 13_000
    sim.fail(CLOSED.format("tm-1"))
    sim.stop()
    assert sim.run(60).subline == (
        "Possible: a TaskManager that hangs. "
        "Look at the process of `tm-1` on `host-tm-1`: is it stopped (SIGSTOP), does it swap?"
    )


def test_a_hung_taskmanager_is_named_while_flink_still_calls_all_well() -> None:
    sim = Sim()
    sim.run(120)
    sim.frozen = True

    def age() -> None:
        sim.heartbeat_ms["tm-1"] += 10_000

    report = sim.run(20, age)
    assert report.headline == "TaskManager `tm-1` does not answer: its last heartbeat is 21 s old"
    assert {n.busy for n in report.graph} == {None}
    sources = {s.name: s for s in report.data.sources}
    assert sources["Flink's counters"].says == "a TaskManager has been silent for 21 s"
    sim.run(30, age)
    sim.lose("tm-1")
    sim.fail(TIMED_OUT.format("tm-1"))
    sim.stop()
    assert codes(sim.run(20)) == ["taskmanager-hung"]
    sim.frozen = False
    sim.start()
    report = sim.run(900)
    assert [i.cause for i in report.incidents] == ["taskmanager-hung"]


def test_where_heartbeats_are_rare_by_configuration_an_old_one_is_no_news() -> None:
    sim = Sim()
    sim.heartbeats = Heartbeats(interval_ms=60_000, timeout_ms=180_000)
    sim.run(120)
    sim.heartbeat_ms["tm-1"] = 58_000
    assert sim.run(20).verdict is Verdict.HEALTHY
    sim.frozen = True
    sim.heartbeat_ms["tm-1"] = 121_000
    report = sim.run(20)
    assert codes(report) == ["taskmanager-hung"]
    assert report.subline.endswith("when the heartbeat time-out (3 min as configured) is over.")


def test_a_taskmanager_that_answers_again_is_not_called_hung_any_more() -> None:
    sim = Sim()
    sim.run(120)
    sim.frozen = True
    sim.heartbeat_ms["tm-1"] = 25_000
    assert codes(sim.run(20)) == ["taskmanager-hung"]
    sim.frozen = False
    sim.heartbeat_ms["tm-1"] = 1_000
    report = sim.run(10)
    assert codes(report) == []
    assert "silent" not in report.headline


def test_a_taskmanager_of_others_that_hangs_freezes_the_numbers_and_is_no_cause_here() -> None:
    sim = Sim(taskmanagers=("tm-1", "tm-2", "tm-3"))
    for task in sim.tasks.values():
        task.on = "tm-1"
    sim.run(120)
    sim.frozen = True
    sim.heartbeat_ms["tm-3"] = 25_000
    report = sim.run(30)
    assert report.causes == []
    assert report.verdict is Verdict.UNKNOWN
    assert report.headline == "Not known now: a TaskManager has been silent for 25 s"


def test_where_rest_tells_nothing_a_taskmanager_is_lost_that_says_nothing_more() -> None:
    sim = Alone()
    sim.run(120)
    sim.gone.add("tm-2")
    sim.fail(UNREACHABLE.format("tm-2"))
    sim.stop()
    [cause] = sim.run(60).causes
    assert (cause.code, cause.confidence, cause.culprit.container) == (
        "taskmanager-killed",
        Confidence.CERTAIN,
        "tm-2",
    )
    assert "nothing has come from it since" in [e.text for e in cause.evidence]


def test_where_all_are_silent_none_is_lost() -> None:
    sim = Alone()
    sim.run(120)
    sim.unheard |= {"", "tm-1", "tm-2"}
    sim.run(60)
    assert not sim.desk.clusters[CLUSTER].heard.quiet(sim.clock_ms)
