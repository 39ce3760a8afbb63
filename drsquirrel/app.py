"""Joins the stages in one process: watches clusters, judges, stores and serves."""

import asyncio
import logging
import signal
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import msgspec

from drsquirrel.cluster import SystemClock, Watch, clients_of, shortener
from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.desk import Desk, RunDesk
from drsquirrel.diagnose import memory
from drsquirrel.handbook import RuleBook
from drsquirrel.model.clock import Clock
from drsquirrel.model.event import ChangeEvent, CheckpointEvent, Event, FailureEvent
from drsquirrel.model.report import ClusterRow, JobList
from drsquirrel.rules.load import Rules
from drsquirrel.serve.pages import Rendered
from drsquirrel.serve.server import listen, serve, url
from drsquirrel.settings import Settings, SettingsError
from drsquirrel.store.error import StoreError
from drsquirrel.store.interface import Batch, Memory, Page, RenderedReport, Retention, Store
from drsquirrel.store.sqlite import SqliteStore

logger = logging.getLogger(__name__)
E = TypeVar("E", FailureEvent, CheckpointEvent, ChangeEvent)
PAGE_DIR = Path(__file__).parent / "show" / "page"
SNAPSHOT_EVERY_MS = 60_000
"""How often grown windows are written: a kill loses at most so much of minute data."""
EXPIRE_EVERY_S = 300.0
OWED_BATCHES = 100
"""Ticks kept in memory while the store cannot be written; the oldest are lost beyond."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OWN_METRICS = (
    ("drsquirrel_rounds_total", "rounds", "Looks at a cluster."),
    ("drsquirrel_rounds_failed_total", "failed", "Looks that got no answer."),
    ("drsquirrel_requests_total", "requests", "GET requests to Flink."),
    ("drsquirrel_received_bytes_total", "bytes", "Bytes of Flink's answers."),
)
encode = msgspec.json.Encoder().encode


def retention(settings: Settings) -> Retention:
    """What the store needs of the settings."""
    return Retention(
        snapshots_ms=int(settings.keep_snapshots_h * HOUR_MS),
        logs_ms=int(settings.keep_logs_d * DAY_MS),
        events_ms=int(settings.keep_events_d * DAY_MS),
        history_ms=int(settings.keep_history_d * DAY_MS),
        max_bytes=settings.database_mib << 20,
    )


def data_dir(settings: Settings) -> Path:
    """Where the history lies; raises SettingsError where there is no home directory."""
    try:
        return Path(settings.data_dir).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"There is no home directory for {settings.data_dir}: give --data-dir DIR."
        ) from None


class StoredPages:
    """What serve reads: the store's rendered documents, and how the app itself fares."""

    def __init__(self, store: Store, app: "App") -> None:
        self._store = store
        self._app = app

    def jobs(self) -> Rendered | None:
        return _rendered(self._store.jobs())

    def report(self, run_id: str) -> Rendered | None:
        return _rendered(self._store.report(run_id))

    def run_of_job(self, job_id: str) -> str | None:
        return self._store.run_of_job(job_id)

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        return self._store.run_of_flink_job(flink_job_id)

    def metrics(self) -> str:
        return self._app.metrics()

    def ready(self) -> str | None:
        return self._app.trouble or None


def _rendered(page: Page | None) -> Rendered | None:
    return Rendered(page.body, page.etag) if page else None


