"""Turns /jobs/:id/checkpoints and its details into checkpoint events; pure."""

from collections.abc import Sequence

from drsquirrel.collect.flink_rest.answer import (
    Checkpoint,
    CheckpointDetails,
    CheckpointSubtasks,
    CheckpointTask,
    whole,
)
from drsquirrel.model.event import CheckpointEvent, Origin
from drsquirrel.model.throwable import cut

FAILURE_CHARS = 2_000


def is_open(checkpoint: Checkpoint) -> bool:
    return checkpoint.status == "IN_PROGRESS"


def age_ms(checkpoint: Checkpoint, now_ms: int) -> int:
    """How long it took, or has taken so far."""
    if is_open(checkpoint):
        return now_ms - checkpoint.trigger_timestamp
    return whole(checkpoint.end_to_end_duration) or 0


def slowest(details: CheckpointDetails, upstream_first: Sequence[str]) -> str:
    """The vertex to look at: of those with missing subtasks the first in the way of the barriers,
    else the one that took longest."""
    tasks = details.tasks
    ordered = [v for v in upstream_first if v in tasks]
    missing = [v for v in ordered if _missing(tasks[v])]
    if missing:
        return missing[0]
    return max(ordered, key=lambda v: whole(tasks[v].end_to_end_duration) or 0, default="")


def checkpoint_event(
    checkpoint: Checkpoint,
    *,
    origin: Origin,
    job: str,
    start_ms: int,
    details: CheckpointDetails | None,
    slowest_vertex: str,
    subtasks: CheckpointSubtasks | None,
) -> CheckpointEvent:
    """What is known of it; `subtasks` are those of its slowest vertex."""
    summary = subtasks.summary if subtasks is not None else None
    tasks = details.tasks if details is not None else {}
    return CheckpointEvent(
        origin=origin,
        time_ms=checkpoint.trigger_timestamp,
        job=job,
        start_ms=start_ms,
        id=checkpoint.id,
        status=checkpoint.status,
        ended_ms=_ended_ms(checkpoint),
        duration_ms=None if is_open(checkpoint) else whole(checkpoint.end_to_end_duration),
        savepoint=checkpoint.is_savepoint,
        state_bytes=whole(checkpoint.checkpointed_size),
        full_bytes=whole(checkpoint.state_size),
        start_delay_ms=whole(summary.start_delay.max) if summary else None,
        alignment_ms=whole(summary.alignment.duration.max) if summary else None,
        sync_ms=whole(summary.checkpoint_duration.sync.max) if summary else None,
        async_ms=whole(summary.checkpoint_duration.asynchronous.max) if summary else None,
        slowest_vertex=slowest_vertex,
        unacknowledged=tuple(sorted((v, n) for v, t in tasks.items() if (n := _missing(t)))),
        failure=cut(checkpoint.failure_message or "", FAILURE_CHARS),
    )


def _missing(task: CheckpointTask) -> int:
    return task.num_subtasks - task.num_acknowledged_subtasks


def _ended_ms(checkpoint: Checkpoint) -> int | None:
    if is_open(checkpoint):
        return None
    if checkpoint.failure_timestamp is not None:
        return checkpoint.failure_timestamp
    return checkpoint.latest_ack_timestamp
