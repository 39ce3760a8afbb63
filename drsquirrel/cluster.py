"""One cluster watched: its rounds onto the desk, facts and thread dumps looked up, runs judged."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import re2
from msgspec.structs import replace

from drsquirrel import settings as settings_
from drsquirrel.collect.flink_rest.client import FlinkClient, Get
from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.flink_rest.loop import watch_cluster
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.collect.redaction import Redaction
from drsquirrel.desk import Desk
from drsquirrel.diagnose.container import JOBMANAGER
from drsquirrel.diagnose.standing import clock
from drsquirrel.enrich.job_facts import JobFactsSource
from drsquirrel.enrich.look_up import Found, look_up_all
from drsquirrel.enrich.thread_dump import TaskManagerNow, ThreadDumps
from drsquirrel.model.case import ContainerNow
from drsquirrel.model.clock import Clock
from drsquirrel.model.facts import JobFacts, Looked, bounded
from drsquirrel.model.report import ClusterRow, quoted
from drsquirrel.model.signature import sign
from drsquirrel.model.unknown import Number, Unknown
from drsquirrel.on_desk import ClusterDesk, RunDesk
from drsquirrel.rules.wording import duration
from drsquirrel.same_run import lose_all
from drsquirrel.settings import Cluster, Settings, SettingsError

T = TypeVar("T")
C = TypeVar("C", bound=FlinkClient)
FACTS_PER_ROUND, FACTS_AT_ONCE = 20, 4
HEARD = "Its processes send through Kafka: its jobs are judged by that alone."
JOBMANAGER_HEARD = (
    "Its JobManager was heard through Kafka within the last half minute: its jobs are judged by "
    "what is sent."
)
TOLD = (
    "The watcher tells of its JobManager: its jobs are judged as of {at}, and what came later "
    "is not all told yet."
)
JOBMANAGER_SILENT = (
    "Its TaskManagers send through Kafka, its JobManager does not: see whether it runs, and "
    "whether the plugin is in it."
)
ENDED = "Its YARN application is over ({status}): its last pages stay for a day."
OVERDUE = "Its answer is overdue: its REST hangs, or the network to it does."
NOT_HEARD = (
    "Its REST address is not known, and nothing of it has come through Kafka for {ago}. A process "
    "with the plugin says in Flink's log whether it reaches Kafka; there "
    "`metrics.reporter.squirrel.cluster` has to be {name}."
)


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def cluster_id(cluster: Cluster) -> str:
    """The id of a cluster: its name as set, else host and port of its address."""
    return cluster.name or urlsplit(cluster.url).netloc or cluster.url


def poll_settings(settings: Settings) -> PollSettings:
    """What the collector needs of the settings."""
    return PollSettings(
        interval_s=settings.poll_interval_s,
        request_timeout_s=settings.request_timeout_s,
        response_max_bytes=settings.response_mib << 20,
        requests_per_round=settings.requests_per_round,
    )


def shortener(pattern: str) -> Callable[[str], str]:
    """Cuts what the pattern matches, and what is too long, off job names.

    Raises SettingsError for a bad pattern.
    """
    if not pattern:
        return bounded
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        (why,) = error.args
        told = why.decode("utf-8", "replace") if isinstance(why, bytes) else why
        raise SettingsError(f"job_name_pattern is no RE2 pattern: {told}.") from None
    return lambda name: bounded(str(compiled.sub("", name)) or name)


def client_of(cluster: Cluster, settings: Settings) -> FlinkClient:
    """A client with the credentials and the redaction of the settings."""
    return of_kind(FlinkClient, cluster, settings)


def of_kind(kind: type[C], cluster: Cluster, settings: Settings) -> C:
    """Likewise, a client that may do more."""
    return kind(
        cluster.url,
        user=cluster.user,
        password=settings_.secret(cluster.password_file),
        token=settings_.secret(cluster.token_file),
        ca_file=Path(cluster.ca_file) if cluster.ca_file else None,
        settings=poll_settings(settings),
        redaction=Redaction(settings.redact_keys),
    )


def clients_of(settings: Settings) -> dict[str, FlinkClient | None]:
    """A client for each cluster by its id, None where it has no REST address.

    Raises SettingsError or FlinkError for what is wrong.
    """
    clients: dict[str, FlinkClient | None] = {}
    urls: dict[str, str] = {}
    for cluster in settings.cluster:
        if not (cluster.url or cluster.name):
            raise SettingsError(
                "A [[cluster]] table needs a url, or a name under which Kafka tells of it."
            )
        client = client_of(cluster, settings) if cluster.url else None
        if client is None and settings.kafka is None:
            raise SettingsError(
                f"The cluster {cluster.name} has no url, and there is no Kafka to hear it through: "
                "give it a url, or --kafka BROKERS."
            )
        id_, url = cluster_id(cluster), client.url if client else f"cluster {cluster.name}"
        if client is not None and url in urls.values():
            raise SettingsError(f"The cluster {url} is given twice: give it once.")
        if id_ in clients:
            raise SettingsError(
                f"{urls[id_]} and {url} would both be called {id_}: give each "
                "[[cluster]] table of the settings file a name of its own."
            )
        clients[id_], urls[id_] = client, url
    return clients


class NoRest:
    """What a cluster without a REST address answers."""

    async def get(self, path: str) -> Any:
        """Nothing; raises FlinkError."""
        raise FlinkError(f"No REST address is known to ask {path} at.")


class Watch:
    """One cluster: round after round onto the desk, facts looked up, runs judged.

    Everything that touches the desk runs in the desk's one thread, so the loop stays free.
    """

    def __init__(
        self,
        cluster: str,
        get: Get | None,
        desk: Desk,
        clock: Clock,
        settings: Settings,
        thread: ThreadPoolExecutor,
        *,
        dumps_allowed: bool,
    ) -> None:
        self.cluster = cluster
        self.totals: Counter[str] = Counter()
        self.last: Round | None = None
        self.woken = asyncio.Event()
        """Set where something has happened and the cluster should be looked at."""
        self.asks_rest = get is not None
        self._get = get or NoRest()
        self._desk = desk
        self._clock = clock
        self._polling = poll_settings(settings)
        self._thread = thread
        self._new_facts: list[JobFacts] = []
        self._facts = JobFactsSource(cluster, self._get, clock)
        self._dumps_allowed = dumps_allowed
        self._dumps = ThreadDumps(self._get, clock, allowed=dumps_allowed)
        self._interval_ms = int(settings.poll_interval_s * 1000)
        self._judged_ms = self._listed_ms = 0
        self._is_left = False
        desk.add_cluster(cluster, self._interval_ms, dumps_allowed, asks_rest=self.asks_rest)

    @property
    def on_desk(self) -> ClusterDesk:
        return self._desk.clusters[self.cluster]

    async def run(
        self,
        after: Callable[[Round, list[RunDesk]], Awaitable[None]],
        received_bytes: Callable[[], int] = lambda: 0,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Make rounds until cancelled; `after` gets each with the runs judged on it.

        `chance` is what pauses are spread by: see watch_cluster.
        """
        asked = ClusterWatch(
            self.cluster, self._get, self._clock, self._polling, sign, received_bytes
        )

        async def emit(found: Round) -> None:
            await after(found, await self._take(found))
            asked.elsewhere = await self.in_desk(self._reporting)

        await watch_cluster(asked, emit, self._clock, self._polling, chance, self.woken)

    def _reporting(self) -> frozenset[str]:
        return frozenset(self.on_desk.deep.reporting(self._clock.now_ms()))

    async def _take(self, found: Round) -> list[RunDesk]:
        """Fold a round, look up what is missing, judge; returns the runs judged."""
        self.last = found
        self.totals.update(
            rounds=1, failed=int(not found.answered), requests=found.requests, bytes=found.bytes
        )
        await self.in_desk(lambda: self._desk.take(self.cluster, found))
        if found.answered:
            await self._look_up_facts()
        judged = await self._judged()
        return await self._judged() if await self._look_at_threads(judged) else judged

    async def look_alone(self) -> tuple[Round, list[RunDesk]] | None:
        """Judge by what processes send, as often as REST is asked, while it says nothing; None
        where that is not due."""
        now_ms, desk = self._clock.now_ms(), self.on_desk
        is_due = now_ms - self._judged_ms >= self._interval_ms
        is_closed = self._is_left and all(run.is_closed for run in desk.runs.values())
        if is_closed or not (is_due and desk.is_silent(now_ms)):
            return None
        self._judged_ms = now_ms
        found = Round(arrival_ms=now_ms, answered=False, says=desk.says)
        await self.in_desk(lambda: self._desk.take(self.cluster, found))
        return found, await self._judged()

    async def _judged(self) -> list[RunDesk]:
        self._judged_ms = self._clock.now_ms()
        return await self.in_desk(lambda: self._desk.judge(self.cluster, self._clock.now_ms()))

    async def _look_up_facts(self) -> None:
        """Plan and settings of some live runs in each round: of those that have none, then of those
        that were asked about longest ago."""
        due_ms, now_ms = self._facts.due_ms, self._clock.now_ms()
        due = [run for run in await self.in_desk(self._live) if due_ms(run.seen) <= now_ms]
        due.sort(key=lambda run: (run.facts is not None, due_ms(run.seen)))
        some = due[:FACTS_PER_ROUND]
        found = await look_up_all(self._facts, [run.seen for run in some], at_once=FACTS_AT_ONCE)
        for run, look in zip(some, found, strict=True):
            await self.in_desk(partial(self._note_facts, run, look))

    def _live(self) -> list[RunDesk]:
        return [run for run in self.on_desk.runs.values() if not run.is_closed]

    def _note_facts(self, run: RunDesk, look: Found[JobFacts]) -> None:
        run.looked = Looked(None if look.value is None else look.taken_ms, look.says)
        if look.value is not None and look.value != run.facts:
            run.facts = look.value
            self._new_facts.append(look.value)

    async def _look_at_threads(self, judged: list[RunDesk]) -> bool:
        """Take the dumps that would decide a question, of one run in a round; whether any was.

        A dump holds the threads of all runs in the process, so it serves them all.
        """
        if not self._dumps_allowed:
            return False
        planned = [(run, run.facts) for run in judged if run.facts is not None]
        vertices = [v for _, facts in planned for v in facts.vertices]
        names = Counter(v.name for v in vertices)
        for run, facts in planned:
            if not run.wants_threads:
                continue
            wanted = [_taskmanager(c, run.up_ms) for c in run.wants_threads]
            every = replace(facts, vertices=tuple(vertices))
            samples, actions = await self._dumps.take(every, wanted)
            for other, its_facts in planned:
                # A name that two runs have tells nothing of one that does not ask.
                own = tuple(
                    v.name for v in its_facts.vertices if other.wants_threads or names[v.name] == 1
                )
                found = [s for s in samples if any(name.startswith(s.task) for name in own)]
                done = actions if found or other is run else []
                await self.in_desk(partial(other.note_threads, found, done))
            if actions:
                return True
        return False

    async def leave(self) -> tuple[Round, list[RunDesk]]:
        """Its application is over: what had not ended is lost, and judged once more."""
        now_ms = self._clock.now_ms()
        self._is_left, self.last = True, Round(arrival_ms=now_ms, answered=False)
        await self.in_desk(lambda: lose_all(self.on_desk, now_ms))
        return self.last, await self._judged()

    def row(self, url: str, now_ms: int) -> ClusterRow:
        """How the cluster stands: whether REST answers, or its JobManager alone is heard, without
        which nothing is known of its jobs."""
        sending = self._desk.reporting(self.on_desk, now_ms)
        judged_ms = self._desk.judged_ms(self.on_desk, now_ms)
        silent_ms = self._desk.silent_ms
        began_ms = self.on_desk.began_ms or now_ms
        says = self.last.says if self.last else ""
        state: Literal["answering", "heard", "silent", "connecting", "ended"] = "silent"
        answered = self.last is not None and self.last.answered
        if answered and self.on_desk.is_silent(now_ms):
            answered, says = False, OVERDUE
        yarn = self.on_desk.yarn
        if answered:
            state = "answering"
        elif yarn and yarn.is_over and (self._is_left or JOBMANAGER not in sending):
            state, says = "ended", ENDED.format(status=yarn.final_status or yarn.state)
        elif JOBMANAGER in sending:
            state = "heard"
            heard = JOBMANAGER_HEARD if says else HEARD
            if judged_ms < now_ms:
                heard = TOLD.format(at=clock(judged_ms))
            says = f"{says} {heard}".lstrip()
        elif (self.last is None) if self.asks_rest else (now_ms - began_ms < silent_ms):
            state = "connecting"
        elif sending:
            says = f"{says} {JOBMANAGER_SILENT}".lstrip()
        elif not self.asks_rest:
            says = NOT_HEARD.format(name=quoted(self.cluster), ago=duration(silent_ms))
        return ClusterRow(
            id=self.cluster,
            url=url,
            state=state,
            says=says,
            last_answer_ms=self.on_desk.last_answer_ms,
            flink_version=self.on_desk.flink_version,
        )

    def take_listed(self) -> list[RunDesk]:
        """The runs that were told of since the last call, or are there no more."""
        told_ms = {run.id: max(run.last_seen_ms, run.news_ms) for run in self.on_desk.runs.values()}
        listed = [run for run in self.on_desk.runs.values() if told_ms[run.id] > self._listed_ms]
        self._listed_ms = max(told_ms.values(), default=self._listed_ms)
        return listed

    def take_new_facts(self) -> tuple[JobFacts, ...]:
        """The facts looked up since the last call."""
        found, self._new_facts = tuple(self._new_facts), []
        return found

    async def in_desk(self, call: Callable[[], T]) -> T:
        """Call in the desk's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _taskmanager(container: ContainerNow, up_ms: int | None) -> TaskManagerNow:
    """What decides whether a TaskManager may be dumped."""

    def number(value: Number) -> float | None:
        return None if isinstance(value, Unknown) else value

    threads, age_ms = number(container.threads), number(container.heartbeat_age_ms)
    return TaskManagerNow(
        container=container.id,
        threads=None if threads is None else int(threads),
        heartbeat_age_ms=None if age_ms is None else int(age_ms),
        up_ms=up_ms,
        gc_share=number(container.gc_share),
    )
