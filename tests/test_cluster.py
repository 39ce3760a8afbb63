"""What is asked of a cluster and kept of it, put together from the settings."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from msgspec.structs import replace

from drsquirrel.cluster import (
    ENDED,
    HEARD,
    JOBMANAGER_HEARD,
    JOBMANAGER_SILENT,
    OVERDUE,
    TOLD,
    Watch,
    clients_of,
    shortener,
)
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.diagnose.container import JOBMANAGER
from drsquirrel.diagnose.memory import Memory
from drsquirrel.diagnose.standing import clock
from drsquirrel.enrich.job_facts import FRESH_MS, JobFactsSource
from drsquirrel.model.event import MetricReport, Origin
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS
from drsquirrel.model.yarn import YarnContainer, YarnFacts
from drsquirrel.on_desk import ClusterDesk, Known
from drsquirrel.settings import Cluster, Kafka, Settings, SettingsError
from drsquirrel.snapshot_desk import SnapshotDesk
from tests.collect.flink_rest.clock import HandClock
from tests.simulation import RULES, RoundsClock


@pytest.mark.parametrize("pattern", ["", "-[0-9]{8}"])
def test_of_a_jobs_name_that_is_too_long_the_beginning_is_kept(pattern: str) -> None:
    shorten = shortener(pattern)
    name = "insert-into_" + "default_catalog.default_database.orders," * 200
    kept = shorten(name)
    assert kept == name[:1_000] + "…"
    assert shorten(kept) == kept, "a stored name is taken for the same job"
    assert shorten("x" * 1_000) == "x" * 1_000


def test_a_name_is_measured_without_what_the_pattern_cuts_off() -> None:
    assert shortener("-[0-9]{8}")("x" * 1_000 + "-20260101") == "x" * 1_000


def test_a_cluster_without_an_address_is_only_heard_and_needs_a_kafka() -> None:
    asked, heard = Cluster(url="http://a:1", name="asked"), Cluster(name="heard")
    settings = Settings(cluster=(asked, heard), kafka=Kafka(brokers="k:9092"))
    clients = clients_of(settings)
    assert [id_ for id_, client in clients.items() if client is None] == ["heard"]
    with pytest.raises(SettingsError, match="heard has no url, and there is no Kafka"):
        clients_of(Settings(cluster=(heard,)))
    with pytest.raises(SettingsError, match="would both be called heard"):
        clients_of(Settings(cluster=(heard, heard), kafka=Kafka(brokers="k:9092")))
    with pytest.raises(SettingsError, match="needs a url, or a name"):
        clients_of(Settings(cluster=(Cluster(),), kafka=Kafka(brokers="k:9092")))


SAYS = "Nothing answers at a:1."


class Behind(SnapshotDesk):
    """The JobManager is told of in the moment that is judged, if it is not now."""

    at_ms = 0

    def judged_ms(self, desk: ClusterDesk, now_ms: int) -> int:
        return self.at_ms

    def reporting(self, desk: ClusterDesk, now_ms: int) -> dict[str, int]:
        return {JOBMANAGER: self.at_ms} if self.at_ms < now_ms else {}


class Watched:
    """A cluster called shop, of which processes send."""

    def __init__(self, *, asks: bool) -> None:
        self.clock = RoundsClock()
        self.desk: Desk = Desk(RULES)
        self.thread = ThreadPoolExecutor(1)
        get = clients_of(Settings(cluster=(Cluster(url="http://a:1", name="shop"),)))["shop"]
        self.watch = Watch(
            "shop",
            get if asks else None,
            self.desk,
            self.clock,
            Settings(),
            self.thread,
            dumps_allowed=False,
        )

    def hear(self, *containers: str) -> None:
        now_ms = self.clock.now_ms()
        of = [
            Origin(cluster="shop", producer="plugin", epoch="p", sequence=1, container=container)
            for container in containers
        ]
        arrivals = [(now_ms, MetricReport(origin=origin, time_ms=now_ms)) for origin in of]
        self.desk.hear("shop", arrivals, now_ms)

    def row(self) -> tuple[str, str]:
        row = self.watch.row("", self.clock.now_ms())
        return row.state, row.says


@pytest.fixture
def heard() -> Iterator[Watched]:
    watched = Watched(asks=False)
    yield watched
    watched.thread.shutdown()


@pytest.fixture
def asked() -> Iterator[Watched]:
    watched = Watched(asks=True)
    yield watched
    watched.thread.shutdown()


def test_of_a_cluster_that_is_only_heard_it_is_told_who_sends(heard: Watched) -> None:
    heard.hear()
    assert heard.row() == ("connecting", ""), "there was no time yet to hear it"
    heard.hear("tm-1")
    assert heard.row() == ("connecting", ""), "its JobManager may yet be heard"
    heard.hear("", "tm-1")
    assert heard.row() == ("heard", HEARD)
    heard.clock.pass_ms(31_000)
    heard.hear("tm-1")
    assert heard.row() == ("silent", JOBMANAGER_SILENT)
    heard.clock.pass_ms(31_000)
    state, says = heard.row()
    assert state == "silent"
    assert says.endswith("`metrics.reporter.squirrel.cluster` has to be `shop`.")


def test_where_rest_is_silent_it_is_told_who_sends(asked: Watched) -> None:
    assert asked.row() == ("connecting", "")
    asked.watch.last = Round(arrival_ms=asked.clock.now_ms(), answered=False, says=SAYS)
    assert asked.row() == ("silent", SAYS)
    asked.hear("tm-1")
    assert asked.row() == ("silent", f"{SAYS} {JOBMANAGER_SILENT}")
    asked.hear("")
    assert asked.row() == ("heard", f"{SAYS} {JOBMANAGER_HEARD}")


def test_behind_the_watcher_it_is_told_what_moment_its_jobs_are_judged_of(heard: Watched) -> None:
    desk = Behind(RULES)
    desk.add_cluster("shop", 10_000, dumps_allowed=False, asks_rest=False)
    watch = heard.watch
    watch._desk = heard.desk = desk
    heard.clock.pass_ms(MINUTE_MS)
    now_ms = heard.clock.now_ms()
    desk.at_ms = now_ms
    assert heard.row() == ("connecting", "")
    desk.clusters["shop"].began_ms = now_ms - 4 * WINDOW_MS
    assert heard.row()[1].startswith(
        "Its REST address is not known, and nothing of it has come through Kafka for 20 min."
    )
    desk.at_ms = now_ms - MINUTE_MS
    assert heard.row() == ("heard", TOLD.format(at=clock(desk.at_ms)))


async def test_a_cluster_whose_application_is_over_is_neither_heard_nor_missed(
    asked: Watched,
) -> None:
    asked.watch.last = Round(arrival_ms=asked.clock.now_ms(), answered=True)
    asked.desk.take("shop", asked.watch.last)
    over = YarnFacts(application="a", final_status="KILLED", ended_ms=1, taken_ms=1)
    asked.watch.on_desk.note_yarn(over)
    assert asked.row() == ("answering", ""), "its REST knows better"
    asked.hear("")
    asked.watch.last = Round(arrival_ms=asked.clock.now_ms(), answered=False, says=SAYS)
    assert asked.row() == ("heard", f"{SAYS} {JOBMANAGER_HEARD}"), "another has taken its place"
    await asked.watch.leave()
    assert asked.row() == ("ended", ENDED.format(status="KILLED"))
    asked.clock.pass_ms(60_000)
    assert await asked.watch.look_alone() is None


async def test_what_comes_soon_after_an_application_is_over_is_judged(asked: Watched) -> None:
    now_ms = asked.clock.now_ms()
    seen = RunSeen(cluster="shop", job="j", start_ms=now_ms, name="orders", state="RUNNING")
    asked.desk.take("shop", Round(arrival_ms=now_ms, answered=True, runs=(seen,)))
    await asked.watch.leave()
    looks = []
    for _ in range(8):
        asked.clock.pass_ms(10_000)
        looks.append(await asked.watch.look_alone())
    assert [look is not None for look in looks] == [False] * 3 + [True] * 3 + [False] * 2
    assert looks[3] is not None and [run.seen.job for run in looks[3][1]] == ["j"]


def test_of_another_application_no_containers_are_kept(asked: Watched) -> None:
    of_one = YarnFacts(
        application="a", taken_ms=1, containers=(YarnContainer(id="1", exit_code=1),)
    )
    asked.watch.on_desk.note_yarn(of_one)
    asked.watch.on_desk.note_yarn(replace(of_one, containers=()))
    assert asked.watch.on_desk.yarn == of_one
    asked.watch.on_desk.note_yarn(YarnFacts(application="b", taken_ms=2))
    assert asked.watch.on_desk.yarn == YarnFacts(application="b", taken_ms=2)


def test_where_an_answer_is_overdue_it_does_not_answer(asked: Watched) -> None:
    found = Round(arrival_ms=asked.clock.now_ms(), answered=True)
    asked.watch.last = found
    asked.desk.take("shop", found)
    assert asked.row() == ("answering", "")
    asked.clock.pass_ms(31_000)
    assert asked.row() == ("silent", OVERDUE)


class Asked:
    """A Flink of some jobs, which counts how often it is asked, and how often at once."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.now = self.most = 0

    async def get(self, path: str) -> Any:
        self.paths.append(path)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        self.now -= 1
        if path.endswith("/checkpoints/config"):
            return {"interval": 10_000, "timeout": 60_000}
        if path.endswith("/config"):
            return {}
        vertex = {"id": "v", "name": "v", "parallelism": 1}
        return {"start-time": 1_000, "vertices": [vertex], "plan": {"nodes": []}}


