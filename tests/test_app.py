"""The embedded app: from a simulated Flink to the pages, in virtual time, on the real store."""

import asyncio
import json
import logging
import re
import signal
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from drsquirrel.cluster import clients_of
from drsquirrel.database import data_dir
from drsquirrel.model.report import Report
from drsquirrel.model.state import LOST
from drsquirrel.model.verdict import Verdict
from drsquirrel.settings import Cluster, Settings, SettingsError
from drsquirrel.store.sqlite import SqliteStore
from tests.collect.flink_rest.server import serving
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.commands import ROOT, Started, started
from tests.simulation import RoundsClock, Run, WallClock, failing, running
from tests.store.test_full_disk import file_size_limit

SLOW_MACHINE_S = 1.0
SAMPLE = re.compile(
    r'[a-z_]+(\{[a-z_]+="([^"\\\n]|\\["\\n])*"(,[a-z_]+="([^"\\\n]|\\["\\n])*")*\})? -?\d+(\.\d+)?'
)


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(RoundsClock()) as flink:
        yield flink


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


async def test_after_a_restart_a_run_that_was_lost_before_is_still_lost(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("orders")
    with running(tmp_path, flink) as run:
        await run.rounds(6)
        flink.jobs.clear()
        await run.rounds(2)
        before = run.report("orders").run
    assert before.state == LOST and before.end_ms
    flink.down = True
    with running(tmp_path, flink) as run:
        await run.rounds(2)
        assert run.report("orders").run == before


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
        assert 0 < metric(run, "drsquirrel_looks_owed") <= 5
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


async def wait_for(begun: Started, pattern: str) -> str:
    """As Started.wait_for, while the servers of this event loop answer."""
    return await asyncio.to_thread(begun.wait_for, pattern)


async def ended(begun: Started, number: int) -> float:
    """How many seconds it took to end well after a signal."""
    began_s = time.monotonic()
    assert await asyncio.to_thread(begun.end, number) == 0, begun.err
    return time.monotonic() - began_s


async def asked(url: str, status: int = 200) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert response.status == status
        return await response.text()


async def listed(url: str, enough: Any) -> dict[str, Any]:
    """The list of jobs, as soon as it holds enough."""
    for _ in range(600):
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{url}/api/v1/jobs") as response,
        ):
            found: dict[str, Any] = await response.json(content_type=None)
        if response.status == 200 and enough(found):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


@pytest.fixture
async def now() -> AsyncIterator[Simulated]:
    """A simulated Flink in real time, with a job."""
    async with simulated(WallClock()) as flink:
        flink.job("orders")
        yield flink


async def test_it_says_where_the_page_is_serves_it_and_ends_at_a_signal(
    now: Simulated, tmp_path: Path
) -> None:
    arguments = ("up", "--flink", now.url, "--port", 0)
    variables = {"XDG_DATA_HOME": str(tmp_path), "DRS_POLL_INTERVAL_S": "2"}
    for number in (signal.SIGTERM, signal.SIGINT):
        began_ms = now.now_ms
        with started(tmp_path / "log", *arguments, variables=variables) as begun:
            page = await wait_for(begun, r"The page: (http://127\.0\.0\.1:\d+)\n")
            found = await listed(page, lambda found, since=began_ms: found["made_ms"] > since)
            assert found["jobs"][0]["job"]["name"] == "orders"
            assert await asked(f"{page}/livez") == "alive\n"
            assert await asked(f"{page}/readyz") == "ready\n"
            assert "drsquirrel_rounds_total" in await asked(f"{page}/metrics")
            assert json.loads(await asked(f"{page}/api/v1/rules"))
            assert await ended(begun, number) < 3
        # Nothing else is said while all is well.
        watching, *rest = begun.err.splitlines()
        assert watching == (
            f"Watching {now.url.removeprefix('http://')}; the history is in {tmp_path}/drsquirrel."
        )
        assert [line.partition(":")[0] for line in rest] == ["The page"]
        (tmp_path / "log").unlink()
    assert (tmp_path / "drsquirrel" / "drsquirrel.sqlite").stat().st_mode & 0o077 == 0


async def test_after_a_kill_the_next_one_shows_what_was_known(
    now: Simulated, tmp_path: Path
) -> None:
    arguments = ("up", "--flink", now.url, "--port", 0, "--data-dir", tmp_path / "data")
    with started(tmp_path / "log", *arguments) as begun:
        page = await wait_for(begun, r"The page: (\S+)")
        before = await listed(page, lambda found: found["jobs"])
        begun.process.kill()
        begun.process.wait()
    now.down = True
    with started(tmp_path / "log2", *arguments) as begun:
        page = await wait_for(begun, r"The page: (\S+)")
        after = await listed(page, lambda found: found["clusters"][0]["state"] == "silent")
        run = before["jobs"][0]["run"]
        assert after["jobs"][0]["run"] == run
        assert json.loads(await asked(f"{page}/api/v1/runs/{run['id']}/report"))["run"] == run
        assert await ended(begun, signal.SIGTERM) < 3


async def test_clusters_that_hang_delay_neither_another_nor_the_end(
    now: Simulated, tmp_path: Path
) -> None:
    """R13. One hangs in its answers, ten in the search for their names."""
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, time\n"
        "found = socket.getaddrinfo\n"
        "def search(host, *rest, **more):\n"
        "    time.sleep(60) if 'lost' in str(host) else None\n"
        "    return found(host, *rest, **more)\n"
        "socket.getaddrinfo = search\n"
    )
    interval_s = 4
    lost = [f"--flink=http://lost-{i}.example:8081" for i in range(10)]
    stop = asyncio.Event()

    async def hanging(_: web.Request) -> web.Response:
        await stop.wait()
        return web.Response()

    async with serving(hanging) as hung:
        variables = {
            "DRS_POLL_INTERVAL_S": str(interval_s),
            "DRS_REQUEST_TIMEOUT_S": "30",
            "PYTHONPATH": f"{tmp_path}:{ROOT}",
        }
        flags = ("--port", 0, "--data-dir", tmp_path / "data", "--flink", hung, *lost)
        with started(
            tmp_path / "log", "up", "--flink", now.url, *flags, variables=variables
        ) as begun:
            page = await wait_for(begun, r"The page: (\S+)")
            begun_s: list[float] = []
            while len(begun_s) < 5:
                if now.asked.count("/jobs/overview") > len(begun_s):
                    begun_s.append(time.monotonic())
                await asyncio.sleep(0.02)
            pauses_s = [b - a for a, b in pairwise(begun_s)]
            assert max(pauses_s) <= interval_s * 1.1 + SLOW_MACHINE_S, pauses_s
            states = {c["id"]: c["state"] for c in (await listed(page, bool))["clusters"]}
            assert sorted(states.values()) == ["answering"] + ["connecting"] * 11
            assert await ended(begun, signal.SIGTERM) < 3
        stop.set()
