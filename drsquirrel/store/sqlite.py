"""The store on SQLite: one connection that writes, a handful that read beside it."""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen
from drsquirrel.model.report import Incident
from drsquirrel.model.snapshot import WINDOW_MS, Snapshot
from drsquirrel.model.verdict import WORST_FIRST, Verdict
from drsquirrel.store import sql
from drsquirrel.store.body import BodyError, decoded, unpacked
from drsquirrel.store.error import DiskError, damaged, explained
from drsquirrel.store.interface import (
    Batch,
    LogPage,
    Offset,
    Page,
    Retention,
    RunHour,
    Store,
    StoredRun,
)
from drsquirrel.store.logs import SCAN_CHUNKS, newest_first
from drsquirrel.store.opening import DATABASE, Lock, open_reader, open_writer
from drsquirrel.store.retention import expire_step, give_back
from drsquirrel.store.writing import CHANGE, CHECKPOINT, FAILURE, write_batch

T = TypeVar("T")


class SqliteStore(Store):
    """A data directory with one SQLite database."""

    def __init__(self, directory: Path, retention: Retention) -> None:
        """Open, create or migrate; raises StoreError, its message says what to do."""
        self._path = directory / DATABASE
        self._retention = retention
        self._lock = Lock(directory)
        try:
            self._writer = open_writer(self._path)
        except BaseException:
            self._lock.release()
            raise
        self._inode = self._path.stat().st_ino
        self._readers: deque[sqlite3.Connection] = deque()

    def write(self, batch: Batch) -> None:
        with self._transaction() as connection:
            write_batch(connection, batch)
        # SQLite would go on writing to a file that was deleted, and nobody could ever read it.
        if not self._path.exists() or self._path.stat().st_ino != self._inode:
            raise DiskError(f"{self._path} was deleted or replaced while in use: start again.")

    def expire(self, now_ms: int) -> bool:
        with self._transaction() as connection:
            more = expire_step(connection, self._retention, now_ms)
        with explained(self._path):
            return give_back(self._writer) or more

    def close(self) -> None:
        while self._readers:
            self._readers.pop().close()
        with explained(self._path):
            self._writer.close()
        self._lock.release()

    def jobs(self) -> Page | None:
        return self._page(sql.JOB_LIST)

    def report(self, run: str) -> Page | None:
        return self._page(sql.REPORT, run)

    def runs(self, cluster: str) -> list[StoredRun]:
        with self._reading() as connection:
            return [_stored_run(cluster, row) for row in connection.execute(sql.RUNS, (cluster,))]

    def run_of_job(self, job: str) -> str | None:
        return self._shown_run(sql.RUN_OF_JOB, job)

    def run_of_flink_job(self, flink_job: str) -> str | None:
        return self._shown_run(sql.RUN_OF_FLINK_JOB, flink_job)

    def load_hour(self, cluster: str, since_ms: int) -> Iterator[Snapshot]:
        return self._stream(Snapshot, sql.SNAPSHOTS, cluster, since_ms - WINDOW_MS)

    def offsets(self) -> list[Offset]:
        with self._reading() as connection:
            return [Offset(*row) for row in connection.execute(sql.OFFSETS)]

    def failures(self, run: str, limit: int = 100) -> list[FailureEvent]:
        return self._all(FailureEvent, sql.EVENTS, FAILURE, run, limit)

    def checkpoints(self, run: str, limit: int = 100) -> list[CheckpointEvent]:
        return self._all(CheckpointEvent, sql.EVENTS, CHECKPOINT, run, limit)

    def changes(self, subject: str, limit: int = 100) -> list[ChangeEvent]:
        return self._all(ChangeEvent, sql.EVENTS, CHANGE, subject, limit)

    def logs(self, subject: str, limit: int = 100, contains: str = "") -> LogPage:
        with self._reading() as connection:
            chunks = connection.execute(sql.LOG_CHUNKS, (subject, SCAN_CHUNKS))
            found = tuple(islice(newest_first(chunks, contains), limit + 1))
            ((in_all,),) = connection.execute(sql.COUNT_LOG_CHUNKS, (subject,))
        complete = len(found) <= limit and in_all <= SCAN_CHUNKS
        return LogPage(events=found[:limit], complete=complete)

    def incidents(self, run: str, limit: int = 100) -> list[Incident]:
        return self._all(Incident, sql.INCIDENTS, run, limit)

    def hours(self, run: str, limit: int = 24 * 90) -> list[RunHour]:
        with self._reading() as connection:
            return [
                RunHour(hour_ms=hour_ms, verdict=WORST_FIRST[severity], cause=cause)
                for hour_ms, severity, cause in connection.execute(sql.HOURS, (run, limit))
            ]

    def memory(self, run: str) -> bytes | None:
        with self._reading() as connection:
            row = connection.execute(sql.MEMORY, (run,)).fetchone()
            return unpacked(row[0]) if row else None

    def job_facts(self, run: str) -> JobFacts | None:
        return next(iter(self._all(JobFacts, sql.JOB_FACTS, run)), None)

    def container_facts(self, cluster: str) -> list[ContainerFacts]:
        return self._all(ContainerFacts, sql.CONTAINER_FACTS, cluster)

    def _page(self, statement: str, *values: str) -> Page | None:
        with self._reading() as connection:
            row = connection.execute(statement, values).fetchone()
            return Page(body=unpacked(row[0]), etag=row[1], made_ms=row[2]) if row else None

    def _shown_run(self, statement: str, name: str) -> str | None:
        unknown = WORST_FIRST.index(Verdict.UNKNOWN)
        with self._reading() as connection:
            row = connection.execute(statement, (unknown, name)).fetchone()
            return row[0] if row else None

    def _all(self, kind: type[T], statement: str, *values: str | int) -> list[T]:
        return list(self._stream(kind, statement, *values))

    def _stream(self, kind: type[T], statement: str, *values: str | int) -> Iterator[T]:
        with self._reading() as connection:
            for (body,) in connection.execute(statement, values):
                yield decoded(body, kind)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A read connection of its own for as long as it is needed, from any thread."""
        try:
            connection = self._readers.pop()
        except IndexError:
            connection = open_reader(self._path)
        try:
            with explained(self._path):
                yield connection
        except BodyError as error:
            raise damaged(self._path, str(error)) from error
        finally:
            self._readers.append(connection)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with explained(self._path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BodyError as error:
                raise damaged(self._path, str(error)) from error
            finally:
                self._writer.rollback()  # of what was not committed; else without effect


def _stored_run(cluster: str, row: tuple[Any, ...]) -> StoredRun:
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
