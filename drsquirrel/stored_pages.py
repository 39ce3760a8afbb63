"""What serve reads, out of the store: rendered documents, and log lines as a list."""

from collections.abc import Callable
from hashlib import blake2b

import msgspec

from drsquirrel.model.event import LogEvent
from drsquirrel.model.report import LogLine, LogList
from drsquirrel.serve.pages import Rendered
from drsquirrel.store.interface import Page, Store

LOG_LINES = 200
"""The newest: a page shows no more."""


class StoredPages:
    """The documents of a store. `metrics` and `ready` tell how the app itself fares."""

    def __init__(
        self, store: Store, metrics: Callable[[], str], ready: Callable[[], str | None]
    ) -> None:
        self.metrics = metrics
        self.ready = ready
        self._store = store

    def jobs(self) -> Rendered | None:
        return _rendered(self._store.jobs())

    def report(self, run_id: str) -> Rendered | None:
        return _rendered(self._store.report(run_id))

    def logs(self, run_id: str) -> Rendered | None:
        if self._store.report(run_id) is None:
            return None
        page = self._store.logs(run_id, LOG_LINES)
        listed = LogList(lines=[_line(event) for event in page.events], complete=page.complete)
        body = msgspec.json.encode(listed)
        return Rendered(body, blake2b(body, digest_size=12).hexdigest())

    def run_of_job(self, job_id: str) -> str | None:
        return self._store.run_of_job(job_id)

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        return self._store.run_of_flink_job(flink_job_id)


def _rendered(page: Page | None) -> Rendered | None:
    return Rendered(page.body, page.etag) if page else None


def _line(event: LogEvent) -> LogLine:
    return LogLine(
        time_ms=event.time_ms,
        level=event.level,
        logger=event.logger,
        message=event.message,
        throwable=event.throwable,
        task=event.task,
        container=event.origin.container,
        host=event.host,
        count=event.count,
        dropped=event.dropped,
    )
