"""Checkpoints of a run over the hour, from their events and the job's own counters."""

from collections.abc import Iterable

from drsquirrel.model.case import CheckpointsNow
from drsquirrel.model.event import CheckpointEvent
from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.snapshot import Rollup

REFUSED = "Not all required tasks are currently running"
"""Flink refuses checkpoints while a job restarts: benign."""
MOST_PATIENCE = 10


def checkpoints_of(rollups: Iterable[Rollup], running_since_ms: int | None) -> CheckpointsNow:
    """What the checkpoint events say. Savepoints and refusals while restarting do not count."""
    newest: dict[int, CheckpointEvent] = {}
    for rollup in rollups:
        for event in rollup.checkpoints:
            newest[event.id] = event
    events = [e for _, e in sorted(newest.items()) if not e.savepoint and REFUSED not in e.failure]
    completed = tuple(e for e in events if e.status == "COMPLETED")
    failed = tuple(e for e in events if e.status == "FAILED")
    last_good = completed[-1].id if completed else -1
    open_ones = [e for e in events if e.status == "IN_PROGRESS" and e.id > last_good]
    return CheckpointsNow(
        completed=completed,
        failed=failed,
        in_progress=open_ones[-1] if open_ones else None,
        failures_in_row=sum(e.id > last_good for e in failed),
        last_completed_ms=ended_ms(completed[-1]) if completed else None,
        running_since_ms=running_since_ms,
    )


def ended_ms(event: CheckpointEvent) -> int:
    """When it was over: as told, else trigger time plus duration."""
    return event.ended_ms or event.time_ms + (event.duration_ms or 0)


def patience_ms(settings: CheckpointSettings) -> int:
    """Without a completed checkpoint for longer than this, they are missing (CATALOGUE.md)."""
    factor = min(settings.tolerable_failures + 2, MOST_PATIENCE)
    return max(settings.interval_ms, settings.timeout_ms) * factor
