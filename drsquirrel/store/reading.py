"""What the stores on SQL do alike: all the reading, and the writing of a batch as one transaction.

Each has its own way to come by a connection, and to delete what fills a disk.
"""

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from itertools import islice
from typing import TypeVar

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen
from drsquirrel.model.report import Incident
from drsquirrel.model.snapshot import WINDOW_MS, Snapshot
from drsquirrel.model.verdict import WORST_FIRST, Verdict
from drsquirrel.store import sql
from drsquirrel.store.body import decoded, unpacked
from drsquirrel.store.connection import Connection, Row
from drsquirrel.store.interface import (
    Batch,
    Claim,
    LogPage,
    Offset,
    Page,
    RunHour,
    Store,
    StoredRun,
)
from drsquirrel.store.logs import SCAN_CHUNKS, newest_first
from drsquirrel.store.writing import CHANGE, CHECKPOINT, FAILURE, write_batch

T = TypeVar("T")


class SqlStore(Store):
    """A store on one SQL database."""

    @abstractmethod
    def _reading(self) -> AbstractContextManager[Connection]:
        """A connection for as long as it is needed, from any thread. Raises StoreError."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[Connection]:
        """The connection that writes: all that is done with it or, after an exception, nothing.
        Raises StoreError."""

    def write(self, batch: Batch) -> None:
        with self._transaction() as connection:
            write_batch(connection, batch)

    def claim(self, part: int, parts: int) -> Claim:
        with self._transaction() as connection:
            for statement in sql.FORGET_PARTS:
                connection.execute(statement, (parts,))
            connection.execute(sql.CLAIM, (part,))
            ((term,),) = connection.execute(sql.TERM, (part,)).fetchall()
            return Claim(part, term)

    def job_lists(self) -> list[Page]:
        return self._pages(sql.JOB_LISTS)

    def report(self, run: str) -> Page | None:
        return next(iter(self._pages(sql.REPORT, run)), None)

    def runs(self, cluster: str) -> list[StoredRun]:
        with self._reading() as connection:
            rows = connection.execute(sql.RUNS, (cluster,)).fetchall()
        return [_stored_run(cluster, row) for row in rows]

    def starts(self, cluster: str, flink_job: str) -> list[int]:
        with self._reading() as connection:
            rows = connection.execute(sql.STARTS, (flink_job, cluster)).fetchall()
            return [start_ms for (start_ms,) in rows]

    def run_of_job(self, job: str) -> str | None:
        return self._shown_run(sql.RUN_OF_JOB, job)

    def run_of_flink_job(self, flink_job: str) -> str | None:
        return self._shown_run(sql.RUN_OF_FLINK_JOB, flink_job)

    def load_hour(self, cluster: str, since_ms: int) -> Iterator[Snapshot]:
        with (
            self._reading() as connection,
            closing(connection.stream(sql.SNAPSHOTS, (cluster, since_ms - WINDOW_MS))) as rows,
        ):
            for (body,) in rows:
                yield decoded(body, Snapshot)

    def offsets(self) -> list[Offset]:
        with self._reading() as connection:
            return [Offset(*row) for row in connection.execute(sql.OFFSETS).fetchall()]

    def failures(self, run: str, limit: int = 100) -> list[FailureEvent]:
        return self._all(FailureEvent, sql.EVENTS, FAILURE, run, limit)

    def checkpoints(self, run: str, limit: int = 100) -> list[CheckpointEvent]:
        return self._all(CheckpointEvent, sql.EVENTS, CHECKPOINT, run, limit)

    def changes(self, subject: str, limit: int = 100) -> list[ChangeEvent]:
        return self._all(ChangeEvent, sql.EVENTS, CHANGE, subject, limit)

    def logs(self, subject: str, limit: int = 100, contains: str = "") -> LogPage:
        with self._reading() as connection:
            with closing(connection.stream(sql.LOG_CHUNKS, (subject, SCAN_CHUNKS))) as chunks:
                found = tuple(islice(newest_first(chunks, contains), limit + 1))
            ((in_all,),) = connection.execute(sql.COUNT_LOG_CHUNKS, (subject,)).fetchall()
        complete = len(found) <= limit and in_all <= SCAN_CHUNKS
        return LogPage(events=found[:limit], complete=complete)

    def incidents(self, run: str, limit: int = 100) -> list[Incident]:
        return self._all(Incident, sql.INCIDENTS, run, limit)

    def hours(self, run: str, limit: int = 24 * 90) -> list[RunHour]:
        with self._reading() as connection:
            return [
                RunHour(hour_ms=hour_ms, verdict=WORST_FIRST[severity], cause=cause)
                for hour_ms, severity, cause in connection.execute(
                    sql.HOURS, (run, limit)
                ).fetchall()
            ]

    def memory(self, run: str) -> bytes | None:
        with self._reading() as connection:
            row = connection.execute(sql.MEMORY, (run,)).fetchone()
            return unpacked(row[0]) if row else None

    def job_facts(self, run: str) -> JobFacts | None:
        return next(iter(self._all(JobFacts, sql.JOB_FACTS, run)), None)

    def container_facts(self, cluster: str) -> list[ContainerFacts]:
        return self._all(ContainerFacts, sql.CONTAINER_FACTS, cluster)

    def _pages(self, statement: str, *values: str) -> list[Page]:
        with self._reading() as connection:
            rows = connection.execute(statement, values).fetchall()
            return [Page(body=unpacked(body), etag=e, made_ms=ms) for body, e, ms in rows]

    def _shown_run(self, statement: str, name: str) -> str | None:
        unknown = WORST_FIRST.index(Verdict.UNKNOWN)
        with self._reading() as connection:
            row = connection.execute(statement, (unknown, name)).fetchone()
            return row[0] if row else None

    def _all(self, kind: type[T], statement: str, *values: str | int) -> list[T]:
        with self._reading() as connection:
            rows = connection.execute(statement, values).fetchall()
            return [decoded(body, kind) for (body,) in rows]


def _stored_run(cluster: str, row: Row) -> StoredRun:
    run, job, flink_job, start_ms, end_ms, state, job_type, name, version, *times, is_heard = row
    first_ms, last_ms = times
    seen = RunSeen(
        cluster=cluster,
        job=flink_job,
        start_ms=start_ms,
        name=name,
        state=state,
        end_ms=end_ms,
        job_type=job_type,
        is_heard=bool(is_heard),
    )
    return StoredRun(
        id=run,
        job_id=job,
        seen=seen,
        flink_version=version,
        first_seen_ms=first_ms,
        last_seen_ms=last_ms,
    )
