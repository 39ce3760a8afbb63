"""Watches a real cluster as the app does, and keeps what was said of each job at each look."""

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from demo.scenarios import Scenario
from drsquirrel.cluster import SystemClock, Watch, client_of
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk
from drsquirrel.diagnose.memory import SURE
from drsquirrel.kafka_watch import KafkaWatch, kafka_access, source_of
from drsquirrel.model.report import Answer, Report
from drsquirrel.on_desk import RunDesk, run_to_show
from drsquirrel.rules.load import load
from drsquirrel.settings import Cluster, Kafka, Settings

POLL_S = 0.5
NAME = "test"
"""Of the cluster."""


def names_the_cause(report: Report, scenario: Scenario) -> bool:
    """The headline's cause is one of the expected, and its culprit is the expected operator."""
    if not report.causes or report.causes[0].code not in scenario.expected:
        return False
    culprit = report.causes[0].culprit
    where = f"{culprit.operator or ''} {culprit.vertex or ''}"
    right_place = scenario.culprit is None or scenario.culprit in where
    return right_place and report.headline == report.causes[0].title


@dataclass(frozen=True)
class Said:
    """One report of a job, and when it was made by our clock."""

    at_s: float
    report: Report

    @property
    def best(self) -> Answer | None:
        """The cause that the headline names: the first, if it is sure."""
        causes = self.report.causes
        return causes[0] if causes and causes[0].confidence in SURE else None


class Watching:
    """A context manager; rounds are made in a thread of their own until it is left. With `brokers`
    also what the plugin sends is heard, of the cluster called NAME."""

    def __init__(self, url: str, *, dumps_allowed: bool = True, brokers: str = "") -> None:
        self.said: dict[str, list[Said]] = {}
        """By job name, oldest first."""
        self._url = url
        self._brokers = brokers
        self._dumps_allowed = dumps_allowed
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stopped: asyncio.Event = asyncio.Event()
        self.broke: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join(60)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._watch())
        except BaseException as error:
            self.broke = error
            raise
        finally:
            self._loop.close()

    async def _watch(self) -> None:
        cluster = Cluster(url=self._url, name=NAME)
        kafka = Kafka(brokers=self._brokers) if self._brokers else None
        settings = Settings(cluster=(cluster,), kafka=kafka)
        desk = Desk(load())
        with ThreadPoolExecutor(1) as thread:
            async with client_of(cluster, settings) as client:
                watch = Watch(
                    NAME,
                    client,
                    desk,
                    SystemClock(),
                    settings,
                    thread,
                    dumps_allowed=self._dumps_allowed,
                )
                heard = self._heard(settings, desk, watch) if kafka else None

                async def after(_: Round, judged: list[RunDesk]) -> None:
                    self._keep(list(watch.on_desk.runs.values()))
                    if heard:
                        await watch.in_desk(heard.take_owed)  # nothing is stored here

                async def look_alone() -> None:
                    looked = await watch.look_alone()
                    if looked:
                        await after(*looked)

                tasks = [asyncio.create_task(watch.run(after))]
                if heard:
                    tasks.append(asyncio.create_task(heard.run(watch.in_desk, look_alone)))
                await self._stopped.wait()
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    def _heard(self, settings: Settings, desk: Desk, watch: Watch) -> KafkaWatch:
        assert settings.kafka is not None
        desk.listens = True
        source = source_of(settings, kafka_access(settings.kafka), list, SystemClock())

        def wake(_: str) -> None:
            self._loop.call_soon_threadsafe(watch.woken.set)

        return KafkaWatch(source, desk, SystemClock(), wake)

    def _keep(self, runs: list[RunDesk]) -> None:
        by_name: dict[str, list[RunDesk]] = {}
        for run in runs:
            if run.report is not None:
                by_name.setdefault(run.job.name, []).append(run)
        for name, of_job in by_name.items():
            report = run_to_show(of_job).report
            assert report is not None
            self.said.setdefault(name, []).append(Said(time.time(), report))

    def latest(self, job: str) -> Report | None:
        """The newest report of a job."""
        said = self.said.get(job)
        return said[-1].report if said else None

    def wait_for(self, job: str, holds: Callable[[Report], bool], timeout_s: float) -> Report:
        """The first report of a job, from now on or the newest, for which something holds.

        Fails with what was said instead.
        """
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            assert self.broke is None, self.broke
            report = self.latest(job)
            if report is not None and holds(report):
                return report
            time.sleep(POLL_S)
        raise AssertionError(f"not within {timeout_s:.0f} s; of {job} was said:\n{self.story(job)}")

    def story(self, job: str) -> str:
        """What was said of a job, change by change."""
        lines: list[str] = []
        for said in self.said.get(job, []):
            report = said.report
            codes = ", ".join(f"{a.code} {a.confidence}" for a in report.causes)
            line = f"{report.verdict}: {report.headline} [{codes}]"
            if not lines or not lines[-1].endswith(line):
                lines.append(f"  {time.strftime('%H:%M:%S', time.localtime(said.at_s))} {line}")
        return "\n".join(lines) or "  nothing"
