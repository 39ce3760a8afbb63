"""Checkpoints that fail, as their possible causes weigh them."""

from drsquirrel.model.case import Case
from drsquirrel.model.event import CheckpointEvent
from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.unknown import Number, Unknown
from drsquirrel.rules.wording import plural


def failed_now(case: Case) -> tuple[CheckpointEvent, ...] | Unknown:
    """The checkpoints that failed since the last completed one, oldest first."""
    found = case.checkpoints
    if isinstance(found, Unknown):
        return found
    return found.failed[-found.failures_in_row :] if found.failures_in_row else ()


def expired(failed: tuple[CheckpointEvent, ...]) -> tuple[CheckpointEvent, ...]:
    """Those that ran out of time."""
    return tuple(e for e in failed if "expired" in e.failure.lower())


def settings_of(case: Case) -> CheckpointSettings | None:
    """The checkpoint settings in force, where they were read."""
    return None if isinstance(case.facts, Unknown) else case.facts.checkpoints


def waiting_share(case: Case) -> Number:
    """Start delay and alignment of the newest checkpoint that tells them, as a share of its parts.

    Parts are of the slowest subtask each, so they are compared with each other, not with the whole.
    """
    found = case.checkpoints
    events = () if isinstance(found, Unknown) else (*found.completed, *found.failed)
    for event in sorted(events, key=lambda e: -e.time_ms):
        waits = (event.start_delay_ms or 0) + (event.alignment_ms or 0)
        writes = (event.sync_ms or 0) + (event.async_ms or 0)
        if event.start_delay_ms is not None and waits + writes:
            return waits / (waits + writes)
    return Unknown("no checkpoint told its parts")


def longest_completed_ms(case: Case) -> int | None:
    """The longest end-to-end time of a completed checkpoint of the hour."""
    found = () if isinstance(case.checkpoints, Unknown) else case.checkpoints.completed
    return max((e.duration_ms for e in found if e.duration_ms is not None), default=None)


def what_follows(case: Case) -> str:
    """What Flink does next, from the failures it tolerates."""
    settings, failed = settings_of(case), failed_now(case)
    if settings is None or isinstance(failed, Unknown):
        return ""
    left = settings.tolerable_failures + 1 - len(failed)
    if left <= 0:
        return "Flink restarts the job, since no more failures are tolerated."
    return f"Flink restarts the job after {plural(left, 'more failure')}."
