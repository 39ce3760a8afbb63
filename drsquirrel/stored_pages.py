"""What serve reads, out of the store: rendered documents, and log lines as a list."""

import math
from collections.abc import Callable, Iterable
from hashlib import blake2b
from operator import itemgetter
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from drsquirrel.diagnose.strip import SHOWN_CONTAINERS
from drsquirrel.model.event import LogEvent
from drsquirrel.model.identity import container_id
from drsquirrel.model.report import ClusterRow, LogLine, LogList, Report, YarnRow
from drsquirrel.on_desk import Ranked, worst_first
from drsquirrel.serve.pages import Rendered
from drsquirrel.store.interface import Page, Store

T = TypeVar("T")
LOG_LINES = 200
"""The newest: a page shows no more."""
AFTER_END_MS = 60_000
"""What processes say of the end of a run comes so long after it."""
report_decoder = msgspec.json.Decoder(Report)


class Listed(Struct, kw_only=True):
    """A JobList whose rows stay the bytes that they are."""

    made_ms: int
    jobs: list[Raw]
    clusters: list[ClusterRow]
    yarns: list[YarnRow] = []
    kafka_says: str = ""


class Ranks(Struct):
    """What the order of a JobList rests on."""

    jobs: list[Ranked]


list_decoder = msgspec.json.Decoder(Listed)
ranks_decoder = msgspec.json.Decoder(Ranks)


class StoredPages:
    """The documents of a store. `metrics` and `ready` tell how the app itself fares."""

    def __init__(
        self, store: Store, metrics: Callable[[], str], ready: Callable[[], str | None]
    ) -> None:
        self.metrics = metrics
        self.ready = ready
        self._store = store
        self._joined: tuple[str, Rendered] | None = None
        """The list of all jobs, and what it was joined from."""

    def jobs(self) -> Rendered | None:
        parts = self._store.job_lists()
        if not parts:
            return None
        etags = " ".join(page.etag for page in parts)
        if self._joined is None or self._joined[0] != etags:
            body = msgspec.json.encode(joined(page.body for page in parts))
            self._joined = etags, Rendered(body, _etag(etags.encode()))
        return self._joined[1]

    def report(self, run_id: str) -> Rendered | None:
        return _rendered(self._store.report(run_id))

    def logs(self, run_id: str) -> Rendered | None:
        page = self._store.report(run_id)
        if page is None:
            return None
        events, complete = self._lines_of(run_id, page)
        lines = LogList(lines=[*map(_line, events)], complete=complete)
        return _rendered_body(msgspec.json.encode(lines))

    def _lines_of(self, run_id: str, page: Page) -> tuple[list[LogEvent], bool]:
        """The newest of a run, and of those of its processes that name no run, while it was there;
        whether there are no others."""
        own = self._store.logs(run_id, LOG_LINES)
        found, complete = [*own.events], own.complete
        report = decoded(report_decoder, page.body)
        if report is not None:
            run, ahead_ms = report.run, report.data.clock_ahead_ms
            since_ms = run.start_ms - ahead_ms
            until_ms = math.inf if run.end_ms is None else run.end_ms - ahead_ms + AFTER_END_MS
            shown = [strip.id for strip in report.hour.strips if strip.kind == "gc"]
            complete = complete and len(shown) < SHOWN_CONTAINERS
            for container in shown:
                told = self._store.logs(container_id(report.job.cluster, container), LOG_LINES)
                found += [e for e in told.events if since_ms <= e.time_ms <= until_ms]
                complete = complete and told.complete
        found.sort(key=lambda event: event.time_ms, reverse=True)
        return found[:LOG_LINES], complete and len(found) <= LOG_LINES

    def run_of_job(self, job_id: str) -> str | None:
        return self._store.run_of_job(job_id)

    def run_of_flink_job(self, flink_job_id: str) -> str | None:
        return self._store.run_of_flink_job(flink_job_id)


def joined(bodies: Iterable[bytes]) -> Listed:
    """The lists of all parts as one, as old as the oldest of those with a cluster; of a cluster
    that has moved to another part the newest tells. Of 10,000 rows nothing is decoded but what
    they are sorted by: all of it takes three times as long."""
    parts: list[tuple[Listed, Ranks]] = []
    for body in bodies:
        listed, ranks = decoded(list_decoder, body), decoded(ranks_decoder, body)
        if listed and ranks:
            parts.append((listed, ranks))
    parts.sort(key=lambda part: part[0].made_ms)
    tells = {row.id: part for part, _ in parts for row in part.clusters}
    rows = [
        (worst_first(rank), row)
        for part, ranks in parts
        for rank, row in zip(ranks.jobs, part.jobs, strict=True)
        if tells.get(rank.job.cluster, part) is part
    ]
    clusters = [row for part, _ in parts for row in part.clusters if tells[row.id] is part]
    # Each part searches all, and may leave out some of its own.
    yarns = {row.url: row for part, _ in parts for row in part.yarns}
    yarns |= {row.url: row for part, _ in parts for row in part.yarns if row.says}
    made_ms = [part.made_ms for part in tells.values()] or [part.made_ms for part, _ in parts]
    return Listed(
        made_ms=min(made_ms, default=0),
        jobs=[row for _, row in sorted(rows, key=itemgetter(0))],
        clusters=sorted(clusters, key=lambda row: row.id),
        yarns=[yarns[url] for url in sorted(yarns)],
        kafka_says=next((part.kafka_says for part, _ in parts if part.kafka_says), ""),
    )


def decoded(decoder: msgspec.json.Decoder[T], body: bytes | None) -> T | None:
    """What was stored; an older form of it is forgotten, the next looks build it anew."""
    try:
        return decoder.decode(body) if body else None
    except msgspec.MsgspecError:
        return None


def _rendered_body(body: bytes) -> Rendered:
    return Rendered(body, _etag(body))


def _etag(words: bytes) -> str:
    return blake2b(words, digest_size=12).hexdigest()


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
        of_process=not event.job,
    )
