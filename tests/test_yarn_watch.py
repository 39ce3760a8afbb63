"""Applications of a YARN that is simulated: found, watched through its proxy, kept when over."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from drsquirrel import yarn_watch
from drsquirrel.app import App
from drsquirrel.cluster import SystemClock
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.error import AddressError
from drsquirrel.database import retention
from drsquirrel.desk import Desk
from drsquirrel.exposition import rendered
from drsquirrel.model.report import ClusterRow, JobList, Report, YarnRow
from drsquirrel.model.verdict import Verdict
from drsquirrel.model.yarn import YarnFacts
from drsquirrel.settings import Cluster, Settings, SettingsError, Yarn
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.stored_pages import StoredPages
from drsquirrel.yarn_watch import KEPT_MS, YarnWatch, watches_of, yarns_of
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.simulated import simulated
from tests.collect.yarn.simulated import (
    APPLICATION,
    TASKMANAGER,
    SimulatedYarn,
    answer,
    simulated_yarn,
)
from tests.simulation import RULES, WallClock

PATIENCE_S = 20


@pytest.fixture
async def yarn() -> AsyncIterator[SimulatedYarn]:
    async with simulated_yarn() as yarn:
        yield yarn


class Page:
    """What a process with the app, on the real store, serves."""

    def __init__(self, app: App, store: SqliteStore) -> None:
        self.pages = StoredPages(store, lambda: rendered(app.metrics()), app.ready)

    def jobs(self) -> JobList | None:
        page = self.pages.jobs()
        return msgspec.json.decode(page.body, type=JobList) if page else None

    def cluster(self) -> ClusterRow | None:
        jobs = self.jobs()
        return jobs.clusters[0] if jobs and jobs.clusters else None

    def report(self) -> Report | None:
        jobs = self.jobs()
        if not jobs or not jobs.jobs:
            return None
        page = self.pages.report(jobs.jobs[0].run.id)
        return msgspec.json.decode(page.body, type=Report) if page else None


async def until(condition: Callable[[], object]) -> None:
    for _ in range(PATIENCE_S * 20):
        if condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"it did not come to this within {PATIENCE_S} s")


async def test_an_application_is_watched_by_itself_and_keeps_its_last_page_when_it_is_over(
    yarn: SimulatedYarn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yarn_watch, "FACTS_EVERY_S", 0.1)
    monkeypatch.setattr(yarn_watch, "FIND_EVERY_MS", 100)
    monkeypatch.setattr("drsquirrel.enrich.yarn_facts.APPLICATION_FRESH_MS", 100)
    monkeypatch.setattr("drsquirrel.enrich.yarn_facts.NODE_FRESH_MS", 100)
    settings = Settings(yarn=(Yarn(url=yarn.url),), poll_interval_s=2)
    store = SqliteStore(tmp_path, retention(settings))
    thread = ThreadPoolExecutor(1)
    app = App(settings, Desk(RULES), store, SystemClock(), thread)
    page = Page(app, store)
    [watch] = watches_of(settings, app, SystemClock())
    async with simulated(WallClock()) as flink:
        flink.job("orders")
        yarn.flink = flink.url
        task = asyncio.create_task(watch.run())
        await until(lambda: (report := page.report()) and report.yarn)
        report, row = page.report(), page.cluster()
        assert report is not None and report.yarn is not None and row is not None
        assert (report.yarn.user, report.yarn.queue) == ("flink", "root.default")
        assert [s.state for s in report.data.sources if s.name == "YARN"] == ["fresh"]
        assert (row.id, row.state) == (APPLICATION, "answering")
        assert row.url == f"{yarn.url}/proxy/{APPLICATION}"
        told = answer("application-failed.json")["app"]["diagnostics"]
        yarn.end("FAILED", told)
        await until(lambda: (row := page.cluster()) and row.state == "ended")
        await asyncio.sleep(0.5)
        yarn.paths()
        await asyncio.sleep(0.5)
        assert not [p for p in yarn.paths() if p.startswith(("/proxy/", "/ws/v1/node"))]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    report, row = page.report(), page.cluster()
    assert report is not None and row is not None
    assert row.says == "Its YARN application is over (FAILED): its last pages stay for a day."
    assert (report.job.name, report.verdict) == ("orders", Verdict.FAILING)
    assert "failed at 12:23 UTC" in report.headline
    assert report.headline.endswith(
        "its JobManager was killed for its memory, 708 MB used, 704 MB allowed"
    )
    assert report.yarn is not None and len(report.yarn.containers) == 2
    assert report.hour.strips
    thread.shutdown()
    store.close()


class Noted:
    """Who is told of clusters, and notes it."""

    def __init__(self) -> None:
        self.clients: dict[str, FlinkClient] = {}
        self.watched: list[str] = []
        self.facts: dict[str, YarnFacts] = {}
        self.left: list[str] = []
        self.forgotten: list[str] = []
        self.searches: list[YarnRow] = []
        self.waits: frozenset[str] = frozenset()

    def awaited(self) -> frozenset[str]:
        return self.waits

    async def note_search(self, row: YarnRow) -> None:
        self.searches.append(row)

    async def adopt(self, id_: str, client: FlinkClient) -> None:
        self.clients[id_] = client

    async def watch(self, id_: str, client: FlinkClient) -> None:
        self.watched.append(id_)
        try:
            await asyncio.Event().wait()
        finally:
            self.watched.remove(id_)

    async def note_yarn(self, id_: str, facts: YarnFacts) -> None:
        self.facts[id_] = facts

    async def leave(self, id_: str) -> None:
        self.left.append(id_)

    async def forget(self, id_: str) -> None:
        self.forgotten.append(id_)


class TurnsClock(HandClock):
    """Time stands still after so many turns."""

    def __init__(self) -> None:
        super().__init__()
        self.turns = 0
        self.more = asyncio.Condition()

    async def sleep(self, seconds: float) -> None:
        async with self.more:
            self.turns -= 1
            self.more.notify_all()
            await self.more.wait_for(lambda: self.turns > 0)
        self.pass_ms(round(seconds * 1000))

    async def go(self, turns: int) -> None:
        async with self.more:
            self.turns = turns
            self.more.notify_all()
            await self.more.wait_for(lambda: self.turns <= 0)


class Running:
    """A watch of the simulated YARN, by turns of 5 s."""

    def __init__(self, yarn: SimulatedYarn, *clusters: Cluster, user: str = "me") -> None:
        self.clock, self.noted = TurnsClock(), Noted()
        self.settings = Settings(yarn=(Yarn(url=yarn.url, user=user),), cluster=clusters)
        self.watch = YarnWatch(self.settings.yarn[0], self.settings, self.noted, self.clock)

    async def __aenter__(self) -> "Running":
        self.task = asyncio.create_task(self.watch.run())
        await self.clock.go(1)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def test_facts_are_told_every_few_seconds_and_new_applications_found(
    yarn: SimulatedYarn,
) -> None:
    async with Running(yarn) as run:
        assert run.noted.watched == [APPLICATION]
        assert run.noted.clients[APPLICATION].url == f"{yarn.url}/proxy/{APPLICATION}"
        yarn.kill()
        await run.clock.go(1)
        [killed] = [c for c in run.noted.facts[APPLICATION].containers if c.id == TASKMANAGER]
        assert killed.kill is not None and killed.kill.is_for_memory
        other = yarn.applications[APPLICATION] | {"id": "application_1795436173422_0007"}
        yarn.applications[other["id"]] = other
        await run.clock.go(7)
        assert sorted(run.noted.watched) == [APPLICATION, other["id"]]
    assert run.noted.watched == [], "its tasks end with it"


async def test_of_an_application_that_has_sent_something_yarn_is_asked_at_once(
    yarn: SimulatedYarn,
) -> None:
    async with Running(yarn) as run:
        other = yarn.applications[APPLICATION] | {"id": "application_1795436173422_0007"}
        yarn.applications[other["id"]] = other
        run.noted.waits = frozenset({other["id"]})
        await run.clock.go(2)
        assert sorted(run.noted.watched) == [APPLICATION, other["id"]]
        searched = [path for path in yarn.paths() if path.startswith("/ws/v1/cluster/apps?")]
        assert len(searched) == 2
        await run.clock.go(3)
        assert not {*searched} & {*yarn.paths()}, "once"


async def test_one_that_is_over_is_left_and_after_a_day_forgotten(yarn: SimulatedYarn) -> None:
    async with Running(yarn) as run:
        yarn.end()
        await run.clock.go(4)
        assert (run.noted.left, run.noted.watched) == ([APPLICATION], [])
        assert run.noted.facts[APPLICATION].final_status == "KILLED"
        run.clock.pass_ms(KEPT_MS)
        await run.clock.go(8)
        assert (run.noted.left, run.noted.forgotten) == ([APPLICATION], [APPLICATION])


async def test_of_very_many_that_are_over_the_latest_are_kept(
    yarn: SimulatedYarn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(yarn_watch, "KEPT_MAX", 0)
    async with Running(yarn) as run:
        yarn.end()
        await run.clock.go(12)
        assert run.noted.forgotten == [APPLICATION]


async def test_a_cluster_that_was_set_by_hand_is_told_of_and_not_watched_twice(
    yarn: SimulatedYarn,
) -> None:
    by_hand = Cluster(url=f"{yarn.url}/proxy/{APPLICATION}", name="prod")
    async with Running(yarn, by_hand) as run:
        assert (run.noted.watched, list(run.noted.facts)) == ([], ["prod"])
        yarn.end()
        await run.clock.go(4)
        assert run.noted.facts["prod"].is_over
        assert run.noted.left == []


async def test_a_yarn_that_does_not_answer_is_logged_once_and_found_again(
    yarn: SimulatedYarn, caplog: pytest.LogCaptureFixture
) -> None:
    yarn.down = True
    async with Running(yarn) as run:
        await run.clock.go(14)
        assert "HTTP 503: busy" in run.watch.says
        assert run.noted.watched == []
        told = run.noted.searches[-1]
        assert (told.url, told.found, told.says) == (yarn.url, None, run.watch.says)
        yarn.down = False
        await run.clock.go(7)
        assert (run.watch.says, run.noted.watched) == ("", [APPLICATION])
        assert run.noted.searches[-1] == YarnRow(url=yarn.url, found=1)
        yarn.applications[APPLICATION]["user"] = 7
        yarn.applications[APPLICATION]["id"] = [1]
        await run.clock.go(7)
        assert "not of the shape that YARN sends" in run.watch.says
        assert run.noted.watched == [APPLICATION], "what was found is watched on"
    told = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(told) == 3 and told[1] == f"YARN at {yarn.url} answers again"


async def test_when_another_resourcemanager_takes_over_flink_is_asked_through_that(
    yarn: SimulatedYarn,
) -> None:
    async with Running(yarn, user="") as run, simulated_yarn() as other:
        flink = run.noted.clients[APPLICATION]
        assert flink.url == f"{yarn.url}/proxy/{APPLICATION}"
        yarn.leads_to = other.url
        await run.clock.go(14)
        assert run.noted.clients == {APPLICATION: flink}
        assert flink.url == f"{other.url}/proxy/{APPLICATION}"
        assert run.noted.searches[-1] == YarnRow(url=yarn.url, found=1)


async def test_an_application_that_comes_back_is_not_forgotten_a_day_after_it_was_away(
    yarn: SimulatedYarn,
) -> None:
    async with Running(yarn) as run:
        known = dict(yarn.applications[APPLICATION])
        yarn.end()
        await run.clock.go(4)
        assert (run.noted.left, run.noted.watched) == ([APPLICATION], [])
        yarn.applications[APPLICATION] = known
        await run.clock.go(7)
        run.clock.pass_ms(KEPT_MS)
        await run.clock.go(8)
        assert (run.noted.forgotten, run.noted.watched) == ([], [APPLICATION])


async def test_of_more_than_can_be_watched_the_newest_are_and_the_others_told_of(
    yarn: SimulatedYarn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(yarn_watch, "WATCHED_MAX", 2)
    first = yarn.applications[APPLICATION]
    for number in (7, 8):
        id_ = f"application_1795436173422_000{number}"
        yarn.applications[id_] = first | {"id": id_, "launchTime": first["launchTime"] + number}
    async with Running(yarn) as run:
        await run.clock.go(8)
        assert [id_[-1] for id_ in sorted(run.noted.watched)] == ["7", "8"]
        told = run.noted.searches[-1]
        assert told.found == 3 and ": 1 application. 2 are" in told.says
        del yarn.applications[APPLICATION]
        await run.clock.go(7)
        assert run.noted.searches[-1] == YarnRow(url=yarn.url, found=2)
    assert len([r for r in caplog.records if "Not watched" in r.getMessage()]) == 1


async def test_a_yarn_of_which_nothing_is_found_is_on_the_page(
    yarn: SimulatedYarn, tmp_path: Path
) -> None:
    yarn.down = True
    settings = Settings(yarn=(Yarn(url=yarn.url),))
    store = SqliteStore(tmp_path, retention(settings))
    thread, clock = ThreadPoolExecutor(1), TurnsClock()
    app = App(settings, Desk(RULES), store, clock, thread)
    [watch] = watches_of(settings, app, clock)
    task = asyncio.create_task(watch.run())
    page = Page(app, store)
    await clock.go(1)
    listed = page.jobs()
    assert listed is not None and listed.jobs == listed.clusters == []
    assert listed.yarns == [YarnRow(url=yarn.url, found=None, says=watch.says)]
    yarn.down = False
    yarn.applications.clear()
    await clock.go(7)
    listed = page.jobs()
    assert listed is not None and listed.yarns == [YarnRow(url=yarn.url, found=0)]
    assert app.ready() is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    thread.shutdown()
    store.close()


async def test_only_what_is_ours_is_watched(yarn: SimulatedYarn) -> None:
    settings = Settings(yarn=(Yarn(url=yarn.url),))
    clock, noted = TurnsClock(), Noted()
    [watch] = watches_of(settings, noted, clock, lambda id_: id_ != APPLICATION)
    task = asyncio.create_task(watch.run())
    await clock.go(2)
    assert (noted.watched, noted.facts) == ([], {})
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_wrong_settings_are_refused_before_anything_is_watched(tmp_path: Path) -> None:
    twice = (Yarn(url="http://rm:8088"), Yarn(url="http://rm:8088/"))
    with pytest.raises(SettingsError, match="The YARN http://rm:8088 is given twice"):
        yarns_of(Settings(yarn=twice))
    with pytest.raises(AddressError, match="is no address of a YARN ResourceManager: write http:"):
        yarns_of(Settings(yarn=(Yarn(url="rm:8088"),)))
    missing = Yarn(url="http://rm:8088", user="me", password_file=str(tmp_path / "none"))
    with pytest.raises(SettingsError, match="cannot be read"):
        yarns_of(Settings(yarn=(missing,)))