class App:
    """`drsquirrel up`: clusters in, pages out, one store."""

    def __init__(self, settings: Settings, rules: Rules, store: Store, clock: Clock) -> None:
        self.trouble = "No cluster has been looked at yet."
        """Why nothing is stored; "" while all is well."""
        self._settings = settings
        self._store = store
        self._clock = clock
        self._desk = Desk(rules, shortener(settings.job_name_pattern))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="desk")
        self._watches: dict[str, Watch] = {}
        self._urls: dict[str, str] = {}
        self._snapshots_ms = 0
        self._written_ms = 0
        self._owed: deque[Batch] = deque(maxlen=OWED_BATCHES)

    async def watch(self, id_: str, client: FlinkClient) -> None:
        """Watch one cluster until cancelled, beginning where the store left off."""
        watch = Watch(
            id_,
            client,
            self._desk,
            self._clock,
            self._settings,
            self._thread,
            dumps_allowed=self._settings.thread_dumps,
        )
        self._watches[id_], self._urls[id_] = watch, client.url
        await watch.in_desk(lambda: self._restore(id_))

        async def after(found: Round, judged: list[RunDesk]) -> None:
            await watch.in_desk(lambda: self._write(watch, found, judged))

        async with client:
            await watch.run(after, lambda: client.received_bytes)

    async def expire(self) -> None:
        """Delete what is too old, step by step, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                due = True
                while due:
                    now_ms = self._clock.now_ms()
                    due = await loop.run_in_executor(self._thread, self._store.expire, now_ms)
            except StoreError as error:
                logger.error("%s", error)
            await asyncio.sleep(EXPIRE_EVERY_S)

    def close(self) -> None:
        """Write what has grown since the last write, and end the desk's thread."""
        self._thread.shutdown(wait=True)
        now_ms = max(self._clock.now_ms(), self._written_ms + 1)
        self._owed.append(Batch(time_ms=now_ms, snapshots=tuple(self._desk.snapshots(now_ms))))
        self._pay()

    def _restore(self, cluster: str) -> None:
        """Put back what is known of the last hour."""
        since_ms = self._clock.now_ms() - HOUR_MS
        runs = [
            (
                run.seen,
                self._store.job_facts(run.id),
                _remembered(self._store.memory(run.id)),
                run.last_seen_ms,
            )
            for run in self._store.runs(cluster)
            if run.last_seen_ms >= self._clock.now_ms() - DAY_MS
        ]
        self._desk.restore(cluster, self._store.load_hour(cluster, since_ms), runs)

    def _write(self, watch: Watch, found: Round, judged: list[RunDesk]) -> None:
        """Everything of one tick in one transaction."""
        now_ms = max(self._clock.now_ms(), self._written_ms + 1)
        due = now_ms - self._snapshots_ms >= SNAPSHOT_EVERY_MS
        reports = [r.report for r in judged if r.report is not None]
        listed = [r for r in watch.on_desk.runs.values() if r.last_seen_ms == found.arrival_ms]
        batch = Batch(
            time_ms=now_ms,
            runs=tuple(r.seen for r in listed),
            job_facts=watch.take_new_facts(),
            containers=found.containers,
            snapshots=tuple(self._desk.snapshots(now_ms)) if due else (),
            failures=_of(FailureEvent, found.events),
            checkpoints=_of(CheckpointEvent, found.events),
            changes=_of(ChangeEvent, found.events),
            reports=tuple(RenderedReport(report=r, body=encode(r)) for r in reports),
            memories=tuple(Memory(run=r.id, body=memory.encoder.encode(r.memory)) for r in judged),
            job_list=encode(self._job_list(now_ms)),
        )
        if due:
            self._snapshots_ms = now_ms
        self._written_ms = now_ms
        self._owed.append(batch)
        self._pay()

    def _pay(self) -> None:
        """Write what is owed, oldest first; what cannot be stored is said on /readyz and kept."""
        try:
            while self._owed:
                self._store.write(self._owed[0])
                self._owed.popleft()
        except StoreError as error:
            self.trouble = str(error)
            logger.error("%s", error)
        else:
            self.trouble = ""

    def metrics(self) -> str:
        """Our own metrics in Prometheus' text format."""
        lines = []
        for name, key, help_ in OWN_METRICS:
            lines += [f"# HELP {name} {help_}", f"# TYPE {name} counter"]
            lines += [
                f'{name}{{cluster="{_label(id_)}"}} {watch.totals[key]}'
                for id_, watch in self._watches.items()
            ]
        name = "drsquirrel_events_dropped_total"
        lines += [f"# HELP {name} Events dropped, by reason.", f"# TYPE {name} counter"]
        lines += [
            f'{name}{{reason="{_label(reason)}"}} {count}'
            for reason, count in sorted(self._desk.dropped.items())
        ]
        return "\n".join(lines) + "\n"

    def _job_list(self, now_ms: int) -> JobList:
        return JobList(
            made_ms=now_ms,
            jobs=self._desk.job_rows(),
            clusters=[self._cluster_row(id_, watch) for id_, watch in self._watches.items()],
        )

    def _cluster_row(self, id_: str, watch: Watch) -> ClusterRow:
        answered = watch.last is not None and watch.last.answered
        return ClusterRow(
            id=id_,
            url=self._urls[id_],
            state="answering" if answered else "silent" if watch.last else "connecting",
            says=watch.last.says if watch.last else "",
            last_answer_ms=watch.on_desk.last_answer_ms,
            flink_version=watch.on_desk.flink_version,
        )


async def up(settings: Settings, rules: Rules, say: Callable[[str], None]) -> None:
    """Watch, judge, store and serve until SIGINT or SIGTERM.

    Raises ListenError, StoreError, SettingsError or FlinkError before anything is watched.
    """
    clients = clients_of(settings)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with (
        closing(listen(settings.host, settings.port)) as listening,
        closing(SqliteStore(data_dir(settings), retention(settings))) as store,
    ):
        app = App(settings, rules, store, SystemClock())
        pages = StoredPages(store, app)
        tasks = [asyncio.create_task(app.watch(id_, client)) for id_, client in clients.items()]
        tasks.append(asyncio.create_task(app.expire()))
        say(f"The page: {url(listening)}")
        try:
            await serve(pages, RuleBook(rules), listening=listening, page_dir=PAGE_DIR, stop=stop)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            app.close()


def _label(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _of(kind: type[E], events: list[Event]) -> tuple[E, ...]:
    return tuple(event for event in events if isinstance(event, kind))


def _remembered(body: bytes | None) -> memory.Memory | None:
    """What the judge remembered; an older form of it is forgotten, the next looks build it anew."""
    try:
        return memory.decoder.decode(body) if body else None
    except msgspec.MsgspecError:
        return None
