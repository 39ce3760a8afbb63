"""First fault: who failed first and what only followed. DIAGNOSIS.md section 4."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from drsquirrel.model import metric
from drsquirrel.model.case import ContainerNow, Episode, Fault, FaultKind
from drsquirrel.model.event import ChangeEvent, FailureEvent
from drsquirrel.model.signature import in_app
from drsquirrel.model.snapshot import Rollup
from drsquirrel.model.throwable import Trace, parse
from drsquirrel.model.unknown import Truth

NEAR_MS = 60_000
"""A direct fault this long after a relayed one is still who failed first (the longer of this and
Flink's heartbeat time-out of 50 s): the JobManager hears of a death after its echoes."""
HISTORY = 16
"""Entries of Flink's exception history; with as many at once, earlier ones are lost."""

DOWN_STATES = frozenset({"FAILING", "FAILED", "RESTARTING"})

RELAYED_TYPES = frozenset(
    {
        "org.apache.flink.runtime.execution.CancelTaskException",
        "org.apache.flink.runtime.io.network.netty.exception.LocalTransportException",
        "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException",
        "org.apache.flink.runtime.io.network.partition.PartitionNotFoundException",
        "org.apache.flink.runtime.io.network.partition.ProducerFailedException",
        "org.apache.flink.runtime.io.network.partition.consumer.PartitionConnectionException",
        "org.apache.flink.runtime.jobmaster.JobMasterException",
    }
)
RELAYED_TEXTS = (
    "Heartbeat of TaskManager with id",
    "is no longer reachable",
    "The TaskExecutor is shutting down",
    "Connection unexpectedly closed by remote task manager",
    "Lost connection to task manager",
    "was lost and has been released",
    "TaskManager was shut down",
)
POLICY_TEXTS = ("Exceeded checkpoint tolerable failure threshold",)


def fault_of(event: FailureEvent, containers: Iterable[str]) -> Fault:
    """An entry unwrapped to its deepest cause and classified."""
    trace = parse(event.throwable)
    cause = trace.cause
    kind = _kind(trace)
    named = "" if kind is not FaultKind.RELAYED else _named(event, containers)
    return Fault(
        event=event,
        kind=kind,
        exception=cause.type,
        message=cause.message,
        frames=in_app(cause),
        names_container=named,
    )


def _kind(trace: Trace) -> FaultKind:
    texts = [f"{t.type}: {t.message}" for t in trace.chain]
    if any(words in text for text in texts for words in POLICY_TEXTS):
        return FaultKind.POLICY
    if trace.cause.type in RELAYED_TYPES:
        return FaultKind.RELAYED
    if any(words in text for text in texts for words in RELAYED_TEXTS):
        return FaultKind.RELAYED
    return FaultKind.DIRECT


def _named(event: FailureEvent, containers: Iterable[str]) -> str:
    """The TaskManager a message speaks of, by its id standing in the text."""
    return next((c for c in sorted(containers) if c and c in event.throwable), "")


@dataclass
class _Open:
    """An episode while its events are walked through."""

    began_ms: int
    restarted: bool
    last_ms: int
    faults: list[Fault] = field(default_factory=list)
    changes: list[ChangeEvent] = field(default_factory=list)

    def is_later_attempt(self, fault: Fault) -> bool:
        """The same subtask failed in a later attempt: a recovery lies between."""
        new = fault.event
        return new.attempt >= 0 and any(
            (old.vertex, old.subtask) == (new.vertex, new.subtask) and old.attempt < new.attempt
            for old in (f.event for f in self.faults)
        )


@dataclass(frozen=True)
class History:
    """Episodes of the hour, oldest first, and since when all tasks have run (None: they do not)."""

    episodes: tuple[Episode, ...]
    up_since_ms: int | None


def history_of(
    rollups: Mapping[int, Rollup], containers: Mapping[str, ContainerNow], since_ms: int
) -> History:
    """Group what failed and changed into episodes: from all running to all running again."""
    faults = {e.identity: fault_of(e, containers) for r in rollups.values() for e in r.failures}
    lost = {c.id: c for c in containers.values() if c.gone_ms is not None}
    walk = _Walk()
    for time_ms, _, what in sorted(_events(rollups, faults.values()), key=lambda e: e[:2]):
        walk.take(time_ms, what)
    episodes = [_finished(o, end_ms, lost, rollups) for o, end_ms in walk.closed]
    up_since_ms = walk.up_since_ms
    if walk.open is not None:
        episodes.append(_finished(walk.open, None, lost, rollups))
        up_since_ms = None
    kept = tuple(e for e in episodes if (e.ended_ms or since_ms) >= since_ms and _tells(e))
    return History(kept, up_since_ms)


def _tells(episode: Episode) -> bool:
    """A first start that went well is no incident."""
    return episode.restarted or bool(episode.faults) or episode.ended_ms is None


class _Walk:
    """Goes through the events of a run in the order of time."""

    def __init__(self) -> None:
        self.open: _Open | None = None
        self.closed: list[tuple[_Open, int]] = []
        self.up_since_ms: int | None = None

    def take(self, time_ms: int, what: Fault | ChangeEvent | bool) -> None:
        if what is True:
            self._up(time_ms)
            return
        if isinstance(what, Fault) and self.open and self.open.is_later_attempt(what):
            self.closed.append((self.open, time_ms))
            self.open = _Open(time_ms, True, time_ms)
        if self.open is None:
            if isinstance(what, ChangeEvent) and what.what == "job-state" and not self._was_up:
                return
            self.open = _Open(time_ms, self._was_up, time_ms)
        self.open.last_ms = time_ms
        if isinstance(what, Fault):
            self.open.faults.append(what)
        elif isinstance(what, ChangeEvent):
            self.open.changes.append(what)

    @property
    def _was_up(self) -> bool:
        return self.up_since_ms is not None or bool(self.closed)

    def _up(self, time_ms: int) -> None:
        if self.open is not None and time_ms > self.open.last_ms:
            self.closed.append((self.open, time_ms))
            self.open, self.up_since_ms = None, time_ms
        elif self.open is None and self.up_since_ms is None:
            self.up_since_ms = time_ms


Happening = tuple[int, int, Fault | ChangeEvent | bool]


def _events(rollups: Mapping[int, Rollup], faults: Iterable[Fault]) -> Iterable[Happening]:
    """(time, order at equal times, what): faults before readings; True: all tasks run."""
    for fault in faults:
        yield fault.event.time_ms, 0, fault
    for rollup in rollups.values():
        for change in rollup.changes:
            if change.what == "job-state" and change.subject in DOWN_STATES:
                yield change.time_ms, 1, change
        for time_ms, running, total in _task_counts(rollup):
            yield time_ms, 2, running >= total > 0


def _task_counts(rollup: Rollup) -> Iterable[tuple[int, int, int]]:
    for track in rollup.tracks:
        if track.key.vertex or track.key.container or track.key.group:
            continue
        for reading in (*track.first, *track.last):
            running = reading.values.get(metric.TASKS_RUNNING.name)
            total = reading.values.get(metric.TASKS_TOTAL.name)
            if running is not None and total is not None:
                yield reading.time_ms, running, total


def _finished(
    episode: _Open,
    ended_ms: int | None,
    lost: Mapping[str, ContainerNow],
    rollups: Mapping[int, Rollup],
) -> Episode:
    until_ms = (ended_ms or episode.last_ms) + NEAR_MS
    gone = tuple(
        c for c in lost.values() if episode.began_ms - NEAR_MS <= (c.gone_ms or 0) <= until_ms
    )
    ordered = tuple(sorted(episode.faults, key=lambda f: (f.event.time_ms, f.event.concurrent)))
    return Episode(
        began_ms=episode.began_ms,
        ended_ms=ended_ms,
        faults=ordered,
        first=first_fault(ordered),
        lost=gone,
        changes=tuple(episode.changes),
        restarted=episode.restarted,
        entries_lost=_entries_lost(rollups),
    )


def first_fault(faults: tuple[Fault, ...]) -> Fault | None:
    """The first direct entry, also after relayed ones of its peers; else the first relayed one,
    else the first policy entry (whose reason is another question's)."""
    direct = [f for f in faults if f.kind is FaultKind.DIRECT]
    if direct and direct[0].event.time_ms - faults[0].event.time_ms <= NEAR_MS:
        return direct[0]
    relayed = [f for f in faults if f.kind is FaultKind.RELAYED]
    return next(iter(relayed or faults), None)


def _entries_lost(rollups: Mapping[int, Rollup]) -> Truth:
    """Whether Flink's history or our minute was too short to hold all."""
    return any("failures" in r.overflowed for r in rollups.values())
