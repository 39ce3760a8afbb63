"""One look at a cluster or at a recording of one, and the making of a recording."""

import asyncio
import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from drsquirrel import __version__
from drsquirrel.cluster import SystemClock, Watch, client_of, cluster_id, shortener
from drsquirrel.collect.flink_rest.client import FlinkClient, Get
from drsquirrel.collect.flink_rest.error import (
    CredentialsError,
    FlinkError,
    NotFlinkError,
    StatusError,
    shown,
)
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.collect.peer import reports_of, watched_by
from drsquirrel.collect.recording import Header, Recorder, Recording, read
from drsquirrel.collect.replay import RecordedClock, RecordedGet
from drsquirrel.desk import Desk
from drsquirrel.model.clock import Clock
from drsquirrel.model.report import Report
from drsquirrel.model.verdict import WORST_FIRST, Confidence, Verdict
from drsquirrel.on_desk import RunDesk, run_to_show
from drsquirrel.rules.load import Rules
from drsquirrel.settings import Cluster, Settings

SURE = (Confidence.CERTAIN, Confidence.LIKELY)
QUIET_ROUNDS = 5
"""Rounds after which a run in which nothing was found is called healthy."""
ENOUGH_S = 60
"""The length of a look or a recording in which a job that runs can be judged."""
NAMES_SHOWN = 20
TOO_SLOW = (
    "The cluster did not answer in time: the JobManager hangs or has much to do; try again, or "
    "give it more --seconds."
)
Say = Callable[[str], None]


class NothingToJudgeError(Exception):
    """No report could be made: one sentence that says why and what to do."""


class Look:
    """Looks at one cluster until every wanted run is judged, or time is up.

    `wanted` is the JobID or the name of one job; "" wants all.
    """

    def __init__(
        self,
        get: Get,
        clock: Clock,
        settings: Settings,
        rules: Rules,
        cluster: str,
        *,
        wanted: str = "",
        say: Say = lambda _: None,
    ) -> None:
        self._clock = clock
        self._say = say
        self._wanted = wanted
        shorten = shortener(settings.job_name_pattern)
        self._wanted_name = shorten(wanted)
        self._desk = Desk(rules, shorten)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._watch = Watch(
            cluster, get, self._desk, clock, settings, self._thread, dumps_allowed=True
        )
        self._rounds = 0
        self._done = asyncio.Event()

    async def until(
        self, ends_ms: int, *, settle: bool, chance: Callable[[], float] = random.random
    ) -> None:
        """Look up to the first round that ends after `ends_ms`.

        If `settle`, no longer than until nothing is open any more.
        """

        async def after(found: Round, _: list[RunDesk]) -> None:
            self._rounds += 1
            left_ms = ends_ms - self._clock.now_ms()
            decided = settle and found.answered and all(map(self._is_settled, self._runs()))
            if decided or left_ms <= 0:
                self._done.set()
            else:
                self._say(self._progress(found, left_ms / 1000, settle=settle))

        rounds = asyncio.create_task(self._watch.run(after, chance=chance))
        done = asyncio.create_task(self._done.wait())
        try:
            await asyncio.wait((rounds, done), return_when=asyncio.FIRST_COMPLETED)
            if rounds.done():
                rounds.result()  # rounds only end by an error of ours
        finally:
            done.cancel()
            rounds.cancel()
            self._thread.shutdown(wait=True)

    def reports(self) -> list[Report]:
        """One report per job, the worst first: of its worst run still there, else of its latest.

        Raises NothingToJudgeError.
        """
        of_job: dict[str, list[RunDesk]] = {}
        for run in self._runs():
            if run.report is not None:
                of_job.setdefault(run.job.id, []).append(run)
        found = [r for runs in of_job.values() if (r := run_to_show(runs).report) is not None]
        if found:
            return sorted(found, key=lambda r: (WORST_FIRST.index(r.verdict), r.job.name))
        last = self._watch.last
        if last is None or not last.answered:
            says = last.says if last else TOO_SLOW
            raise NothingToJudgeError(says)
        there = {r.seen.name for r in self._watch.on_desk.runs.values()}
        if not there:
            raise NothingToJudgeError("The cluster runs no job: there is nothing to judge.")
        raise NothingToJudgeError(f"There is no job {self._wanted}; there are: {_listed(there)}.")

    def _runs(self) -> list[RunDesk]:
        """The runs that are wanted."""
        return [
            run
            for run in self._watch.on_desk.runs.values()
            if not self._wanted
            or self._wanted in (run.seen.job, run.job.id)
            or self._wanted_name == run.seen.name
        ]

    def _progress(self, found: Round, left_s: float, *, settle: bool) -> str:
        if not found.answered:
            return f"{found.says} Trying for {left_s:.0f} s more."
        runs = self._runs()
        jobs = "1 job" if len(runs) == 1 else f"{len(runs)} jobs"
        look = f"Look {self._rounds}: {jobs}, {found.requests} requests"
        if not settle:
            return f"{look}; {left_s:.0f} s to go on."
        decided = sum(map(self._is_settled, runs))
        return f"{look}, {decided} decided; {left_s:.0f} s at most to go on."

    def _is_settled(self, run: RunDesk) -> bool:
        report = run.report
        if report is None or run.wants_threads:
            return False
        if run.is_over:
            return True
        if report.causes and report.causes[0].confidence in SURE:
            return True
        return report.verdict is Verdict.HEALTHY and self._rounds >= QUIET_ROUNDS


