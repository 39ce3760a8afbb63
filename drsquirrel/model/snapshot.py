"""What is known of a minute, and of a window of arrival: values that merge idempotently.

Every value here forms a semilattice: merging is associative, commutative and idempotent, so any
order, split or duplication of the same events gives the same bytes. No sums, means or deltas.
They hold no cycles, and the many small ones spare the garbage collector (gc=False).
"""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from drsquirrel.model.event import ChangeEvent, CheckpointEvent, FailureEvent, Level

SCHEMA = 1
MINUTE_MS = 60_000
WINDOW_MS = 300_000


class Subject(Struct, frozen=True, kw_only=True, order=True):
    """What a rollup is about: a run (job and start_ms) or a container."""

    cluster: str
    job: str = ""
    start_ms: int = 0
    container: str = ""

    @property
    def is_run(self) -> bool:
        return self.job != ""


class TrackKey(Struct, frozen=True, order=True, array_like=True, gc=False):
    """One scope as one producer process reported it, within one execution attempt."""

    container: str
    epoch: str
    vertex: str = ""
    subtask: int = -1
    operator: str = ""
    group: str = ""
    attempt: int = -1


class Reading(Struct, frozen=True, order=True, array_like=True, gc=False):
    """Values (our names and units) that were read at one time by one report."""

    time_ms: int
    sequence: int
    values: Mapping[str, int]


class Track(Struct, frozen=True, array_like=True, gc=False):
    """First and last of every metric of one scope in one minute; low and high of the gauges.

    Each metric stands in exactly one reading of `first` and one of `last`; readings are sorted.
    """

    key: TrackKey
    first: tuple[Reading, ...]
    last: tuple[Reading, ...]
    low: Mapping[str, int]
    high: Mapping[str, int]


class Seen(Struct, frozen=True, order=True, array_like=True, gc=False):
    """The sequence numbers [first, last] of one producer process, without a hole."""

    container: str
    epoch: str
    first: int
    last: int


class LogSummary(Struct, frozen=True, kw_only=True):
    """What a minute knows of one signature of log lines, told apart by level and logger.

    `lines` are the (container, epoch, sequence, count) seen, bounded: one entry may stand for
    `count` equal lines. `more`: there were more entries than are kept.
    """

    signature: str
    level: Level
    logger: str
    sample: str
    first_ms: int
    last_ms: int
    lines: tuple[tuple[str, str, int, int], ...]
    more: bool = False

    @property
    def count(self) -> int:
        """How many lines there were, at least."""
        return sum(count for _, _, _, count in self.lines)


class Rollup(Struct, frozen=True, kw_only=True):
    """What is known of one minute (by source time) of one run or one container.

    The sets are bounded, keeping the smallest by (time, identity) or by key (logs: the severest
    first); `overflowed` names the fields that had more. `seen` counts metric reports only.
    `skewed` holds, per (container, epoch), the largest distance in ms between a source clock and
    arrival that made us replace a source time. `named` holds the (name of the job, version of
    Flink) that its JobManager tells.
    """

    subject: Subject
    minute: int
    """Minutes since the epoch."""
    tracks: tuple[Track, ...] = ()
    seen: tuple[Seen, ...] = ()
    failures: tuple[FailureEvent, ...] = ()
    checkpoints: tuple[CheckpointEvent, ...] = ()
    changes: tuple[ChangeEvent, ...] = ()
    logs: tuple[LogSummary, ...] = ()
    overflowed: tuple[str, ...] = ()
    skewed: tuple[tuple[str, str, int], ...] = ()
    named: tuple[tuple[str, str], ...] = ()


class Snapshot(Struct, frozen=True, kw_only=True):
    """What became known of one subject in one window of arrival [window_ms, + WINDOW_MS)."""

    subject: Subject
    window_ms: int
    rollups: tuple[Rollup, ...]
    reports_seen: int
    """Reports that arrived in the window, by the sequence ranges of the rollups."""
    reports_expected: int | None
    """Reports that should have arrived, from who was last seen and how often it reports."""
    schema: int = SCHEMA


encoder = msgspec.json.Encoder(order="deterministic")
decoder = msgspec.json.Decoder(Snapshot)
