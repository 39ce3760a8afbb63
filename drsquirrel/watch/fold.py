"""Folds a batch of events into minute rollups, the same bytes in any order, split or repetition.

Equal knowledge gives equal bytes, and what is no knowledge (unknown names, broken messages) is
dropped and counted.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import msgspec
from msgspec.structs import replace

from drsquirrel.model.event import (
    SCHEMA,
    ChangeEvent,
    CheckpointEvent,
    Event,
    FailureEvent,
    LogEvent,
    MetricReport,
    decoder,
)
from drsquirrel.model.facts import bounded
from drsquirrel.model.signature import sign, sign_line
from drsquirrel.model.snapshot import MINUTE_MS, LogSummary, Rollup, Subject
from drsquirrel.model.throwable import cut
from drsquirrel.watch.gather import Reports, even
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.merge import Sighting, Skew, join

AT_ONCE = (MetricReport, LogEvent)
"""Told when it happens; the other events may tell of the past."""


@dataclass(frozen=True, slots=True)
class Folded:
    """The rollups of a batch by subject and minute, and what was dropped, by reason."""

    rollups: list[Rollup]
    dropped: Counter[str]


@dataclass(slots=True)
class _Part:
    """What a batch says of one minute of one subject."""

    reports: Reports = field(default_factory=Reports)
    seen: list[Sighting] = field(default_factory=list)
    failures: list[FailureEvent] = field(default_factory=list)
    checkpoints: list[CheckpointEvent] = field(default_factory=list)
    changes: list[ChangeEvent] = field(default_factory=list)
    logs: list[LogSummary] = field(default_factory=list)
    skewed: list[Skew] = field(default_factory=list)
    named: set[tuple[str, str]] = field(default_factory=set)


def fold_bytes(batch: Iterable[tuple[int, bytes]], limits: Limits = LIMITS) -> Folded:
    """Fold messages as they came over a wire, each with its time of arrival in ms."""
    dropped: Counter[str] = Counter()
    folded = fold(_decoded(batch, dropped, limits), limits)
    folded.dropped.update(dropped)
    return folded


def _decoded(
    batch: Iterable[tuple[int, bytes]], dropped: Counter[str], limits: Limits
) -> Iterator[tuple[int, Event]]:
    decode, longest = decoder.decode, limits.message_bytes
    for arrival_ms, message in batch:
        if len(message) > longest:
            dropped["too long"] += 1
            continue
        try:
            event = decode(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            dropped["malformed"] += 1
            continue
        yield arrival_ms, event


def fold(arrivals: Iterable[tuple[int, Event]], limits: Limits = LIMITS) -> Folded:
    """Fold events, each with its time of arrival in ms.

    A source time further than `limits.skew_ms` from arrival is replaced by arrival, so one event
    that is told again must keep its time of arrival, as it does in a log like Kafka's.
    """
    parts: dict[tuple[str, str, int, str, int], _Part] = {}
    dropped: Counter[str] = Counter()
    skew_ms = limits.skew_ms
    for arrival_ms, event in arrivals:
        origin, time_ms, job = event.origin, event.time_ms, event.job
        if origin.schema > SCHEMA:
            dropped["newer schema"] += 1
            continue
        late_ms = arrival_ms - time_ms
        skewed = late_ms < -skew_ms or (late_ms > skew_ms and _is_told_at_once(event))
        if skewed:
            time_ms = arrival_ms
        container, epoch, sequence = origin.container, origin.epoch, origin.sequence
        part_key = (
            origin.cluster,
            job,
            event.start_ms if job else 0,
            "" if job else container,
            time_ms // MINUTE_MS,
        )
        part = parts.get(part_key)
        if part is None:
            part = parts[part_key] = _Part()
        if skewed:
            part.skewed.append((container, epoch, abs(late_ms)))
        if not isinstance(event, MetricReport):
            _note(part, replace(event, time_ms=time_ms) if skewed else event, limits)
            continue
        part.seen.append((container, epoch, sequence, sequence))
        if event.job_name and not container:
            part.named.add((bounded(event.job_name), origin.flink_version))
        tables = even(event.tables, limits.places_per_report, dropped)
        part.reports.add(bool(job), container, epoch, (time_ms, sequence), tables)
    rollups = [_rollup(key, parts[key], dropped, limits) for key in sorted(parts)]
    return Folded(rollups, dropped)


def _is_told_at_once(event: Event) -> bool:
    """Whether a time long past is a wrong clock; it is not for what is read from a history."""
    if isinstance(event, AT_ONCE):
        return True
    return event.origin.producer == "plugin" and not isinstance(event, CheckpointEvent)


def _note(
    part: _Part, event: LogEvent | FailureEvent | CheckpointEvent | ChangeEvent, limits: Limits
) -> None:
    longest = limits.text_chars
    match event:
        case FailureEvent():
            signature = event.signature or sign(event.throwable)
            throwable = cut(event.throwable, longest)
            part.failures.append(replace(event, signature=signature, throwable=throwable))
        case CheckpointEvent():
            part.checkpoints.append(replace(event, failure=cut(event.failure, longest)))
        case ChangeEvent():
            part.changes.append(replace(event, text=cut(event.text, longest)))
        case _:
            part.logs.append(_summary(event, longest))


def _summary(event: LogEvent, longest: int) -> LogSummary:
    origin = event.origin
    told = f"{event.message}\n{event.throwable}" if event.throwable else event.message
    signed = sign(event.throwable) if event.throwable else sign_line(event.logger, event.message)
    return LogSummary(
        signature=signed,
        level=event.level,
        logger=event.logger,
        sample=cut(told, longest),
        first_ms=event.time_ms,
        last_ms=event.time_ms,
        lines=((origin.container, origin.epoch, origin.sequence, event.count),),
    )


def _rollup(
    key: tuple[str, str, int, str, int], part: _Part, dropped: Counter[str], limits: Limits
) -> Rollup:
    cluster, job, start_ms, container, minute = key
    return join(
        Subject(cluster=cluster, job=job, start_ms=start_ms, container=container),
        minute,
        tracks=part.reports.tracks(dropped),
        seen=part.seen,
        failures=part.failures,
        checkpoints=part.checkpoints,
        changes=part.changes,
        logs=part.logs,
        skewed=part.skewed,
        named=part.named,
        overflowed=set(),
        limits=limits,
    )
