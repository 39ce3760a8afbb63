"""The reports of a running Dr. Squirrel, read over its API as it is served."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from drsquirrel.collect import peer
from drsquirrel.collect.flink_rest.error import FlinkError, NotFlinkError
from drsquirrel.collect.peer import reports_of, watched_by
from drsquirrel.model.report import JobList, JobRow
from drsquirrel.serve.api import _not_yet
from drsquirrel.serve.problem import problem
from tests.collect.flink_rest.asked import answering
from tests.collect.flink_rest.server import Handler, serving
from tests.serve.conftest import JOBS, REPORT


def row(number: int) -> JobRow:
    first = JOBS.jobs[0]
    return msgspec.structs.replace(
        first,
        job=msgspec.structs.replace(first.job, id=f"job-{number}", name=f"name-{number}"),
        run=msgspec.structs.replace(first.run, id=f"run-{number}", job_id=f"{number:032x}"),
    )


def squirrel(
    *rows: JobRow, report: Callable[[str], Any] = lambda _: REPORT, clusters: tuple[str, ...] = ()
) -> Handler:
    """A Dr. Squirrel that watches these jobs, on clusters at these addresses."""
    watched = [msgspec.structs.replace(JOBS.clusters[0], url=url) for url in clusters]

    async def handle(request: web.Request) -> web.Response:
        if request.path == "/api/v1/jobs":
            found: Any = JobList(made_ms=1, jobs=list(rows), clusters=watched)
        elif request.path == "/config":
            return web.Response(status=404)
        else:
            _, _, _, _, run, last = request.path.split("/")
            assert last == "report"
            found = report(run)
        return web.Response(body=msgspec.json.encode(found), content_type="application/json")

    return handle


def named(run: str) -> Any:
    return msgspec.structs.replace(REPORT, headline=run)


async def test_all_reports_come_in_the_order_of_the_list() -> None:
    async with serving(squirrel(row(2), row(1), report=named)) as url:
        assert [r.headline for r in await reports_of(url, "")] == ["run-2", "run-1"]


@pytest.mark.parametrize("wanted", ["job-7", "name-7", f"{7:032x}"])
async def test_a_job_is_found_by_its_id_its_name_and_its_flink_id(wanted: str) -> None:
    async with serving(squirrel(row(6), row(7), report=named)) as url:
        assert [r.headline for r in await reports_of(url, wanted)] == ["run-7"]
        assert await reports_of(url, "name") == []


async def test_it_tells_the_addresses_of_the_clusters_it_watches() -> None:
    async with serving(squirrel(row(1), clusters=("http://a:1", "http://b:1"))) as url:
        assert await watched_by(url) == ["http://a:1", "http://b:1"]


async def test_a_report_that_comes_in_many_pieces_is_read_to_its_end() -> None:
    long = msgspec.structs.replace(REPORT, subline="x" * 3_000_000)
    async with serving(squirrel(row(1), report=lambda _: long)) as url:
        [found] = await reports_of(url, "")
        assert found == long


async def test_one_that_has_made_no_list_yet_asks_for_patience() -> None:
    reply = problem(_not_yet("The first list of jobs is not made yet."), "GET", "/")
    async with serving(answering(reply.body, 503)) as url:
        with pytest.raises(FlinkError, match=r"has just started: try again in some seconds\."):
            await reports_of(url, "")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("<html>log in</html>", 200),
        ("{}", 200),
        ("[" * 100_000, 200),
        (b"\xff", 200),
        ('{"errors":["Not found."]}', 404),
        ("down for maintenance", 503),
        ("", 302),
    ],
)
async def test_whoever_does_not_speak_our_api_is_none_of_us(body: str | bytes, status: int) -> None:
    async with serving(answering(body, status, location="http://elsewhere.example")) as url:
        with pytest.raises(NotFlinkError, match=r"neither Flink's REST API nor a Dr\. Squirrel"):
            await reports_of(url, "")


async def test_a_report_of_another_version_is_refused() -> None:
    async with serving(squirrel(row(1), report=lambda _: {"verdict": "splendid"})) as url:
        with pytest.raises(NotFlinkError, match=r"nor a Dr\. Squirrel of this version\."):
            await reports_of(url, "")


async def test_a_body_without_end_is_not_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "BODY_MAX_BYTES", 1 << 20)
    async with serving(answering(b"x" * (2 << 20))) as url:
        with pytest.raises(FlinkError, match=r"answers with more than 1 MiB\."):
            await reports_of(url, "")


async def test_one_that_breaks_off_or_hangs_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def breaking_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.close()
        return response

    async with serving(breaking_off) as url:
        with pytest.raises(FlinkError, match=r"breaks off its answer .*try again\."):
            await reports_of(url, "")

    async def hanging(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await request.content.read()
        await event.wait()
        return response

    event = asyncio.Event()
    monkeypatch.setattr(peer, "TIMEOUT_S", 0.3)
    async with serving(hanging) as url:
        with pytest.raises(FlinkError, match=r"does not answer as a Dr\. Squirrel within 0\.3 s\."):
            await reports_of(url, "")
        event.set()
