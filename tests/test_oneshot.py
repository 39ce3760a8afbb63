"""One look at a simulated Flink in virtual time, at recordings of it, and at what is no Flink."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard
from aiohttp import web
from msgspec.structs import replace

from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.recording import Header, Recorder, RecordingError
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from drsquirrel.oneshot import Look, NothingToJudgeError, diagnose_recording, diagnose_url, record
from drsquirrel.rules.load import load
from drsquirrel.serve.pages import Rendered
from drsquirrel.serve.server import listen, serve, url
from drsquirrel.settings import Cluster, Settings, SettingsError
from tests.collect.flink_rest.asked import answering, raw_server, server_tls
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.server import Handler, serving
from tests.collect.flink_rest.simulated import Simulated, simulated
from tests.serve.conftest import JOBS, REPORT, Shelf
from tests.simulation import WallClock, failing

RECORDINGS = Path(__file__).parent / "recordings"
RULES = load()


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(HandClock()) as flink:
        yield flink


class Looked:
    """A look at a simulated Flink, what it said, and how many rounds it took."""

    def __init__(self, flink: Simulated, wanted: str = "", **settings: Any) -> None:
        self.said: list[str] = []
        self.client = FlinkClient(flink.url)
        self.flink = flink
        self.look = Look(
            self.client,
            flink.clock,
            Settings(**settings),
            RULES,
            "lab",
            wanted=wanted,
            say=self.said.append,
        )

    async def __call__(self, seconds: int = 60, *, settle: bool = True) -> list[Report]:
        ends_ms = self.flink.clock.now_ms() + seconds * 1000
        async with self.client:
            await self.look.until(ends_ms, settle=settle)
        return self.look.reports()

    @property
    def rounds(self) -> int:
        """Something is said after each round but the last."""
        return len(self.said) + 1


async def test_a_healthy_job_is_settled_before_the_time_is_up(flink: Simulated) -> None:
    flink.job("quiet")
    looked = Looked(flink)
    [report] = await looked()
    assert report.verdict is Verdict.HEALTHY
    assert looked.rounds == 5
    assert re.fullmatch(
        r"Look 1: 1 job, \d+ requests, 0 decided; \d+ s at most to go on\.", looked.said[0]
    )


async def test_a_job_whose_cause_is_sure_is_settled_at_once(flink: Simulated) -> None:
    failing(flink.job("sick"), 4, flink.now_ms)
    looked = Looked(flink)
    [report] = await looked()
    assert report.causes[0].code in ("user-code-npe", "user-code-exception", "poison-record")
    assert looked.rounds == 1


async def test_jobs_that_are_over_are_settled_at_once(flink: Simulated) -> None:
    flink.job("done").end("FINISHED", flink.now_ms - 1000)
    looked = Looked(flink)
    [report] = await looked()
    assert report.verdict is Verdict.ENDED and looked.rounds == 1


async def test_one_job_is_found_by_name_and_by_id_and_only_it_is_waited_for(
    flink: Simulated,
) -> None:
    sick = flink.job("sick")
    failing(sick, 4, flink.now_ms)
    flink.job("quiet")
    for wanted in ("sick", sick.jid):
        looked = Looked(flink, wanted)
        [report] = await looked()
        assert report.job.name == "sick" and looked.rounds <= 2


async def test_a_name_is_found_with_and_without_what_the_pattern_cuts_off(
    flink: Simulated,
) -> None:
    failing(flink.job("sick-20261124"), 4, flink.now_ms)
    for wanted in ("sick-20261124", "sick", "sick-19991231"):
        [report] = await Looked(flink, wanted, job_name_pattern=r"-\d{8}")()
        assert report.job.name == "sick"


async def test_the_worst_job_comes_first(flink: Simulated) -> None:
    flink.job("a-quiet")
    failing(flink.job("z-sick"), 4, flink.now_ms)
    flink.job("b-over").end("FINISHED", flink.now_ms - 1000)
    names = [r.job.name for r in await Looked(flink)()]
    assert names == ["z-sick", "a-quiet", "b-over"]


async def test_an_unknown_job_is_told_at_once_with_the_names_that_are_there(
    flink: Simulated,
) -> None:
    flink.job("orders")
    flink.job("payments")
    looked = Looked(flink, "order")
    with pytest.raises(
        NothingToJudgeError, match=r"^There is no job order; there are: orders, payments\.$"
    ):
        await looked()
    assert looked.rounds == 1


async def test_of_very_many_names_some_are_told(flink: Simulated) -> None:
    for i in range(30):
        flink.job(f"job-{i:02}")
    with pytest.raises(NothingToJudgeError, match=r": job-00, .*, job-19, …\.$"):
        await Looked(flink, "x")()


async def test_a_cluster_without_jobs_is_told_at_once(flink: Simulated) -> None:
    looked = Looked(flink)
    with pytest.raises(NothingToJudgeError, match=r"^The cluster runs no job: "):
        await looked()
    assert looked.rounds == 1


async def test_a_cluster_that_dies_is_tried_until_the_time_is_up_and_no_longer() -> None:
    async with simulated(WallClock()) as flink:

        def last_words() -> web.Response:
            flink.down = True
            return web.json_response({"flink-version": "2.3.0"})

        flink.answers["/config"] = last_words
        began_s, said = time.monotonic(), list[str]()
        settings = Settings(poll_interval_s=2)
        with pytest.raises(NothingToJudgeError, match=r"failed to answer \(HTTP 503\): look into"):
            await diagnose_url(Cluster(url=flink.url), settings, RULES, "", 5, said.append)
        assert 3 <= time.monotonic() - began_s < 6.5
        first, *later = said
        assert first == f"Looking at {flink.url} until all is decided, for 5 s at most."
        assert later and all(line.endswith("s more.") for line in later)


async def test_a_look_too_short_to_judge_a_job_says_how_long_is_enough() -> None:
    async with simulated(WallClock()) as flink:
        flink.job("orders")
        cluster, settings, said = Cluster(url=flink.url), Settings(poll_interval_s=2), list[str]()
        [report] = await diagnose_url(cluster, settings, RULES, "", 2, said.append)
        assert report.verdict is Verdict.UNKNOWN
        assert said[-1] == "Too short a look for some jobs: give it --seconds 60."


async def test_an_error_of_ours_is_not_taken_for_one_of_the_cluster(flink: Simulated) -> None:
    class Broken(HandClock):
        async def sleep(self, seconds: float) -> None:
            if seconds > 1:
                raise ZeroDivisionError

    flink.job("orders")
    looked = Looked(flink)
    looked.look = Look(looked.client, Broken(), Settings(), RULES, "lab")
    with pytest.raises(ZeroDivisionError):
        await looked()


async def test_a_recording_comes_to_the_same_report_as_the_look_it_was_made_by(
    flink: Simulated, tmp_path: Path
) -> None:
    flink.job("quiet")
    failing(flink.job("sick"), 4, flink.now_ms)
    file, said = tmp_path / "r", list[str]()
    header = Header(
        drsquirrel="0.1.0",
        cluster="lab",
        flink_version="2.3.0",
        begun_ms=flink.now_ms,
        interval_ms=10_000,
    )
    async with FlinkClient(flink.url) as client:
        with Recorder(client, file, header, flink.clock) as recorder:
            look = Look(recorder, flink.clock, Settings(), RULES, "lab")
            await look.until(flink.now_ms + 60_000, settle=False)
    live = look.reports()
    for interval_s in (10.0, 3.0):
        settings = Settings(poll_interval_s=interval_s)
        assert await diagnose_recording(file, settings, RULES, "", said.append) == live
    when = r"\d\d s of lab, Flink 2\.3\.0, from 2027-01-15 08:00:00 UTC"
    assert re.fullmatch(rf"The recording holds {when}\.", said[0])
    [sick] = await diagnose_recording(file, Settings(), RULES, "sick", said.append)
    assert sick == live[0]
    with pytest.raises(NothingToJudgeError, match=r"no job x; there are: quiet, sick\."):
        await diagnose_recording(file, Settings(), RULES, "x", said.append)


@pytest.mark.parametrize(
    ("name", "verdict", "cause"),
    [
        ("healthy", Verdict.HEALTHY, ""),
        ("slow-sink", Verdict.WARNING, "slow-sink"),
        ("hot-key", Verdict.WARNING, "data-skew-hot-key"),
        ("restart-loop", Verdict.FAILING, "poison-record"),
    ],
)
async def test_a_recording_of_a_real_cluster_is_judged_as_the_job_was_made(
    name: str, verdict: Verdict, cause: str
) -> None:
    file = RECORDINGS / f"{name}.recording"
    [report] = await diagnose_recording(file, Settings(), RULES, "", lambda _: None)
    assert report.verdict is verdict
    assert [a.code for a in report.causes][:1] == ([cause] if cause else [])


async def test_a_recording_that_is_cut_off_is_judged_up_to_there_and_says_so(
    tmp_path: Path,
) -> None:
    whole = (RECORDINGS / "slow-sink.recording").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) * 3 // 4])
    said: list[str] = []
    [report] = await diagnose_recording(tmp_path / "cut", Settings(), RULES, "", said.append)
    assert report.job.name == "payments-to-ledger"
    assert said[0].startswith("The recording is cut off: what is left, ")


async def test_what_is_no_recording_or_a_newer_one_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r"
    head = {"format": "drsquirrel-recording", "schema": 99, "drsquirrel": "9.0"}
    newer = zstandard.compress(msgspec.json.encode(head) + b"\n")
    for content, sentence in (
        (b"", "is no recording"),
        (b"\x7fELF" * 100, "is no recording"),
        (newer, r"newer Dr\. Squirrel \(9\.0, schema 99\).*update"),
    ):
        file.write_bytes(content)
        with pytest.raises(RecordingError, match=sentence):
            await diagnose_recording(file, Settings(), RULES, "", lambda _: None)
    with pytest.raises(RecordingError, match=r"[Ii]s a directory"):
        await diagnose_recording(tmp_path, Settings(), RULES, "", lambda _: None)


async def refusal(address: str, **cluster: str) -> str:
    """What is said of an address that cannot be diagnosed."""
    settings = Settings(request_timeout_s=1.0)
    with pytest.raises((FlinkError, NothingToJudgeError)) as refused:
        said = list[str]()
        await asyncio.wait_for(
            diagnose_url(Cluster(url=address, **cluster), settings, RULES, "", 60, said.append), 15
        )
    sentence = str(refused.value)
    assert sentence.endswith((".", "?")) and "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("handler", "sentence"),
    [
        (answering("<html>log in"), "answers, but not with JSON as Flink's REST API does"),
        (answering("", 401), "wants other credentials (HTTP 401)"),
        (answering('{"errors":["no"]}', 500), "failed to answer (HTTP 500: no): look into the log"),
        (answering("{}", 404), "does not know what was asked for (HTTP 404)"),
        (answering("", 302, location="http://evil.example"), "redirects elsewhere"),
        (answering("{"), "sent JSON that is broken or cut off"),
    ],
)
async def test_what_answers_but_is_no_flink_is_told_at_once(
    handler: Handler, sentence: str
) -> None:
    async with serving(handler) as address:
        assert sentence in await refusal(address)


async def test_addresses_where_nobody_speaks_http_are_told_at_once() -> None:
    with listen("127.0.0.1", 0) as listening:
        closed = url(listening)
    assert "Cannot reach" in await refusal(closed)
    async with raw_server(b"SSH-2.0-OpenSSH_9.2\r\n") as address:
        assert "does not speak HTTP" in await refusal(address)
    async with serving(answering("{}")) as plain:
        assert "write http:// instead of https://" in await refusal(plain.replace("http", "https"))
    async with serving(answering("{}"), server_tls()) as tls:
        assert "https://?" in await refusal(tls.replace("https", "http"))
        assert "is not trusted" in await refusal(tls)


async def test_a_server_that_never_answers_is_given_up_after_one_request() -> None:
    stop = asyncio.Event()

    async def hanging(_: web.Request) -> web.Response:
        await stop.wait()
        return web.Response()

    async with serving(hanging) as address:
        assert "did not answer within 1 s" in await refusal(address)
        stop.set()


async def test_a_missing_secret_file_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    cluster = Cluster(url="http://127.0.0.1:1", token_file=str(tmp_path / "token"))
    with pytest.raises(SettingsError, match="token cannot be read: no such file"):
        await diagnose_url(cluster, Settings(), RULES, "", 60, lambda _: None)


@pytest.mark.parametrize("built", [True, False])
async def test_a_running_dr_squirrel_answers_at_once(
    shelf: Shelf, tmp_path: Path, built: bool
) -> None:
    if built:
        (tmp_path / "index.html").write_text("<!doctype html>")
    stop = asyncio.Event()
    listening = listen("127.0.0.1", 0)
    cluster = Cluster(url=url(listening))
    task = asyncio.create_task(
        serve(shelf, shelf, listening=listening, page_dir=tmp_path, stop=stop)
    )

    said: list[str] = []

    async def asked(wanted: str = "") -> list[Report]:
        return await diagnose_url(cluster, Settings(), RULES, wanted, 60, said.append)

    assert await asked() == await asked("orders") == [REPORT]
    assert {line.endswith(" answers from what it has watched.") for line in said} == {True}
    with pytest.raises(
        NothingToJudgeError, match=r"^The Dr\. Squirrel at .* knows no job x; there are: orders\.$"
    ):
        await asked("x")
    shelf.list_of_jobs = Rendered(msgspec.json.encode(replace(JOBS, jobs=[])), "none")
    with pytest.raises(NothingToJudgeError, match=r"knows no job yet: its page says why\.$"):
        await asked()
    shelf.list_of_jobs = None
    with pytest.raises(FlinkError, match="has just started: try again"):
        await asked()
    stop.set()
    await task


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


async def test_a_cluster_that_hangs_is_left_when_the_time_is_up(tmp_path: Path) -> None:
    stop = asyncio.Event()

    async def hanging(request: web.Request) -> web.Response:
        if request.path != "/config":
            await stop.wait()
        return web.json_response({"flink-version": "2.3.0"})

    async with serving(hanging) as address:
        cluster, began_s = Cluster(url=address), time.monotonic()
        with pytest.raises(
            NothingToJudgeError, match=r"did not answer in time: .* more --seconds\."
        ):
            await diagnose_url(cluster, Settings(), RULES, "", 2, lambda _: None)
        await record(cluster, tmp_path / "r", Settings(), RULES, 2, lambda _: None)
        assert time.monotonic() - began_s < 7
        stop.set()


async def test_a_recording_of_a_cluster_without_jobs_is_a_recording(tmp_path: Path) -> None:
    async with simulated(HandClock()) as flink:
        cluster, said = Cluster(url=flink.url), list[str]()
        await record(cluster, tmp_path / "r", Settings(), RULES, 1, said.append)
    with pytest.raises(NothingToJudgeError, match="The cluster runs no job"):
        await diagnose_recording(tmp_path / "r", Settings(), RULES, "", said.append)


async def test_nothing_is_made_where_there_is_no_cluster(tmp_path: Path) -> None:
    async with serving(answering("<html>")) as address:
        with pytest.raises(FlinkError, match="answers, but not with JSON"):
            await record(Cluster(url=address), tmp_path / "r", Settings(), RULES, 1, lambda _: None)
    assert not (tmp_path / "r").exists()