def _listed(names: Iterable[str]) -> str:
    first = sorted(set(names))
    return ", ".join(first[:NAMES_SHOWN]) + (", …" if len(first) > NAMES_SHOWN else "")


async def diagnose_url(
    cluster: Cluster, settings: Settings, rules: Rules, wanted: str, seconds: float, say: Say
) -> list[Report]:
    """Look at a live cluster for as long as it takes, `seconds` at most.

    A Dr. Squirrel at this address answers at once from what it has watched. Raises FlinkError or
    NothingToJudgeError.
    """
    clock = SystemClock()
    async with client_of(cluster, settings) as client:
        try:
            await client.get("/config")  # a wrong address is said at once, not when time is up
        except CredentialsError:
            raise
        except (NotFlinkError, StatusError) as error:
            return await _reports_of_peer(client, wanted, error, say)
        id_ = cluster_id(cluster)
        say(f"Looking at {client.url} until all is decided, for {seconds:g} s at most.")
        look = Look(client, clock, settings, rules, id_, wanted=wanted, say=say)
        await _look_live(look, clock, settings, seconds, settle=True)
    reports = look.reports()
    if seconds < ENOUGH_S and any(r.verdict is Verdict.UNKNOWN for r in reports):
        say(f"Too short a look for some jobs: give it --seconds {ENOUGH_S}.")
    return reports


async def _look_live(
    look: Look, clock: Clock, settings: Settings, seconds: float, *, settle: bool
) -> None:
    """No round begins that could not end in time, and none goes on beyond."""
    last_ms = clock.now_ms() + int((seconds - settings.poll_interval_s) * 1000)
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await look.until(last_ms, settle=settle)


async def _reports_of_peer(
    client: FlinkClient, wanted: str, no_flink: Exception, say: Say
) -> list[Report]:
    try:
        found = await reports_of(client.url, wanted)
    except NotFlinkError:
        raise no_flink from None
    squirrel = f"The Dr. Squirrel at {client.url}"
    if not found and not wanted:
        raise NothingToJudgeError(f"{squirrel} knows no job yet: its page says why.")
    if not found:
        there = _listed(r.job.name for r in await reports_of(client.url, ""))
        raise NothingToJudgeError(f"{squirrel} knows no job {wanted}; there are: {there}.")
    say(f"{squirrel} answers from what it has watched.")
    return found


async def _instead_of_flink(url: str, no_flink: FlinkError) -> FlinkError:
    """The error that says best what is at an address where Flink is not."""
    try:
        watched = await watched_by(url)
    except NotFlinkError:
        return no_flink
    such = f", such as {shown(watched[0])}, which it watches" if watched else ""
    return NotFlinkError(
        f"{url} is a Dr. Squirrel, not a Flink: give the address of Flink's REST API{such}."
    )


async def diagnose_recording(
    file: Path, settings: Settings, rules: Rules, wanted: str, say: Say
) -> list[Report]:
    """Judge at the end of a recording, at the speed of this machine.

    Raises RecordingError or NothingToJudgeError.
    """
    recording = read(file)
    say(_described(recording))
    header, clock = recording.header, RecordedClock(recording.begins_ms)
    settings = replace(settings, poll_interval_s=header.interval_ms / 1000)
    get = RecordedGet(recording, clock)
    look = Look(get, clock, settings, rules, header.cluster, wanted=wanted)
    # The shortest pauses: answers come at their own times, so none is longer than it was.
    await look.until(recording.ends_ms, settle=False, chance=lambda: 0.0)
    return look.reports()


def _described(recording: Recording) -> str:
    header = recording.header
    began = f"{datetime.fromtimestamp(recording.begins_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    seconds = (recording.ends_ms - recording.begins_ms) / 1000
    what = f"{seconds:.0f} s of {header.cluster}, Flink {header.flink_version}, from {began}"
    if recording.cut_off:
        return f"The recording is cut off: what is left, {what}, is judged."
    return f"The recording holds {what}."


async def record(
    cluster: Cluster, file: Path, settings: Settings, rules: Rules, seconds: float, say: Say
) -> None:
    """Write down everything a diagnosis of `seconds` asks of a cluster.

    Raises FlinkError, RecordingError, and OSError where the file cannot be made.
    """
    clock = SystemClock()
    async with client_of(cluster, settings) as client:
        try:
            config = await client.get("/config")
        except CredentialsError:
            raise
        except (NotFlinkError, StatusError) as error:
            raise await _instead_of_flink(client.url, error) from None
        header = Header(
            drsquirrel=__version__,
            cluster=cluster_id(cluster),
            flink_version=str(config.get("flink-version", "")),
            begun_ms=clock.now_ms(),
            interval_ms=int(settings.poll_interval_s * 1000),
        )
        with Recorder(client, file, header, clock) as recorder:
            say(f"Recording to {file}; if it is interrupted, what came until then is in it.")
            if seconds < ENOUGH_S:
                say(f"It may be too short to judge a job by: {ENOUGH_S} s are enough.")
            look = Look(recorder, clock, settings, rules, cluster_id(cluster), say=say)
            await _look_live(look, clock, settings, seconds, settle=False)
        if recorder.full:
            say(f"{file} has reached its greatest size; what came later is not in it.")
