"""What every store can do, whatever database is behind it; tests/store/test_contract.py holds it.

One thread writes, any thread reads; where several processes share a database, each writes about
other runs. Every write keeps the later of two states and the union of
two sets of events, so a batch that is written again, even after later ones, changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, LogEvent
from drsquirrel.model.facts import ContainerFacts, JobFacts, RunSeen
from drsquirrel.model.report import Incident, Report
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.model.verdict import Verdict

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedReport:
    """A report and the bytes in which it is served."""

    report: Report
    body: bytes

    @property
    def first_cause(self) -> str:
        """The code of the cause that is named first; "" if none is."""
        return self.report.causes[0].code if self.report.causes else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What the judge remembers of a run between two looks: bytes only it understands."""

    run: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Offset:
    """The next message to be read of one partition of a topic in Kafka."""

    topic: str
    partition: int
    next: int


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write about one part of the clusters, until somebody else claims that part."""

    part: int
    term: int
    """Higher with each claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Everything of one tick; stored as a whole or not at all.

    `runs` are all runs the JobManagers list at this tick: by it we know which are still there.
    Every event of a run must name its start_ms. Batches have distinct `time_ms`.
    """

    time_ms: int
    runs: tuple[RunSeen, ...] = ()
    job_facts: tuple[JobFacts, ...] = ()
    containers: tuple[ContainerFacts, ...] = ()
    snapshots: tuple[Snapshot, ...] = ()
    failures: tuple[FailureEvent, ...] = ()
    checkpoints: tuple[CheckpointEvent, ...] = ()
    changes: tuple[ChangeEvent, ...] = ()
    logs: tuple[LogEvent, ...] = ()
    reports: tuple[RenderedReport, ...] = ()
    memories: tuple[Memory, ...] = ()
    job_list: bytes | None = None
    """Of the part that is claimed."""
    offsets: tuple[Offset, ...] = ()
    """Up to which all that Kafka brought is in this batch and those before."""
    claim: Claim | None = None
    """Without one nobody is asked, and the job list is that of part 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept, by the time it is about, and how large the database may grow.

    PostgreSQL deletes snapshots and logs by whole days, logs by the day on which they came.
    """

    snapshots_ms: int = DAY_MS
    logs_ms: int = 3 * DAY_MS
    events_ms: int = 14 * DAY_MS
    """Failures, checkpoints, changes."""
    history_ms: int = 90 * DAY_MS
    """Jobs, runs, facts, reports, incidents, the hours of each run."""
    max_bytes: int = 2 * 1024**3
    """Above it snapshots go first, then logs, events, facts of containers and whole runs: the
    oldest, never what is of the last hour. In PostgreSQL only whole days of snapshots and logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Bytes to be served as they are."""

    body: bytes
    etag: str
    made_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """What is known of one run: the last state seen, and when it was seen."""

    id: str
    job_id: str
    seen: RunSeen
    flink_version: str
    first_seen_ms: int
    last_seen_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHour:
    """The worst verdict of one run in one hour, and its first cause ("" if none was named)."""

    hour_ms: int
    verdict: Verdict
    cause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Log events, newest first; `complete` is false when there may be older ones that match."""

    events: tuple[LogEvent, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Condition:
    """How a database is."""

    version: int
    """Of its tables; 0 where there are none yet."""
    needed: int
    """The version that this release needs."""
    wrong: tuple[str, ...] = ()
    """What else is wrong: one sentence each, with what to do."""


class Database(Protocol):
    """Where a store is kept. Every method raises StoreError."""

    @property
    def place(self) -> str:
        """Where it is, for whoever is told of it: no secret."""
        ...

    def open(self, retention: Retention) -> "Store":
        """The store on it; the tables are made if there are none."""
        ...

    def check(self) -> Condition:
        """Look whether it can be used, and change nothing."""
        ...

    def upgrade(self) -> None:
        """Make its tables what this release needs."""
        ...


class Store(Protocol):
    """Runs and subjects are named by the ids of model.identity. Every method raises StoreError."""

    def write(self, batch: Batch) -> None:
        """Store the batch; when this returns it survives a crash and a power failure. Raises
        FencedError where its claim is no longer the newest, and stores nothing."""
        ...

    def claim(self, part: int, parts: int) -> Claim:
        """Claim one of so many parts; from then on no older claim can write, and what was listed
        of parts that are no more is gone."""
        ...

    def job_lists(self) -> list[Page]:
        """The latest list of jobs of each part."""
        ...

    def report(self, run: str) -> Page | None:
        """The latest report of a run."""
        ...

    def runs(self, cluster: str) -> list[StoredRun]:
        """All runs of a cluster, the latest seen first."""
        ...

    def starts(self, cluster: str, flink_job: str) -> list[int]:
        """When the runs of Flink's JobID in a cluster began, in ms."""
        ...

    def run_of_job(self, job: str) -> str | None:
        """The run to show for a job: one that is still there, the worst of them, the latest."""
        ...

    def run_of_flink_job(self, flink_job: str) -> str | None:
        """The run to show for Flink's JobID, chosen in the same way."""
        ...

    def load_hour(self, cluster: str, since_ms: int) -> Iterator[Snapshot]:
        """Snapshots of all windows that end after since_ms, oldest first."""
        ...

    def offsets(self) -> list[Offset]:
        """Where to go on reading in Kafka."""
        ...

    def failures(self, run: str, limit: int = 100) -> list[FailureEvent]:
        """Failures of a run, newest first."""
        ...

    def checkpoints(self, run: str, limit: int = 100) -> list[CheckpointEvent]:
        """Checkpoints of a run, newest first."""
        ...

    def changes(self, subject: str, limit: int = 100) -> list[ChangeEvent]:
        """Changes of a run or container, newest first."""
        ...

    def logs(self, subject: str, limit: int = 100, contains: str = "") -> LogPage:
        """Log events of a run or container with `contains` in message, throwable or logger."""
        ...

    def incidents(self, run: str, limit: int = 100) -> list[Incident]:
        """Incidents of a run, newest first."""
        ...

    def hours(self, run: str, limit: int = 24 * 90) -> list[RunHour]:
        """The hours of a run in which it was judged, newest first."""
        ...

    def memory(self, run: str) -> bytes | None:
        """What the judge last remembered of a run."""
        ...

    def job_facts(self, run: str) -> JobFacts | None:
        """The latest facts of a run."""
        ...

    def container_facts(self, cluster: str) -> list[ContainerFacts]:
        """The latest facts of each container of a cluster."""
        ...

    def expire(self, now_ms: int) -> bool:
        """Delete a small step of what is too old or too much; true if another step is due."""
        ...

    def close(self) -> None:
        """End all work; the store cannot be used any more."""
        ...
