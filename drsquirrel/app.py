"""Some clusters: watched, judged and stored."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

import msgspec

from drsquirrel.cluster import Watch
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import LISTED_MS, Desk
from drsquirrel.diagnose import memory
from drsquirrel.exposition import Family, counter, gauge
from drsquirrel.kafka_watch import NOTHING, KafkaWatch, Readable
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, Event, FailureEvent
from drsquirrel.model.report import JobList, YarnRow
from drsquirrel.model.yarn import YarnFacts
from drsquirrel.on_desk import Known, RunDesk
from drsquirrel.settings import Settings
from drsquirrel.store.error import DamagedError, FencedError, StoreError
from drsquirrel.store.interface import (
    HOUR_MS,
    Batch,
    Claim,
    Memory,
    RenderedReport,
    Store,
    StoredRun,
)
from drsquirrel.stored_pages import decoded, report_decoder
from drsquirrel.strangers import Strangers

logger = logging.getLogger(__name__)
T = TypeVar("T")
E = TypeVar("E", FailureEvent, CheckpointEvent, ChangeEvent)
SNAPSHOT_EVERY_MS = 60_000
"""How often grown windows are written: a kill loses at most so much of minute data."""
OWED_BATCHES = 100
"""Ticks kept in memory while the store cannot be written; the oldest are lost beyond."""
JOBS_PER_MS = 10
"""The list of jobs is made at most once in a millisecond for so many of them: each look at a
cluster makes all of it, and 10,000 jobs may be ten looks a second."""
NOT_YET = "No cluster has been looked at yet."
OF_CLUSTERS = (
    ("drsquirrel_rounds_total", "rounds", "Looks at a cluster."),
    ("drsquirrel_rounds_failed_total", "failed", "Looks that got no answer."),
    ("drsquirrel_requests_total", "requests", "GET requests to Flink."),
    ("drsquirrel_received_bytes_total", "bytes", "Bytes of Flink's answers."),
)
encode = msgspec.json.Encoder().encode


class App:
    """Clusters in, pages out, one store. All that touches the desk or writes runs in `thread`;
    `lines_say` tells what is wrong with log lines where they are read elsewhere."""

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        store: Store,
        clock: Clock,
        thread: ThreadPoolExecutor,
        claim: Claim | None = None,
        lines_say: Callable[[], str] = str,
    ) -> None:
        self.trouble = NOT_YET
        """Why nothing is stored; "" while all is well."""
        self.is_fenced = False
        """Whether somebody else has claimed what is watched here: nothing more is stored."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._claim = claim
        self._lines_say = lines_say
        self._desk = desk
        self._strangers = Strangers(desk)
        self._thread = thread
        self._watches: dict[str, Watch] = {}
        self._clients: dict[str, FlinkClient | None] = {}
        self._yarns: dict[str, YarnRow] = {}
        self._silent: set[str] = set()
        self._snapshots_ms = 0
        self._written_ms = 0
        self._list_ms = 0
        """When the list of jobs is due again."""
        self._owed: deque[Batch] = deque()
        self._lost = 0
        self._kafka: KafkaWatch | None = None

    def add(self, id_: str, client: FlinkClient | None) -> None:
        """Prepare to watch a cluster, from where the store left off; without a client it is only
        heard through Kafka. Raises StoreError."""
        watch = Watch(
            id_,
            client,
            self._desk,
            self._clock,
            self._settings,
            self._thread,
            dumps_allowed=self._settings.thread_dumps,
        )
        # Whoever goes through them meanwhile goes through those of before.
        self._watches = {**self._watches, id_: watch}
        self._clients = {**self._clients, id_: client}
        now_ms = self._clock.now_ms()
        listed = [r for r in self._store.runs(id_) if r.last_seen_ms >= now_ms - LISTED_MS]
        runs = [known for run in listed for known in _whole(id_, partial(self._known, run))]
        hour = _whole(id_, partial(self._store.load_hour, id_, now_ms - HOUR_MS))
        self._desk.restore(id_, hour, runs, now_ms)
        watch.take_listed()  # they are stored

    def _known(self, run: StoredRun) -> Iterator[Known]:
        page = self._store.report(run.id)
        yield Known(
            seen=run.seen,
            facts=self._store.job_facts(run.id),
            memory=decoded(memory.decoder, self._store.memory(run.id)) or memory.Memory(),
            report=decoded(report_decoder, page.body if page else None),
            last_seen_ms=run.last_seen_ms,
        )

    async def note_search(self, row: YarnRow) -> None:
        """Take over how the search for applications of a YARN goes; while there are none nobody
        else writes the list of jobs, and what was read."""
        is_new = self._yarns.get(row.url) != row
        self._yarns[row.url] = row
        is_due = self._clock.now_ms() - self._written_ms >= SNAPSHOT_EVERY_MS
        if is_new or is_due:
            await self._in_desk(self.list_jobs)
        if is_due:
            await self._in_desk(self.finish)

    def awaited(self) -> frozenset[str]:
        """The applications that have sent something and are not watched."""
        return self._strangers.names()

    async def adopt(self, id_: str, client: FlinkClient) -> None:
        """Add a cluster while others are watched. Raises StoreError."""
        await self._in_desk(partial(self.add, id_, client))

    async def note_yarn(self, id_: str, facts: YarnFacts) -> None:
        """Take over what YARN tells of a cluster."""
        await self._in_desk(lambda: self._desk.clusters[id_].note_yarn(facts))

    async def leave(self, id_: str) -> None:
        """Judge and store a cluster that is over once more; it stays in the list."""
        watch = self._watches[id_]
        looked = await watch.leave()
        await watch.in_desk(partial(self._write, watch, *looked))

    async def forget(self, id_: str) -> None:
        """List a cluster no more."""
        await self._in_desk(partial(self._forget, id_))

    def _forget(self, id_: str) -> None:
        self._watches = {i: w for i, w in self._watches.items() if i != id_}
        self._clients = {i: c for i, c in self._clients.items() if i != id_}
        self._silent.discard(id_)
        self._desk.forget(id_)

    async def _in_desk(self, call: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, call)

    async def watch(self, id_: str, client: FlinkClient) -> None:
        """Watch a cluster that was added, until cancelled."""
        watch = self._watches[id_]

        async def after(found: Round, judged: list[RunDesk]) -> None:
            self._tell(id_, found)
            await watch.in_desk(lambda: self._write(watch, found, judged))

        async with client:
            await watch.run(after, lambda: client.received_bytes)

    def _tell(self, id_: str, found: Round) -> None:
        """Log that a cluster has fallen silent, or answers again: once each."""
        if not found.answered and id_ not in self._silent:
            self._silent.add(id_)
            logger.warning("cluster %s: %s", id_, found.says)
        elif found.answered and id_ in self._silent:
            self._silent.remove(id_)
            logger.warning("cluster %s answers again", id_)

    async def read(self, source: Readable) -> None:
        """Read what the plugin sends, until cancelled."""
        loop = asyncio.get_running_loop()

        def wake(cluster: str) -> None:
            if cluster in self._watches:
                loop.call_soon_threadsafe(self._watches[cluster].woken.set)

        self._kafka = KafkaWatch(source, self._strangers, self._clock, wake)
        self._desk.listens = True
        await self._kafka.run(
            lambda call: loop.run_in_executor(self._thread, call), self._look_alone
        )

    async def _look_alone(self) -> None:
        """Judge and store the clusters of which only Kafka tells now."""
        for id_, watch in self._watches.items():
            try:
                looked = await watch.look_alone()
                if looked is not None:
                    await watch.in_desk(partial(self._write, watch, *looked))
            except Exception:
                # As for what REST tells, it must end neither the reading nor other clusters' looks.
                logger.exception("a look at cluster %s broke off", id_)

    def list_jobs(self) -> None:
        """Write which jobs are known."""
        self._written_ms = max(self._clock.now_ms(), self._written_ms + 1)
        listed = encode(self._job_list(self._written_ms))
        self._pay(Batch(time_ms=self._written_ms, job_list=listed, claim=self._claim))

    def finish(self) -> None:
        """Write what has grown since the last write."""
        now_ms = max(self._clock.now_ms(), self._written_ms + 1)
        heard = self._kafka.take_owed() if self._kafka else NOTHING
        snapshots = tuple(self._desk.snapshots(now_ms))
        self._pay(Batch(time_ms=now_ms, snapshots=snapshots, claim=self._claim, **heard._asdict()))

    def _write(self, watch: Watch, found: Round, judged: list[RunDesk]) -> None:
        """Everything of one tick in one transaction."""
        now_ms = max(self._clock.now_ms(), self._written_ms + 1)
        # While the store takes nothing, windows and what Kafka brought stay where they are: looks
        # that are owed may be lost, and Kafka keeps what comes after.
        due = not self._owed and (
            now_ms - self._snapshots_ms >= SNAPSHOT_EVERY_MS
            or self._desk.is_full()
            or (self._kafka is not None and self._kafka.owes_much)
        )
        heard = self._kafka.take_owed() if due and self._kafka else NOTHING
        reports = [r.report for r in judged if r.report is not None]
        listed = watch.take_listed()
        batch = Batch(
            time_ms=now_ms,
            runs=tuple(r.seen for r in listed),
            job_facts=watch.take_new_facts(),
            containers=found.containers,
            snapshots=tuple(self._desk.snapshots(now_ms)) if due else (),
            failures=(*_of(FailureEvent, found.events), *heard.failures),
            checkpoints=(*_of(CheckpointEvent, found.events), *heard.checkpoints),
            changes=(*_of(ChangeEvent, found.events), *heard.changes),
            logs=heard.logs,
            offsets=heard.offsets,
            reports=tuple(RenderedReport(report=r, body=encode(r)) for r in reports),
            memories=tuple(Memory(run=r.id, body=memory.encoder.encode(r.memory)) for r in judged),
            job_list=self._due_list(now_ms),
            claim=self._claim,
        )
        if due:
            self._snapshots_ms = now_ms
        self._written_ms = now_ms
        self._pay(batch)

    def _pay(self, batch: Batch) -> None:
        """Write what is owed, oldest first; what cannot be stored is said on /readyz and kept."""
        if self.is_fenced:
            return
        if len(self._owed) == OWED_BATCHES:
            # Windows, and what came through Kafka before a later offset, are nowhere else.
            looks = (i for i, b in enumerate(self._owed) if not (b.offsets or b.snapshots))
            oldest = next(looks, 0)
            del self._owed[oldest]
            self._lost += 1
        self._owed = deque(_without(before, batch) for before in self._owed)
        self._owed.append(batch)
        trouble = ""
        try:
            while self._owed:
                self._write_oldest()
        except FencedError as error:
            self.trouble, self.is_fenced = str(error), True
            self._owed.clear()
            return
        except StoreError as error:
            trouble = str(error)
        if trouble and trouble != self.trouble:
            logger.error("%s", trouble)
        elif not trouble and self.trouble not in ("", NOT_YET):
            logger.warning("all that was owed is stored now")
        self.trouble = trouble

    def _write_oldest(self) -> None:
        """Write the oldest batch that is owed. One that no store can hold is lost, alone."""
        try:
            self._store.write(self._owed[0])
        except StoreError:
            raise
        except Exception:
            logger.exception("a look cannot be stored")
            self._lost += 1
        self._owed.popleft()

    def ready(self) -> str | None:
        """Why not; None when ready."""
        return self.trouble or None

    def metrics(self) -> list[Family]:
        """Families of our own metrics."""
        watches = [({"cluster": id_}, w) for id_, w in self._watches.items()]
        answers = [(of, int(w.last is not None and w.last.answered)) for of, w in watches]
        dropped = [({"reason": r}, n) for r, n in sorted(self._desk.dropped.items())]
        unread = [({"cluster": i}, c.redaction.failures) for i, c in self._clients.items() if c]
        return [
            *(
                counter(name, help_, [(of, w.totals[key]) for of, w in watches])
                for name, key, help_ in OF_CLUSTERS
            ),
            gauge("drsquirrel_cluster_answers", "1 if the last look was answered.", answers),
            counter("drsquirrel_events_dropped_total", "Events dropped, by reason.", dropped),
            counter(
                "drsquirrel_events_late_total",
                "Events that came too late to change the last hour.",
                [({}, self._desk.late_total)],
            ),
            counter(
                "drsquirrel_redaction_failures_total",
                "Texts of Flink hidden whole: they could not be searched for secrets.",
                unread,
            ),
            gauge("drsquirrel_looks_owed", "Looks not stored yet.", [({}, len(self._owed))]),
            counter("drsquirrel_looks_lost_total", "Looks never stored.", [({}, self._lost)]),
            *(self._kafka.metrics() if self._kafka else ()),
        ]

    def _due_list(self, now_ms: int) -> bytes | None:
        if now_ms < self._list_ms:
            return None
        listed = self._job_list(now_ms)
        self._list_ms = now_ms + len(listed.jobs) // JOBS_PER_MS
        return encode(listed)

    def _job_list(self, now_ms: int) -> JobList:
        return JobList(
            made_ms=now_ms,
            jobs=self._desk.job_rows(),
            clusters=[watch.row(self._url(id_), now_ms) for id_, watch in self._watches.items()],
            yarns=[*self._yarns.values()],
            kafka_says=self._desk.kafka_says or self._lines_say(),
        )

    def _url(self, id_: str) -> str:
        client = self._clients[id_]
        return client.url if client else ""


