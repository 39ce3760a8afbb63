"""The embedded app: from a simulated Flink to the pages, in virtual time, on the real store."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from drsquirrel.app import App, StoredPages, data_dir, retention
from drsquirrel.cluster import clients_of
from drsquirrel.model.report import JobList, Report
from drsquirrel.model.verdict import Verdict
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Settings, SettingsError
from drsquirrel.store.sqlite import SqliteStore
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.simulation import RoundsClock, failing
from tests.store.test_full_disk import file_size_limit

RULES = load()
SAMPLE = re.compile(
    r'[a-z_]+(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? -?\d+(\.\d+)?'
)


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


class Run:
    """One life of the app: rounds of its clusters in turn, on a store in a directory."""

    def __init__(self, directory: Path, clock: RoundsClock, *clusters: Cluster) -> None:
        self.clock = clock
        self.settings = Settings(cluster=clusters)
        self.store = SqliteStore(directory, retention(self.settings))
        self.app = App(self.settings, RULES, self.store, clock)
        self.pages = StoredPages(self.store, self.app)
        self.clients = clients_of(self.settings)
        for id_, client in self.clients.items():
            self.app.add(id_, client)

    async def rounds(self, count: int) -> None:
        """So many rounds of every cluster."""
        for id_, client in self.clients.items():
            self.clock.pass_ms(10_300)
            self.clock.rounds = count
            self.clock.enough.clear()
            task = asyncio.create_task(self.app.watch(id_, client))
            await self.clock.enough.wait()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def jobs(self) -> JobList:
        page = self.pages.jobs()
        assert page is not None
        return msgspec.json.decode(page.body, type=JobList)

    def report(self, name: str) -> Report:
        [row] = [row for row in self.jobs.jobs if row.job.name == name]
        page = self.pages.report(row.run.id)
        assert page is not None
        return msgspec.json.decode(page.body, type=Report)

    def close(self) -> None:
        self.app.close()
        self.store.close()


@contextmanager
def running(directory: Path, flink: Simulated, *more: Cluster) -> Iterator[Run]:
    """The app on a simulated Flink; closed at the end as at a SIGTERM."""
    assert isinstance(flink.clock, RoundsClock)
    run = Run(directory, flink.clock, Cluster(url=flink.url, name="lab"), *more)
    try:
        yield run
    finally:
        run.close()


async def test_before_the_first_look_nothing_is_ready_and_after_it_is(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("orders")
    with running(tmp_path, flink) as run:
        assert run.pages.ready() == "No cluster has been looked at yet."
        assert run.pages.jobs() is None
        await run.rounds(1)
        assert run.pages.ready() is None
        assert [row.job.name for row in run.jobs.jobs] == ["orders"]


async def test_while_all_is_well_the_log_is_silent(
    flink: Simulated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flink.job("orders")
    failing(flink.job("sick"), 3, flink.now_ms)
    with running(tmp_path, flink) as run:
        await run.rounds(40)
        assert run.report("orders").verdict is Verdict.HEALTHY
        assert run.report("sick").incidents
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []


async def test_a_dead_cluster_is_listed_logged_once_and_picked_up_when_it_comes(
    flink: Simulated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flink.down = True
    flink.job("orders")
    with running(tmp_path, flink) as run:
        await run.rounds(5)
        [row] = run.jobs.clusters
        assert (row.id, row.state, row.last_answer_ms) == ("lab", "silent", None)
        assert "failed to answer (HTTP 503)" in row.says
        assert run.pages.ready() is None
        flink.down = False
        await run.rounds(2)
        [row] = run.jobs.clusters
        assert (row.state, row.says, row.flink_version) == ("answering", "", "2.3.0")
        assert [j.job.name for j in run.jobs.jobs] == ["orders"]
        flink.down = True
        await run.rounds(3)
        assert run.report("orders").verdict is Verdict.UNKNOWN
    told = [r.getMessage().partition(" failed")[0] for r in caplog.records]
    assert told == [
        f"cluster lab: {flink.url}",
        "cluster lab answers again",
        f"cluster lab: {flink.url}",
    ]


def strips(report: Report) -> dict[str, str]:
    return {strip.id: strip.cells for strip in report.hour.strips}


async def test_a_restart_keeps_the_hour_the_answers_and_the_incidents(
    flink: Simulated, tmp_path: Path
) -> None:
    sick = flink.job("sick")
    failing(sick, 4, flink.now_ms)
    with running(tmp_path, flink) as run:
        await run.rounds(60)
        failing(sick, 4, flink.now_ms)
        await run.rounds(2)
        before = run.report("sick")
    assert before.incidents and before.causes
    with running(tmp_path, flink) as run:
        assert run.report("sick") == before
        await run.rounds(1)
        after = run.report("sick")
    assert [i.began_ms for i in after.incidents] == [i.began_ms for i in before.incidents]
    assert after.data.observed_minutes >= before.data.observed_minutes
    for id_, cells in strips(before).items():
        shift = (after.hour.from_ms - before.hour.from_ms) // 60_000
        assert strips(after)[id_][: 58 - shift] == cells[shift:58]


async def test_restarts_within_a_window_of_the_store_lose_no_minute(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("orders")
    for _ in range(8):
        with running(tmp_path, flink) as run:
            await run.rounds(6)
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        report = run.report("orders")
    [cells] = [s.cells for s in report.hour.strips if s.name == "enrich"]
    assert cells.strip("_").count("_") == 0 and len(cells.strip("_")) >= 7, cells


async def test_a_restart_while_the_cluster_is_dead_still_shows_what_was_known(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("orders")
    flink.job("done").end("FINISHED", flink.now_ms)
    with running(tmp_path, flink) as run:
        await run.rounds(12)
        done, last_ms = run.report("done"), run.jobs.clusters[0].last_answer_ms
    flink.down = True
    with running(tmp_path, flink) as run:
        await run.rounds(4)
        assert {row.job.name: row.verdict for row in run.jobs.jobs} == {
            "orders": Verdict.UNKNOWN,
            "done": Verdict.ENDED,
        }
        assert run.report("done") == done
        [row] = run.jobs.clusters
        assert (row.last_answer_ms, row.flink_version) == (last_ms, "2.3.0")
        assert run.report("orders").data.observed_minutes >= 2
        flink.down = False
        await run.rounds(3)
        assert run.report("orders").verdict is Verdict.HEALTHY


async def test_a_full_disk_is_told_and_what_is_owed_is_written_later(
    flink: Simulated, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flink.job("orders")
    with running(tmp_path, flink) as run:
        await run.rounds(3)
        shown_ms = run.jobs.made_ms
        limit(run.store, 0)
        flink.job("new")
        await run.rounds(5)
        assert "is full: free some space" in (run.pages.ready() or "")
        assert run.jobs.made_ms == shown_ms, "what is shown is what is stored"
        assert metric(run, "drsquirrel_looks_owed") == 5
        limit(run.store, 1 << 20)
        await run.rounds(1)
        assert run.pages.ready() is None
        assert metric(run, "drsquirrel_looks_owed") == 0
        assert metric(run, "drsquirrel_looks_lost_total") == 0
        assert {row.job.name for row in run.jobs.jobs} == {"orders", "new"}
    errors = [r.getMessage() for r in caplog.records]
    assert len(errors) == 2 and "is full" in errors[0] and "stored now" in errors[1]


async def test_what_cannot_be_stored_for_long_is_lost_and_counted(
    flink: Simulated, tmp_path: Path
) -> None:
    with running(tmp_path, flink) as run:
        await run.rounds(1)
        with file_size_limit(1):
            await run.rounds(103)
            assert "The disk of" in (run.pages.ready() or "")
            assert metric(run, "drsquirrel_looks_owed") == 100
            assert metric(run, "drsquirrel_looks_lost_total") == 3
        await run.rounds(1)
        assert run.pages.ready() is None
        assert metric(run, "drsquirrel_looks_owed") == 0


def limit(store: SqliteStore, more_pages: int) -> None:
    """The database may grow by so many pages, as if the disk had no more."""
    ((pages,),) = store._writer.execute("PRAGMA page_count")
    store._writer.execute(f"PRAGMA max_page_count = {pages + more_pages}")


def metric(run: Run, name: str) -> int:
    [value] = re.findall(rf"^{name} (\d+)$", run.pages.metrics(), re.M)
    return int(value)


async def test_our_own_metrics_are_in_the_format_of_prometheus(
    flink: Simulated, tmp_path: Path
) -> None:
    evil = 'a"b\\c\nd{}='
    flink.job("orders")
    with running(tmp_path, flink, Cluster(url="http://127.0.0.1:1", name=evil)) as run:
        await run.rounds(2)
        text = run.pages.metrics()
    assert text.endswith("\n")
    kinds: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, what, name, rest = line.split(" ", 3)
            assert (what, name in kinds) == (
                ("HELP", False) if name not in kinds else ("TYPE", True)
            )
            kinds[name] = rest
        else:
            assert SAMPLE.fullmatch(line), line
            name = re.split("[{ ]", line)[0]
            assert kinds[name] in ("counter", "gauge")
            assert name.startswith("drsquirrel_")
            assert name.endswith("_total") == (kinds[name] == "counter")
    assert 'drsquirrel_rounds_failed_total{cluster="a\\"b\\\\c\\nd{}="} 2' in text
    assert 'drsquirrel_cluster_answers{cluster="lab"} 1' in text
    assert 'drsquirrel_rounds_total{cluster="lab"} 2' in text


async def test_clusters_of_one_id_or_one_address_are_refused() -> None:
    for urls, name, sentence in (
        (("http://a:1", "http://a:1/"), "", "http://a:1 is given twice"),
        (("http://a/x", "http://a/y"), "", "http://a/x and http://a/y would both be called a"),
        (("http://a:1", "http://b:1"), "x", "would both be called x: give each"),
    ):
        clusters = tuple(Cluster(url=url, name=name) for url in urls)
        with pytest.raises(SettingsError, match=re.escape(sentence)):
            clients_of(Settings(cluster=clusters))


def test_the_data_directory_may_begin_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/squirrel")
    assert data_dir(Settings()) == Path("/home/squirrel/.local/share/drsquirrel")
    with pytest.raises(SettingsError, match="There is no home directory for ~nobody-here/x: give"):
        data_dir(Settings(data_dir="~nobody-here/x"))