async def test_after_a_take_over_plans_are_asked_for_a_few_in_each_round() -> None:
    asked, clock, desk = Asked(), HandClock(), Desk(RULES)
    with ThreadPoolExecutor(1) as thread:
        watch = Watch("c", asked, desk, clock, Settings(), thread, dumps_allowed=False)
        seen = [
            RunSeen(cluster="c", job=f"{n:032x}", start_ms=1_000, name=f"j{n}", state="RUNNING")
            for n in range(50)
        ]
        facts = await JobFactsSource("c", Asked(), clock).look_up(seen[0])
        now_ms = clock.now_ms()
        known = [
            Known(seen=run, facts=facts.value, memory=Memory(), report=None, last_seen_ms=now_ms)
            for run in seen
        ]
        desk.restore("c", [], known, now_ms)
        for looks in (1, 2, 3, 4):
            await watch._look_up_facts()
            told = [run.looked for run in watch.on_desk.runs.values() if run.looked]
            assert len(told) == min(20 * looks, 50)
            assert len(asked.paths) == 4 * len(told) and asked.most <= 4
        clock.pass_ms(FRESH_MS)
        asked.paths.clear()
        await watch._look_up_facts()
        assert len(asked.paths) == 80 and asked.paths[0] == f"/jobs/{seen[0].job}"
