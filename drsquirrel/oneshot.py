"""One look at a cluster or at a recording of one, and the making of a recording."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from drsquirrel import __version__
from drsquirrel.cluster import SystemClock, Watch, client_of, cluster_id, shortener
from drsquirrel.collect.flink_rest.client import Get
from drsquirrel.collect.flink_rest.error import NotFlinkError
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.collect.peer import reports_of
from drsquirrel.collect.recording import Header, Recorder, read
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from drsquirrel.desk import Desk, RunDesk, run_to_show
from drsquirrel.model.clock import Clock
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.rules.load import Rules
from drsquirrel.settings import Cluster, Settings

SURE = (Confidence.CERTAIN, Confidence.LIKELY)
QUIET_ROUNDS = 5
"""Rounds after which a run in which nothing was found is called healthy."""
Say = Callable[[str], None]


class NothingToJudgeError(Exception):
    """No report could be made: one sentence that says why and what to do."""


class Look:
    """Looks at one cluster until every wanted run is judged, or time is up."""

    def __init__(
        self, get: Get, clock: Clock, settings: Settings, rules: Rules, cluster: str, say: Say
    ) -> None:
        self._clock = clock
        self._say = say
        self._desk = Desk(rules, shortener(settings.job_name_pattern))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._watch = Watch(
            cluster, get, self._desk, clock, settings, self._thread, dumps_allowed=True
        )
        self._rounds = 0
        self._done = asyncio.Event()

    async def until(self, ends_ms: int, wanted: str, *, settle: bool) -> list[Report]:
        """Reports of the wanted job (JobID or name; "" for all) at `ends_ms`, or, if `settle`,
        as soon as nothing is open. Raises NothingToJudgeError."""

        async def after(found: Round, judged: list[RunDesk]) -> None:
            self._rounds += 1
            runs = self._wanted(wanted)
            left_s = max(0, ends_ms - self._clock.now_ms()) / 1000
            self._say(self._progress(found, runs, left_s))
            settled = settle and found.answered and runs and all(map(self._is_settled, runs))
            if settled or self._clock.now_ms() >= ends_ms:
                self._done.set()

        rounds = asyncio.create_task(self._watch.run(after))
        try:
            await asyncio.wait(
                (rounds, asyncio.create_task(self._done.wait())),
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            rounds.cancel()
            self._thread.shutdown(wait=True)
        return self._reports(wanted)

    def _wanted(self, wanted: str) -> list[RunDesk]:
        runs = self._watch.on_desk.runs.values()
        return [r for r in runs if not wanted or wanted in (r.seen.job, r.seen.name)]

    def _progress(self, found: Round, runs: list[RunDesk], left_s: float) -> str:
        if not found.answered:
            return f"{found.says} Trying for {left_s:.0f} s more."
        rates = f"{left_s:.0f} s at most left to measure rates"
        return f"look {self._rounds}: {len(runs)} runs, {found.requests} requests; {rates}"

    def _is_settled(self, run: RunDesk) -> bool:
        if run.is_closed:
            return True
        report = run.report
        if report is None or run.wants_threads:
            return False
        if report.causes and report.causes[0].confidence in SURE:
            return True
        return report.verdict is Verdict.HEALTHY and self._rounds >= QUIET_ROUNDS

    def _reports(self, wanted: str) -> list[Report]:
        """One report per job: of its worst run still there, else of its latest."""
        of_job: dict[str, list[RunDesk]] = {}
        for run in self._wanted(wanted):
            if run.report is not None:
                of_job.setdefault(run.job.id, []).append(run)
        reports = [r for runs in of_job.values() if (r := run_to_show(runs).report) is not None]
        if reports:
            return reports
        last = self._watch.last
        if last is None or not last.answered:
            says = last.says if last else "The cluster did not answer in time."
            raise NothingToJudgeError(says)
        names = sorted({r.seen.name for r in self._watch.on_desk.runs.values()})
        if wanted and names:
            raise NothingToJudgeError(f"No job {wanted!r} there; there are: {', '.join(names)}.")
        raise NothingToJudgeError("The cluster runs no job: there is nothing to judge.")


async def diagnose_url(
    cluster: Cluster, settings: Settings, rules: Rules, wanted: str, seconds: float, say: Say
) -> list[Report]:
    """Look at a live cluster for as long as it takes, `seconds` at most.

    A Dr. Squirrel at this address answers at once from what it has watched.
    """
    clock = SystemClock()
    async with client_of(cluster, settings) as client:
        try:
            await client.get("/config")  # a wrong address is said at once, not when time is up
        except NotFlinkError as error:
            try:
                found = await reports_of(client.url, wanted)
            except NotFlinkError:
                raise error from None
            if not found:
                raise NothingToJudgeError(f"It watches no job {wanted}".rstrip() + ".") from None
            return found
        look = Look(client, clock, settings, rules, cluster_id(cluster), say)
        return await look.until(clock.now_ms() + int(seconds * 1000), wanted, settle=True)


async def diagnose_recording(
    file: Path, settings: Settings, rules: Rules, wanted: str, say: Say
) -> list[Report]:
    """Judge at the end of a recording, at the speed of this machine. Raises RecordingError."""
    recording = read(file)
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    look = Look(get, clock, settings, rules, recording.header.cluster, say)
    return await look.until(recording.ends_ms, wanted, settle=False)


async def record(
    cluster: Cluster, file: Path, settings: Settings, rules: Rules, seconds: float, say: Say
) -> None:
    """Write down everything a diagnosis of `seconds` asks of a cluster."""
    clock = SystemClock()
    async with client_of(cluster, settings) as client:
        config = await client.get("/config")
        header = Header(
            drsquirrel=__version__,
            cluster=cluster_id(cluster),
            flink_version=str(config.get("flink-version", "")),
            begun_ms=clock.now_ms(),
            interval_ms=int(settings.poll_interval_s * 1000),
        )
        with Recorder(client, file, header, clock) as recorder:
            look = Look(recorder, clock, settings, rules, cluster_id(cluster), say)
            await look.until(clock.now_ms() + int(seconds * 1000), "", settle=False)
