"""Log lines, from the plugin's topic into the store: the share of one of several processes.

A line names a job by Flink's JobID; which run of it is meant the store knows, where whoever watches
the cluster writes it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from heapq import nsmallest

from drsquirrel.collect.kafka.source import MESSAGES
from drsquirrel.deep import DeepTier, as_folded, usable
from drsquirrel.exposition import Family
from drsquirrel.kafka_watch import NOTHING, KafkaWatch, Readable
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import Event, LogEvent, Message
from drsquirrel.store.error import StoreError
from drsquirrel.store.interface import Batch, Store

logger = logging.getLogger(__name__)
WRITE_EVERY_MS = 5_000
KNOWN_MS, UNKNOWN_MS = 10_000, 2_000
"""For so long it is remembered when the runs of a job began, and that there are none: lines of a
new start of it go to the one before meanwhile."""
LOOK_UPS = MESSAGES
"""Of jobs, at once: as many as one read can bring."""
NEVER: tuple[int, frozenset[int]] = (0, frozenset())


class LogLines:
    """Reads lines and stores them."""

    def __init__(
        self, source: Readable, store: Store, clock: Clock, thread: ThreadPoolExecutor
    ) -> None:
        self.trouble = ""
        """Why lines are not stored; "" while all is well."""
        self._store = store
        self._clock = clock
        self._thread = thread
        self._hearing = Hearing(store.starts)
        self._watch = KafkaWatch(source, self._hearing, clock, lambda _: None)
        self._written_ms = clock.now_ms()
        self._owed: Batch | None = None

    async def run(self) -> None:
        """Read until cancelled."""
        loop = asyncio.get_running_loop()

        async def in_thread(call: Callable[[], None]) -> None:
            await loop.run_in_executor(self._thread, call)

        await self._watch.run(in_thread, lambda: in_thread(self._write))

    def _write(self) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._written_ms < WRITE_EVERY_MS and not self._watch.owes_much:
            return
        self._written_ms = now_ms
        if self._owed is None:
            owed = self._watch.take_owed()
            if owed == NOTHING:
                return
            self._owed = Batch(time_ms=now_ms, logs=owed.logs, offsets=owed.offsets)
        try:
            self._store.write(self._owed)
        except StoreError as error:
            if str(error) != self.trouble:
                logger.error("%s", error)
            self.trouble = str(error)
        else:
            self._owed, self.trouble = None, ""

    @property
    def says(self) -> str:
        """What is wrong; "" while all is well."""
        return self.trouble or self._hearing.kafka_says

    def metrics(self) -> list[Family]:
        """Families of our own metrics."""
        return self._watch.metrics()


class Hearing:
    """Finds out of which run a line is; it may wait until that is known."""

    def __init__(self, starts: Callable[[str, str], Iterable[int]]) -> None:
        self.dropped: Counter[str] = Counter()
        self.kafka_says = ""
        self._starts = starts
        self._tiers: dict[str, DeepTier] = {}
        self._known: dict[tuple[str, str], tuple[int, frozenset[int]]] = {}
        """By cluster and job, when the runs began, and when that was looked up."""
        self._is_away = False
        self._answered_ms = 0
        """When the store was last asked, and answered: nothing waits in vain while it does not."""

    def hear(
        self, cluster: str, arrivals: Iterable[tuple[int, Message]], now_ms: int
    ) -> list[Event]:
        """The lines of which it is known now of which run they are."""
        tier = self._tiers.setdefault(cluster, DeepTier(self.dropped))
        told = usable(arrivals, now_ms)
        lines = [(ms, event) for ms, event in told if isinstance(event, LogEvent)]
        jobs = {line.job for _, line in lines} | tier.waiting_jobs.keys()
        try:
            self._look_up(cluster, jobs - {""}, now_ms)
            self._is_away, self._answered_ms = False, now_ms
        except StoreError:
            self._is_away = True
        known = {job: self._known.get((cluster, job), NEVER)[1] for job in jobs}
        starts = {job: began for job, began in known.items() if began}
        ready = tier.take(lines, starts, self._answered_ms or now_ms)
        return [as_folded(arrival_ms, event) for arrival_ms, event in ready]

    def waiting(self) -> Mapping[str, int]:
        """By cluster, since when the oldest line waits."""
        waits = {cluster: tier.waiting_since_ms() for cluster, tier in self._tiers.items()}
        return {cluster: ms for cluster, ms in waits.items() if ms is not None}

    def is_full(self) -> bool:
        """While the store does not answer."""
        return self._is_away

    def _look_up(self, cluster: str, jobs: Iterable[str], now_ms: int) -> None:
        """Ask when the runs of these jobs began, where it is time: those first that were asked
        about longest ago, and not so many that others wait for it."""
        self._known = {k: v for k, v in self._known.items() if now_ms - v[0] <= KNOWN_MS}
        asked = {job: self._known.get((cluster, job), NEVER) for job in jobs}
        due = (job for job, (ms, found) in asked.items() if not found and now_ms - ms > UNKNOWN_MS)
        for job in nsmallest(LOOK_UPS, due, key=lambda job: asked[job][0]):
            self._known[cluster, job] = now_ms, frozenset(self._starts(cluster, job))
