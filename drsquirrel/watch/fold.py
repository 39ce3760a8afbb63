"""Folds a batch of events into minute rollups, the same bytes in any order, split or repetition.

What is costly is done once per scope and minute: the rows of a scope are kept as they came, and
read as our metrics when the batch is done.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import starmap
from math import hypot
from typing import Any

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
from drsquirrel.model.metric import COLLECTOR_TOTAL, Scope
from drsquirrel.model.signature import sign, sign_line
from drsquirrel.model.snapshot import (
    MINUTE_MS,
    LogSummary,
    Reading,
    Rollup,
    Subject,
    Track,
    TrackKey,
)
from drsquirrel.watch.columns import LEAD, Row, plan_of
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.merge import Sighting, join

KEY_LENGTH = 7
"""Fields of a TrackKey."""
VALUE_LIMIT = 2**63
"""Flink counts in 64 bits: what is larger is no value of Flink's."""
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

    rows: dict[tuple[Any, ...], list[Row]] = field(default_factory=dict)
    """By the fields of the TrackKey and then the names of the values."""
    seen: list[Sighting] = field(default_factory=list)
    failures: list[FailureEvent] = field(default_factory=list)
    checkpoints: list[CheckpointEvent] = field(default_factory=list)
    changes: list[ChangeEvent] = field(default_factory=list)
    logs: list[LogSummary] = field(default_factory=list)
    skewed: list[tuple[str, str, int]] = field(default_factory=list)


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
    skew_ms, most_scopes = limits.skew_ms, limits.scopes_per_report
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
        rows = part.rows
        scopes = event.scopes
        if len(scopes) > most_scopes:
            dropped["too many scopes"] += len(scopes) - most_scopes
            scopes = scopes[:most_scopes]
        for scope in scopes:
            values = scope.values
            key = (
                container,
                epoch,
                scope.vertex,
                scope.subtask,
                scope.operator,
                scope.group,
                scope.attempt,
                *values,
            )
            row = (time_ms, sequence, *values.values())
            if key in rows:
                rows[key].append(row)
            else:
                rows[key] = [row]
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
        case LogEvent():
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


def cut(text: str, longest: int) -> str:
    """The text in at most `longest` characters: head and tail, where the deepest cause stands."""
    if len(text) <= longest:
        return text
    gap = "\n\t... cut ...\n"
    tail = longest // 3
    return f"{text[: longest - tail - len(gap)]}{gap}{text[-tail:]}"


def _rollup(
    key: tuple[str, str, int, str, int], part: _Part, dropped: Counter[str], limits: Limits
) -> Rollup:
    cluster, job, start_ms, container, minute = key
    return join(
        Subject(cluster=cluster, job=job, start_ms=start_ms, container=container),
        minute,
        tracks=_tracks(part.rows, bool(job), dropped),
        seen=part.seen,
        failures=part.failures,
        checkpoints=part.checkpoints,
        changes=part.changes,
        logs=part.logs,
        skewed=part.skewed,
        overflowed=set(),
        limits=limits,
    )


def _tracks(
    rows: dict[tuple[Any, ...], list[Row]], of_job: bool, dropped: Counter[str]
) -> Iterator[Track]:
    for key, scope_rows in rows.items():
        track_key = TrackKey(*key[:KEY_LENGTH])
        if track_key.group == COLLECTOR_TOTAL:
            continue
        scope, names = _scope(track_key, of_job), key[KEY_LENGTH:]
        try:
            clean = sum(starmap(hypot, scope_rows)) < VALUE_LIMIT
        except (TypeError, OverflowError):
            clean = False
        if clean:
            yield from _clean_tracks(track_key, scope, names, scope_rows, dropped)
            continue
        for row in scope_rows:
            usable = {
                name: value
                for name, value in zip(names, row[LEAD:], strict=True)
                if isinstance(value, int | float) and -VALUE_LIMIT < value < VALUE_LIMIT
            }
            dropped["no usable number"] += len(names) - len(usable)
            cleaned = (*row[:LEAD], *usable.values())
            yield from _clean_tracks(track_key, scope, tuple(usable), [cleaned], dropped)


def _scope(key: TrackKey, of_job: bool) -> Scope:
    if key.operator:
        return Scope.OPERATOR
    if key.group:
        return Scope.COLLECTOR
    if key.vertex:
        return Scope.SUBTASK
    return Scope.JOB if of_job else Scope.CONTAINER


def _clean_tracks(
    key: TrackKey, scope: Scope, names: tuple[str, ...], rows: list[Row], dropped: Counter[str]
) -> Iterator[Track]:
    """The rows as one track, or as one per row where two claim the same place in time."""
    plan = plan_of(scope, names)
    if plan.unknown:
        dropped["unknown metric"] += plan.unknown * len(rows)
    if not plan.all.names:
        return
    rows.sort()
    groups = [rows]
    if len(rows) > 1 and (rows[0][:LEAD] == rows[1][:LEAD] or rows[-2][:LEAD] == rows[-1][:LEAD]):
        groups = [[row] for row in rows]
    for group in groups:
        first, last = group[0], group[-1]
        low, high = plan.gauges.low_and_high(group)
        yield Track(
            key=key,
            first=(Reading(first[0], first[1], plan.all.read(first)),),
            last=(Reading(last[0], last[1], plan.all.read(last)),),
            low=low,
            high=high,
        )
