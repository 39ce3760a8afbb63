"""The fixtures behind the real web server, on a thread: what a test opens in a browser."""

import asyncio
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import msgspec
from litestar.types import Message, Receive, Scope, Send

from drsquirrel.model.report import JobList, LogLine, LogList, Report
from drsquirrel.serve.pages import Rendered, RulePage, RuleRef, RuleSection, RuleThreshold
from drsquirrel.serve.server import _Embedded, listen, url
from drsquirrel.serve.site import Site
from tests.show.page.building import MADE_MS, RULES
from tests.show.page.fixtures import job_list, reports

DATE = formatdate(MADE_MS / 1000, usegmt=True)
PAGE_DIR = Path(__file__).parents[3] / "drsquirrel" / "show" / "page"


def rendered(document: Report | JobList | LogList) -> Rendered:
    """A document as it goes out."""
    body = msgspec.json.encode(document)
    return Rendered(body, hashlib.sha256(body).hexdigest()[:16])


LOG_LINES = [
    LogLine(
        time_ms=MADE_MS - 1_000,
        level="ERROR",
        logger="com.shop.Parse",
        message="record 4711 has no `price`",
        throwable="java.lang.RuntimeException: no price\n\tat com.shop.Parse.map(Parse.java:31)",
        task="parse (1/2)#7",
        container="tm-1",
        host="node-17",
        count=3,
        dropped=0,
    ),
    LogLine(
        time_ms=MADE_MS - 2_000,
        level="WARN",
        logger="com.shop.Ledger",
        message="<img src=x onerror=alert(1)>\u202eslow",
        throwable="",
        task="",
        container="tm-2",
        host="node-18",
        count=1,
        dropped=12,
    ),
]


class FixturePages:
    """The fixtures as the store would serve them; a test may exchange them."""

    def __init__(self) -> None:
        self.show(list(reports().values()), job_list())
        self.log_list = LogList(lines=LOG_LINES, complete=True)

    def show(self, made: list[Report], jobs: JobList) -> None:
        """Serves these from now on."""
        self._jobs = rendered(jobs)
        self._runs = {report.run.id: rendered(report) for report in made}
        self._run_of_job = {report.job.id: report.run.id for report in made}

    def jobs(self) -> Rendered | None:
        return self._jobs

    def report(self, run_id: str) -> Rendered | None:
        return self._runs.get(run_id)

    def run_of_job(self, job_id: str) -> str | None:
        return self._run_of_job.get(job_id)

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        return None

    def logs(self, run_id: str) -> Rendered | None:
        return rendered(self.log_list) if run_id in self._runs else None

    def metrics(self) -> str:
        return ""

    def ready(self) -> str | None:
        return None


class FixtureHandbook:
    """A page for every rule of the fixtures, each with all a page can have."""

    def rules(self) -> list[RuleRef]:
        return [RuleRef(code=c, kind=kind, title=title) for c, (kind, _, title) in RULES.items()]  # type: ignore[arg-type]

    def rule(self, code: str) -> RulePage | None:
        if code not in RULES:
            return None
        kind, _, title = RULES[code]
        return RulePage(
            code=code,
            kind=kind,  # type: ignore[arg-type]
            title=title,
            sections=(
                RuleSection(
                    heading="What it checks",
                    text="How long `checkpointDuration` was, as a share of the time-out.\n\n"
                    "Only completed checkpoints count:\n- failed ones have a check of their own\n"
                    "- savepoints are left out",
                ),
                RuleSection(heading="Why it is bad", text="The next slowdown makes them expire."),
                RuleSection(heading="How to fix", text="Remove the backpressure first."),
                RuleSection(heading="When to ignore it", text="State is rebuilt in minutes."),
            ),
            thresholds=(
                RuleThreshold(
                    name="warn_share",
                    default=0.5,
                    value=0.4,
                    unit="of the time-out",
                    help="The slowest checkpoint of the hour, warn from here.",
                ),
            ),
        )


class DatedSite(Site):
    """The site with its clock standing where the fixtures were made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"date", DATE.encode())]
            await send(message)

        await super().__call__(scope, receive, dated)


class Served:
    """A running server: its address, and the pages it shows."""

    def __init__(self) -> None:
        self.pages = FixturePages()
        listening = listen("127.0.0.1", 0)
        self.url = url(listening)
        self._loop = asyncio.new_event_loop()
        self._server = _Embedded(DatedSite(self.pages, FixtureHandbook(), PAGE_DIR), listening)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._loop.run_until_complete(self._server.serve())
        self._loop.close()

    def stop(self) -> None:
        """Ends the server; its address answers no more."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._server.stop)
            self._thread.join(10)


@contextmanager
def served() -> Iterator[Served]:
    """A server for the time of a test."""
    server = Served()
    try:
        yield server
    finally:
        server.stop()


if __name__ == "__main__":
    with served() as running:
        print(running.url, flush=True)
        threading.Event().wait()
