"""States of jobs, tasks and checkpoints as Flink names them, with the integer codes of rollups."""

JOB_STATES: tuple[str, ...] = (
    "INITIALIZING",
    "CREATED",
    "RUNNING",
    "FAILING",
    "FAILED",
    "CANCELLING",
    "CANCELED",
    "FINISHED",
    "RESTARTING",
    "SUSPENDED",
    "RECONCILING",
)
TASK_STATES: tuple[str, ...] = (
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "INITIALIZING",
    "RUNNING",
    "FINISHED",
    "CANCELING",
    "CANCELED",
    "FAILED",
    "RECONCILING",
)
CHECKPOINT_STATES: tuple[str, ...] = ("IN_PROGRESS", "FAILED", "COMPLETED")
"""In the order in which a later report replaces an earlier one."""

ENDED_STATES: frozenset[str] = frozenset({"FAILED", "CANCELED", "FINISHED"})
LOST = "LOST"
"""Our own state of a run that the JobManager no longer lists, though it had not ended."""
UNKNOWN = "UNKNOWN"
"""The state of a run of which it was not told."""
UNKNOWN_CODE = -1


def code_of(states: tuple[str, ...], name: str) -> int:
    """The code of a state; UNKNOWN_CODE for a name a later Flink may bring."""
    return states.index(name) if name in states else UNKNOWN_CODE


def name_of(states: tuple[str, ...], code: int) -> str:
    """The state behind a code; "UNKNOWN" outside the list."""
    return states[code] if 0 <= code < len(states) else UNKNOWN
