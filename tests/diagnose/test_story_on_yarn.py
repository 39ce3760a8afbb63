"""Stories of jobs on YARN: what it says of ends that Flink cannot tell."""

import pytest
from msgspec.structs import replace

from drsquirrel.model.kill import kill_of
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.model.yarn import FORGOTTEN, GONE, YarnContainer, YarnFacts
from drsquirrel.same_run import lose_all
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim
from tests.diagnose.test_story_of_data import restored

CLOSING = "org.apache.flink.util.FlinkExpectedException: The TaskExecutor is shutting down."
FOR_MEMORY = (
    "is running 18497536B beyond the 'PHYSICAL' memory limit. Current usage: 849.6 MB of 832 MB "
    "physical memory used; 2.5 GB of 1.7 GB virtual memory used. Killing container."
)


def told(sim: Sim, *containers: YarnContainer, **more: object) -> None:
    """YARN tells so now."""
    facts = YarnFacts(application="application_1_0001", state="RUNNING", taken_ms=sim.clock_ms)
    facts = replace(facts, containers=containers, **more)
    sim.desk.clusters[CLUSTER].note_yarn(facts)


def lost(*containers: YarnContainer) -> Report:
    """A TaskManager goes away in order, as Flink sees it; YARN says what it does 5 s later."""
    sim = Sim()
    told(sim, YarnContainer(id="tm-1", state="RUNNING", memory_mib=832))
    sim.run(120)
    sim.fail(CLOSING)
    sim.lose("tm-1")
    sim.stop()
    sim.pass_time(5)
    told(sim, *containers)
    return sim.run(20)


def test_a_kill_for_memory_is_named_though_flink_says_nothing_of_it() -> None:
    kill = kill_of(FOR_MEMORY, -104)
    report = lost(YarnContainer(id="tm-1", state="DONE", exit_code=-104, kill=kill))
    assert report.headline == (
        "TaskManager `tm-1` was killed for its memory: 850 MB used, 832 MB allowed"
    )
    [cause] = report.causes
    assert (cause.code, cause.confidence) == ("taskmanager-killed", Confidence.CERTAIN)
    assert report.yarn is not None and report.yarn.containers[0].exit_code == -104


def test_a_bare_signal_leaves_open_whether_it_was_for_memory() -> None:
    kill = kill_of("", 137)
    report = lost(YarnContainer(id="tm-1", state="DONE", exit_code=137, kill=kill, memory_mib=832))
    assert report.headline == (
        "TaskManager `tm-1` was killed (exit code 137); whether for memory cannot be decided"
    )
    [open_] = [e for e in report.causes[0].evidence if e.stand == "undecided"]
    assert open_.value == "heap 40 % full"


def test_where_nobody_says_how_it_ended_the_last_that_is_known_of_its_memory_is_told() -> None:
    report = lost(YarnContainer(id="tm-1", state=GONE))
    assert report.headline.startswith("TaskManager `tm-1` was lost: its process is gone")
    [open_] = [e for e in report.causes[0].evidence if e.stand == "undecided"]
    assert open_.text == ("if it was killed, whether for memory cannot be decided: nobody says it")


def test_what_yarn_tells_has_an_age_and_what_is_missing_is_said() -> None:
    sim = Sim()
    assert not [s for s in sim.run(30).data.sources if s.name == "YARN"]
    told(sim, says="The NodeManager does not answer.")
    [source] = [s for s in sim.run(20).data.sources if s.name == "YARN"]
    assert (source.state, source.age_ms) == ("fresh", 20_000)
    assert source.says == "The NodeManager does not answer."
    [source] = [s for s in sim.run(120).data.sources if s.name == "YARN"]
    assert source.state == "stale"


@pytest.mark.parametrize(
    ("state", "status", "diagnostics", "verdict", "headline"),
    [
        (
            "FAILED",
            "FAILED",
            FOR_MEMORY,
            Verdict.FAILING,
            "Its YARN application failed at 00:00 UTC: its JobManager was killed for its memory, "
            "850 MB used, 832 MB allowed",
        ),
        (
            "FAILED",
            "FAILED",
            "exitCode: -104",
            Verdict.FAILING,
            "Its YARN application failed at 00:00 UTC: its JobManager was killed for its memory",
        ),
        ("FINISHED", "FAILED", "", Verdict.FAILING, "Its YARN application failed at 00:00 UTC"),
        (
            "KILLED",
            "KILLED",
            "killed by user dr.who",
            Verdict.ENDED,
            "Its YARN application ended at 00:00 UTC: KILLED",
        ),
        (
            FORGOTTEN,
            "UNDEFINED",
            "",
            Verdict.UNKNOWN,
            "Its YARN application ended before 00:00 UTC: how is not known",
        ),
    ],
)
def test_of_an_application_that_is_over_it_is_told_how(
    state: str, status: str, diagnostics: str, verdict: Verdict, headline: str
) -> None:
    sim = Sim()
    sim.run(600)
    told(sim, state=state, final_status=status, diagnostics=diagnostics, ended_ms=86_400_000)
    desk = sim.desk.clusters[CLUSTER]
    lose_all(desk, sim.clock_ms)
    [run] = sim.desk.judge(CLUSTER, sim.clock_ms)
    report = run.report
    assert report is not None
    assert (report.verdict, report.headline) == (verdict, headline)
    assert report.hour.strips, "its last page stays"
    [source] = [s for s in report.data.sources if s.name == "YARN"]
    assert source.says == "Its application is over."
    if diagnostics == FOR_MEMORY:
        assert "'PHYSICAL' memory limit" in report.subline
    if not diagnostics and verdict is Verdict.FAILING:
        assert report.subline == "YARN does not say why; the end of jobmanager.log does."


def test_what_has_ended_by_itself_before_its_application_stays_so() -> None:
    sim = Sim()
    sim.run(60)
    sim.turn("FINISHED")
    sim.run(10)
    told(sim, state="FINISHED", final_status="SUCCEEDED", ended_ms=sim.clock_ms)
    lose_all(sim.desk.clusters[CLUSTER], sim.clock_ms)
    [run] = sim.desk.judge(CLUSTER, sim.clock_ms)
    assert run.report is not None and run.report.headline.startswith("Finished at")


def test_a_restart_of_our_own_process_keeps_what_yarn_has_forgotten() -> None:
    sim = Sim()
    kill = kill_of(FOR_MEMORY, -104)
    told(sim, YarnContainer(id="tm-1", state="DONE", exit_code=-104, kill=kill))
    sim.run(120)
    sim.fail(CLOSING)
    sim.lose("tm-1")
    sim.stop()
    sim.run(10)
    sim.desk = restored(sim)
    told(sim, YarnContainer(id="tm-2", state="RUNNING"))
    report = sim.run(20)
    assert report.headline.startswith("TaskManager `tm-1` was killed for its memory")
