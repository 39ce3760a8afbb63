"""Checkpoints of a run over the hour, from their events and the job's own counters."""

from collections.abc import Iterable

from drsquirrel.model.case import CheckpointsNow
from drsquirrel.model.event import CheckpointEvent
from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.snapshot import Rollup
from drsquirrel.model.state import CHECKPOINT_STATES, code_of

REFUSALS = (
    "Not all required tasks are currently running",
    "Checkpoint Coordinator is suspending",
    "CheckpointCoordinator shutdown",
    "Periodic checkpoint scheduler is shut down",
    "FailoverRegion is restarting",
    "The job has failed",
    "Task has failed",
    "Checkpoint was declined (task",
    "Checkpoint was declined because one input stream is finished",
    "Checkpoint has been subsumed",
    "a barrier from newer checkpoint was received",
)
"""Failures of which Flink itself counts none towards those it tolerates (CheckpointFailureManager):
the job restarts or ends, or a newer checkpoint took over."""
MOST_PATIENCE = 10


def checkpoints_of(rollups: Iterable[Rollup], running_since_ms: int | None) -> CheckpointsNow:
    """What the checkpoint events say. Savepoints and refusals while restarting do not count."""
    newest: dict[int, CheckpointEvent] = {}
    for event in (e for rollup in rollups for e in rollup.checkpoints):
        known = newest.setdefault(event.id, event)
        if _state(event) > _state(known):
            newest[event.id] = event
    events = [e for _, e in sorted(newest.items()) if not e.savepoint and not _is_refused(e)]
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


def _state(event: CheckpointEvent) -> int:
    return code_of(CHECKPOINT_STATES, event.status)


def _is_refused(event: CheckpointEvent) -> bool:
    return event.status == "FAILED" and any(words in event.failure for words in REFUSALS)


def ended_ms(event: CheckpointEvent) -> int:
    """When it was over: as told, else trigger time plus duration."""
    return event.ended_ms or event.time_ms + (event.duration_ms or 0)


def patience_ms(settings: CheckpointSettings) -> int:
    """Without a completed checkpoint for longer than this, they are missing (CATALOGUE.md)."""
    factor = min(settings.tolerable_failures + 2, MOST_PATIENCE)
    return max(settings.interval_ms, settings.timeout_ms) * factor
