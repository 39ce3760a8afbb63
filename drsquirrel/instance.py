"""One of several processes that share the work, behind the watcher: `drsquirrel serve`.

Kafka's consumer group says which partitions of the snapshots are ours, and with them which
clusters. The store says whether they still are: whoever claims a part last is the only one who can
write about it, however long another has slept.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from drsquirrel.app import App
from drsquirrel.cluster import SystemClock, client_of, clients_of, cluster_id, shortener
from drsquirrel.collect.kafka.connection import Access
from drsquirrel.collect.kafka.dead_letter import DeadLetters
from drsquirrel.collect.kafka.message import APPLICATIONS
from drsquirrel.collect.kafka.shares import Member, partition_of
from drsquirrel.collect.kafka.snapshots import SnapshotSource
from drsquirrel.collect.kafka.topics import SNAPSHOTS
from drsquirrel.collect.redaction import Redaction
from drsquirrel.database import database_of
from drsquirrel.exposition import Family, counter, gauge, rendered
from drsquirrel.kafka_watch import kafka_access, lines_of, stored
from drsquirrel.log_lines import LogLines
from drsquirrel.model.clock import Clock
from drsquirrel.rules.load import Rules
from drsquirrel.rules.wording import plural
from drsquirrel.running import Say, expire, opened, until_stopped
from drsquirrel.serve.server import url
from drsquirrel.settings import Kafka, Settings
from drsquirrel.snapshot_desk import SnapshotDesk
from drsquirrel.store.error import AwayError, StoreError
from drsquirrel.store.interface import Store
from drsquirrel.stored_pages import StoredPages
from drsquirrel.yarn_watch import watches_of, yarns_of

T = TypeVar("T")
logger = logging.getLogger(__name__)
POLL_S = 0.5
AGAIN_S = 30.0
"""What another has claimed, or what broke, is claimed again after so long, if it is still ours; at
once where the group has shared out anew since."""
BROKE = "Some of the clusters that are ours are not watched: our log says why."
TAKING_UP = "Some of the clusters that are ours are not watched yet: they are taken up."
NOT_YET = "Kafka has not said yet which clusters are ours."


@dataclass
class Part:
    """The clusters of one partition, watched here."""

    app: App
    task: asyncio.Task[None]
    sharing: int
    """In which sharing out by the group it was claimed."""


class Instance:
    """Watches the clusters of the partitions that are ours."""

    def __init__(
        self,
        settings: Settings,
        kafka: Kafka,
        access: Access,
        rules: Rules,
        store: Store,
        thread: ThreadPoolExecutor,
        lines_say: Callable[[], str],
    ) -> None:
        self.trouble = NOT_YET
        """Why we watch nothing, or not all that is ours; "" while all is well."""
        self._settings = settings
        self._kafka = kafka
        self._access = access
        self._rules = rules
        self._store = store
        self._thread = thread
        self._lines_say = lines_say
        self._topic = kafka.topic_prefix + SNAPSHOTS
        self._parts: dict[int, Part] = {}
        self._partitions = self._sharing = 0
        self._not_before_s: dict[int, float] = {}
        self._fenced = 0

    async def run(self) -> None:
        """Take part in the group until cancelled."""
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(1, thread_name_prefix="member") as thread:
            member = Member(self._access, self._topic, self._kafka.group)
            try:
                while True:
                    pause_s = 0.0 if self.trouble == TAKING_UP else POLL_S
                    says = await loop.run_in_executor(thread, member.poll, pause_s)
                    if member.partitions:
                        says = await self._own(member) or says
                    if says and says not in (self.trouble, TAKING_UP):
                        logger.warning("%s", says)
                    self.trouble = says or ("" if member.sharings else NOT_YET)
            finally:
                await asyncio.shield(self._end(thread, member))

    async def _end(self, thread: ThreadPoolExecutor, member: Member) -> None:
        await self._leave(self._parts)
        await asyncio.get_running_loop().run_in_executor(thread, member.close)

    async def _own(self, member: Member) -> str:
        """Watch the parts that are ours and no others; returns why not all, or "". One is taken up
        at a time: meanwhile the group may share out anew."""
        if member.sharings != self._sharing:  # what another had claimed may be ours now
            self._not_before_s.clear()
            self._sharing = member.sharings
        is_same = member.partitions == self._partitions
        gone = {n for n in self._parts if n not in member.owned or not is_same}
        ended = {n for n, p in self._parts.items() if p.app.is_fenced or p.task.done()} - gone
        for number in ended:
            part = self._parts[number]
            if part.app.is_fenced:
                logger.warning("part %d: %s", number, part.app.trouble)
            if part.sharing == self._sharing:
                self._not_before_s[number] = time.monotonic() + AGAIN_S
        await self._leave(gone | ended)
        self._partitions = member.partitions
        missing = member.owned - self._parts.keys()
        due = [n for n in missing if time.monotonic() >= self._not_before_s.get(n, 0.0)]
        says = BROKE if len(due) < len(missing) else ""
        if due:
            says = await self._take_up(min(due)) or says
        return says or (TAKING_UP if len(due) > 1 else "")

    async def _take_up(self, number: int) -> str:
        """Claim a part and begin to watch its clusters; returns why that cannot be, or ""."""
        try:
            claim = await self._in_thread(partial(self._store.claim, number, self._partitions))
            desk = SnapshotDesk(self._rules, shortener(self._settings.job_name_pattern))
            clock = SystemClock()
            app = App(
                self._settings, desk, self._store, clock, self._thread, claim, self._lines_say
            )
            clients = {
                cluster_id(cluster): client_of(cluster, self._settings) if cluster.url else None
                for cluster in self._settings.cluster
                if self._is_of(number, cluster_id(cluster))
            }
            for id_, client in clients.items():
                await self._in_thread(partial(app.add, id_, client))
            await self._in_thread(app.list_jobs)
            source = await self._in_thread(partial(self._source, number, clients, clock))
            yarns = watches_of(self._settings, app, clock, partial(self._is_of, number))
        except AwayError as error:
            return str(error)
        except StoreError as error:
            self._not_before_s[number] = time.monotonic() + AGAIN_S
            return str(error)
        except Exception:
            logger.exception("part %d cannot be taken up", number)
            self._not_before_s[number] = time.monotonic() + AGAIN_S
            return BROKE
        watching = [app.watch(id_, client) for id_, client in clients.items() if client]
        watching += [yarn.run() for yarn in yarns]
        task = asyncio.create_task(_together([*watching, app.read(source)]))
        self._parts[number] = Part(app, task, self._sharing)
        return ""

    def _source(self, number: int, clusters: Iterable[str], clock: Clock) -> SnapshotSource:
        return SnapshotSource(
            self._access,
            (self._topic, number),
            frozenset([*clusters, *([APPLICATIONS] if self._settings.yarn else [])]),
            partial(stored, self._store.offsets),
            DeadLetters(self._access, clock, self._kafka.topic_prefix),
            Redaction(self._settings.redact_keys),
            self._kafka.group,
        )

    async def _leave(self, numbers: Iterable[int]) -> None:
        """Give up these parts, all at once: others wait for them, or have them already."""
        parts = {number: self._parts[number] for number in numbers}
        for part in parts.values():
            part.task.cancel()
        for number, part in parts.items():
            [ended] = await asyncio.gather(part.task, return_exceptions=True)
            if isinstance(ended, Exception):
                logger.error("watching part %d broke off", number, exc_info=ended)
            await self._in_thread(part.app.finish)
            self._fenced += part.app.is_fenced
            del self._parts[number]

    def _is_of(self, number: int, id_: str) -> bool:
        return partition_of(id_, self._partitions) == number

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def ready(self) -> str | None:
        """Why not; None when ready."""
        troubles = (part.app.ready() for part in self._parts.values())
        return self.trouble or next((told for told in troubles if told), None)

    def metrics(self) -> list[Family]:
        """Families of our own metrics."""
        parts = self._parts
        own = [
            gauge("drsquirrel_parts_owned", "Partitions watched here.", [({}, len(parts))]),
            counter(
                "drsquirrel_parts_fenced_total",
                "Partitions that another had claimed before we gave them up.",
                [({}, self._fenced)],
            ),
        ]
        return [*own, *(family for part in parts.values() for family in part.app.metrics())]


async def _together(tasks: Iterable[Coroutine[Any, Any, None]]) -> None:
    async with asyncio.TaskGroup() as group:
        for task in tasks:
            group.create_task(task)


async def share(settings: Settings, rules: Rules, say: Say) -> None:
    """Watch what is ours of the clusters, and serve the pages of all.

    Raises ListenError, StoreError, SettingsError, FlinkError or BrokerError before anything is
    watched.
    """
    kafka = settings.kafka
    assert kafka is not None
    access, clusters, yarns = kafka_access(kafka), clients_of(settings), yarns_of(settings)
    with opened(settings) as (listening, store, thread):
        source = lines_of(settings, access, store.offsets, SystemClock())
        lines = LogLines(source, store, SystemClock(), thread)
        instance = Instance(settings, kafka, access, rules, store, thread, lambda: lines.says)
        on = "".join(f" and of YARN at {at}" for at in yarns)
        say(
            f"Sharing the work on {plural(len(clusters), 'cluster')}{on} in the consumer group "
            f"{kafka.group} of Kafka at {kafka.brokers}; the history is in "
            f"{database_of(settings).place}."
        )
        say(f"The page: {url(listening)}")
        pages = StoredPages(
            store,
            lambda: rendered([*instance.metrics(), *lines.metrics()]),
            lambda: instance.ready() or lines.says or None,
        )
        tasks = [instance.run(), lines.run(), expire(store, thread)]
        await until_stopped(pages, rules, listening, tasks)