def _whole(cluster: str, stored: Callable[[], Iterable[T]]) -> Iterator[T]:
    """What is stored of a cluster up to where it is damaged: it shall be watched all the same."""
    try:
        yield from stored()
    except DamagedError as error:
        logger.error("of what is stored of cluster %s some is left out: %s", cluster, error)


def _without(before: Batch, later: Batch) -> Batch:
    """A batch without what nobody will ask for once a later one is stored: documents of the same
    run that are replaced, where its hour and its incidents are the same."""
    told = {r.report.run.id: _lasting(r) for r in later.reports}
    runs = {memory.run for memory in later.memories}
    return replace(
        before,
        reports=tuple(r for r in before.reports if told.get(r.report.run.id) != _lasting(r)),
        memories=tuple(memory for memory in before.memories if memory.run not in runs),
        job_list=None if later.job_list else before.job_list,
    )


def _lasting(rendered: RenderedReport) -> tuple[object, ...]:
    """What the store keeps of a report that another replaces."""
    report = rendered.report
    began_ms = tuple(incident.began_ms for incident in report.incidents)
    return report.made_ms // HOUR_MS, report.verdict, rendered.first_cause, began_ms


def _of(kind: type[E], events: list[Event]) -> tuple[E, ...]:
    return tuple(event for event in events if isinstance(event, kind))
