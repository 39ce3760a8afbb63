"""A process that watches and serves until it is asked to end: what the two ways to run share, and
the one that does all alone."""

import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket
from threading import Thread
from typing import Any

from drsquirrel.app import App
from drsquirrel.cluster import SystemClock, clients_of, shortener
from drsquirrel.database import database_of, retention
from drsquirrel.desk import Desk
from drsquirrel.exposition import rendered
from drsquirrel.handbook import RuleBook
from drsquirrel.kafka_watch import kafka_access, source_of
from drsquirrel.rules.load import Rules
from drsquirrel.serve.server import listen, serve, url
from drsquirrel.settings import Settings
from drsquirrel.store.error import FencedError, StoreError
from drsquirrel.store.interface import Store
from drsquirrel.stored_pages import StoredPages
from drsquirrel.yarn_watch import watches_of, yarns_of

logger = logging.getLogger(__name__)
PAGE_DIR = Path(__file__).parent / "show" / "page"
EXPIRE_EVERY_S = 300.0
FENCED_S = 1.0
INSTEAD = "Give one of them a database of its own, or run both with `drsquirrel serve`."
Say = Callable[[str], None]


class Unawaited(ThreadPoolExecutor):
    """A thread for each call, which nobody waits for at the end.

    The event loop looks up host names in threads. Where the name service hangs, so do these, and
    neither another cluster nor the end of the process shall wait for them.
    """

    def submit(self, call: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)

        Thread(target=run, daemon=True).start()
        return future


@contextmanager
def opened(settings: Settings) -> Iterator[tuple[socket, Store, ThreadPoolExecutor]]:
    """The port, the database, and the one thread that judges and writes.

    Raises ListenError, StoreError or SettingsError.
    """
    database = database_of(settings)
    with (
        closing(listen(settings.host, settings.port)) as listening,
        closing(database.open(retention(settings))) as store,
        ThreadPoolExecutor(1, thread_name_prefix="desk") as thread,
    ):
        yield listening, store, thread


async def until_stopped(
    pages: StoredPages, rules: Rules, listening: socket, tasks: Iterable[Coroutine[Any, Any, None]]
) -> None:
    """Serve the pages, and do these tasks beside, until SIGINT or SIGTERM.

    Raises FencedError as one of the tasks does.
    """
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s"
    )
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(task) for task in tasks]
            await serve(pages, RuleBook(rules), listening=listening, page_dir=PAGE_DIR, stop=stop)
            for task in begun:
                task.cancel()
    except* FencedError as fenced:
        raise fenced.exceptions[0] from None


async def expire(store: Store, thread: ThreadPoolExecutor) -> None:
    """Delete what is too old, step by step, until cancelled."""
    loop, clock = asyncio.get_running_loop(), SystemClock()
    while True:
        try:
            due = True
            while due:
                due = await loop.run_in_executor(thread, store.expire, clock.now_ms())
        except StoreError as error:
            logger.error("%s", error)
        await asyncio.sleep(EXPIRE_EVERY_S)


async def until_fenced(app: App) -> None:
    """Wait until somebody else has taken over; then raises FencedError."""
    while True:
        await asyncio.sleep(FENCED_S)
        if app.is_fenced:
            raise FencedError(f"{app.trouble} {INSTEAD}")


async def up(settings: Settings, rules: Rules, say: Say) -> None:
    """Watch, judge, store and serve, all in this process.

    Raises ListenError, StoreError, SettingsError or FlinkError before anything is watched, and
    FencedError when another has taken over the database.
    """
    clients, yarns = clients_of(settings), yarns_of(settings)
    access = kafka_access(settings.kafka) if settings.kafka else None
    with opened(settings) as (listening, store, thread):
        desk = Desk(rules, shortener(settings.job_name_pattern))
        app = App(settings, desk, store, SystemClock(), thread, store.claim(0, 1))
        for id_, client in clients.items():
            app.add(id_, client)
        watched = [*clients, *(f"what Flink runs on YARN at {at}" for at in yarns)]
        say(f"Watching {', '.join(watched)}; the history is in {database_of(settings).place}.")
        if settings.kafka is not None:
            told = settings.kafka
            say(f"Listening to Kafka at {told.brokers}, in the consumer group {told.group}.")
        say(f"The page: {url(listening)}")
        pages = StoredPages(store, lambda: rendered(app.metrics()), app.ready)
        tasks = [app.watch(id_, client) for id_, client in clients.items() if client is not None]
        tasks += [yarn.run() for yarn in watches_of(settings, app, SystemClock())]
        tasks += [expire(store, thread), until_fenced(app)]
        if access is not None:
            tasks.append(app.read(source_of(settings, access, store.offsets, SystemClock())))
        try:
            await until_stopped(pages, rules, listening, tasks)
        finally:
            thread.submit(app.finish).result()
