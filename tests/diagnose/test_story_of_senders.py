"""What is said of the processes of a run that have the plugin, and of those that send nothing."""

from msgspec.structs import replace

from drsquirrel.diagnose.known import LOGS_GAP, LOOK_AT, OLD_LOGS_GAP, PLUGIN
from drsquirrel.model.event import LogEvent, Values, tables
from drsquirrel.model.report import Report
from drsquirrel.model.snapshot import WINDOW_MS
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim


def hear(sim: Sim, *containers: str) -> Report:
    """These processes send something now; returns what is said then."""
    heard = [(sim.clock_ms, sim._report(c, sim._container(c), of_run=False)) for c in containers]
    sim.desk.hear(CLUSTER, heard, sim.clock_ms)
    sim.judge()
    return sim.reports[-1]


def plugin(report: Report) -> str:
    return report.data.sources[-1].says


def test_the_page_says_which_processes_send_their_metrics_themselves() -> None:
    sim = Sim()
    sim.run(60)
    assert [s.name for s in sim.reports[-1].data.sources] == ["Flink REST", "Flink's counters"]
    sim.desk.listens = True
    told = {}
    for reporting in ((), ("tm-1",), ("", "tm-1"), ("", "tm-1", "tm-2")):
        heard = [
            (sim.clock_ms, sim._report(tm, sim._container(tm), of_run=False)) for tm in reporting
        ]
        sim.desk.hear(CLUSTER, heard, sim.clock_ms)
        sim.judge()
        data = sim.reports[-1].data
        source = data.sources[-1]
        assert data.logs is (LOGS_GAP not in data.gaps)
        told[source.says] = source.state, source.age_ms, data.logs
    assert told == {
        "Nothing comes from the processes of this run: their metrics are read over REST. "
        f"{LOOK_AT}": ("missing", None, False),
        "1 of 3 processes of this run send their metrics and logs. Nothing comes from the "
        "JobManager and `tm-2`; their metrics are read over REST. Is the plugin in them?": (
            "fresh",
            0,
            True,
        ),
        "2 of 3 processes of this run send their metrics and logs. Nothing comes from `tm-2`; its "
        "metrics are read over REST. Is the plugin in it?": ("fresh", 0, True),
        "3 of 3 processes of this run send their metrics and logs.": ("fresh", 0, True),
    }


def test_behind_the_watcher_a_process_is_told_of_minutes_after_it_began() -> None:
    sim = Sim()
    sim.run(60)
    sim.desk.listens = True
    sim.desk.plugin_interval_ms = WINDOW_MS
    heard = [(sim.clock_ms, sim._report("tm-1", sim._container("tm-1"), of_run=False))]
    sim.desk.hear(CLUSTER, heard, sim.clock_ms)
    sim.judge()
    assert plugin(sim.reports[-1]).endswith(
        "Is the plugin in them? The watcher tells of a new process within six minutes."
    )


def test_of_a_run_that_is_over_nobody_has_to_send() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.run(60)
    sim.turn("FINISHED")
    assert PLUGIN not in [s.name for s in sim.run(60).data.sources]


def test_the_page_says_what_is_wrong_with_kafka() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.desk.kafka_says = "Kafka has no `flink-logs`."
    nothing = "Nothing comes from the processes of this run: their metrics are read over REST."
    assert plugin(sim.run(60)) == f"{nothing} Kafka has no `flink-logs`."
    told = "3 of 3 processes of this run send their metrics and logs."
    assert plugin(hear(sim, "", "tm-1", "tm-2")) == f"{told} Kafka has no `flink-logs`."
    sim.desk.kafka_says = ""
    assert plugin(hear(sim, "")) == told


def test_the_page_says_what_the_plugin_has_lost_and_why() -> None:
    sim = Sim()
    sim.run(60)
    sim.desk.listens = True
    heard = []
    for container, lost in (("tm-1", {"queue_full": 1200, "no_topic": 3}), ("tm-2", {})):
        plain = sim._report(container, sim._container(container), of_run=False)
        counts = {f"publisher_dropped_{why}_total": n for why, n in lost.items()}
        told = (*plain.tables, *tables([Values(counts)]))
        heard.append((sim.clock_ms, replace(plain, tables=told)))
    sim.desk.hear(CLUSTER, heard, sim.clock_ms)
    sim.judge()
    assert (
        sim.reports[-1]
        .data.sources[-1]
        .says.endswith(
            " 1,203 of their messages were lost since they began "
            "(too many waited for Kafka: 1,200, a topic was missing: 3). "
            "`drsquirrel topics check` says whether one still is."
        )
    )


def test_who_sends_nothing_is_named_in_few_words() -> None:
    sim = Sim(taskmanagers=tuple(f"tm-{i}" for i in range(1, 7)), parallelism=6)
    sim.desk.listens = True
    sim.run(60)
    assert (
        "Nothing comes from the JobManager, `tm-2`, `tm-3` and 3 more; their metrics are read over "
        "REST. Is the plugin in them?" in plugin(hear(sim, "tm-1"))
    )


def test_a_jobmanager_alone_is_called_so() -> None:
    sim = Sim(names=(), edges={})
    sim.desk.listens = True
    sim.run(60)
    assert plugin(hear(sim, "")) == "The JobManager sends its metrics and logs."


def test_a_process_that_is_gone_is_not_asked_for_its_plugin_nor_counted() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.run(60)
    sim.lose("tm-2")
    sim.run(10)
    report = hear(sim, "", "tm-1")
    assert plugin(report).startswith("2 of 2 processes")
    assert dict(report.facts)["TaskManagers"] == "1"


def test_what_does_not_come_while_rest_is_silent_is_not_said_to_be_read_over_rest() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.run(60)
    sim.answers = False
    assert plugin(sim.run(60)) == f"Nothing comes from the processes of this run. {LOOK_AT}"


def test_lines_that_came_before_stay_where_no_new_ones_come() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.run(60)
    line = LogEvent(
        origin=sim._origin("tm-1"),
        time_ms=sim.clock_ms,
        level="WARN",
        logger="com.acme.Enrich",
        message="no address",
        job=sim.job,
    )
    sim.desk.hear(CLUSTER, [(sim.clock_ms, line)], sim.clock_ms)
    data = sim.run(60).data
    assert data.logs and OLD_LOGS_GAP in data.gaps
    assert LOGS_GAP not in data.gaps


def test_the_page_says_which_clocks_are_not_believed() -> None:
    sim = Sim()
    sim.desk.listens = True
    sim.run(60)
    for containers, said in (
        (("tm-1",), "The clock of `tm-1` is off by up to 2 h: "),
        (("tm-1", "tm-2"), "The clocks of `tm-1` and `tm-2` are off by up to 2 h: "),
    ):
        reports = [sim._report(tm, sim._container(tm), of_run=True) for tm in containers]
        late = [(sim.clock_ms, replace(r, time_ms=r.time_ms - 7_200_000)) for r in reports]
        sim.desk.hear(CLUSTER, late, sim.clock_ms)
        sim.judge()
        [gap] = [gap for gap in sim.reports[-1].data.gaps if "clock" in gap]
        assert gap == f"{said}what is told by it counts from when it came."
    assert not [gap for gap in sim.run(240).data.gaps if "clock" in gap]
