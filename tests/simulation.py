"""What tests of whole looks need beside the simulated Flink: clocks, a job that fails, the app."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import msgspec

from drsquirrel.app import App
from drsquirrel.cluster import clients_of
from drsquirrel.database import retention
from drsquirrel.desk import Desk
from drsquirrel.exposition import rendered
from drsquirrel.model.report import JobList, Report
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Settings
from drsquirrel.store.sqlite import SqliteStore
from drsquirrel.stored_pages import StoredPages
from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.simulated import Simulated, SimulatedJob

RULES = load()

PAUSE_S = 2.0
"""Nobody sleeps longer within a round."""
NPE = "java.lang.NullPointerException: no address\n\tat com.acme.Parse.map(Parse.java:7)\n"


class WallClock(HandClock):
    """The time of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class RoundsClock(HandClock):
    """Virtual time that stands still after `rounds` pauses between rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        self.enough = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds > PAUSE_S:
            self.rounds -= 1
            if self.rounds <= 0:
                self.enough.set()
                await asyncio.Event().wait()
        await super().sleep(seconds)


def failing(job: SimulatedJob, times: int, now_ms: int) -> None:
    """The job fails by one exception, and runs again, so many times in the last minutes."""
    for i in range(times):
        failed_ms = now_ms - (times - i) * 10_000
        job.exceptions.insert(
            0,
            {
                "exceptionName": "java.lang.NullPointerException",
                "stacktrace": NPE,
                "timestamp": failed_ms,
                "taskName": "enrich (1/2)",
                "endpoint": "tm-0:1",
                "taskManagerId": "tm-0",
            },
        )
        job.restart(failed_ms + 2_000)


class Run:
    """One life of the app: rounds of its clusters in turn, on a store in a directory."""

    def __init__(self, directory: Path, clock: RoundsClock, *clusters: Cluster) -> None:
        self.clock = clock
        self.settings = Settings(cluster=clusters)
        self.store = SqliteStore(directory, retention(self.settings))
        self.thread = ThreadPoolExecutor(1)
        self.app = App(self.settings, Desk(RULES), self.store, clock, self.thread)
        self.pages = StoredPages(self.store, lambda: rendered(self.app.metrics()), self.app.ready)
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
        self.app.finish()
        self.thread.shutdown()
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
