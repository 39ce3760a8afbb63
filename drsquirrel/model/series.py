"""Series: what checks read, one value per minute and entity, measured by `diagnose` from rollups.

A minute without a trustworthy value is None, never 0.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name ends in its unit, `per` says what its entities are."""

    name: str
    per: str
    """run, vertex, subtask or container."""
    help: str

    def __str__(self) -> str:
        return self.name


ALL_RUNNING = Series("all_running", "run", "1 where all tasks ran all minute, else 0.")
JOB_FAILED = Series("job_failed", "run", "1 where the job's state was FAILED.")
RESTARTS = Series("restarts", "run", "Recoveries of the run that began in the minute.")
CHECKPOINTS_COMPLETED = Series("checkpoints_completed", "run", "Completed in the minute.")
CHECKPOINTS_FAILED = Series(
    "checkpoints_failed",
    "run",
    "Failed in the minute, without savepoints and refusals while restarting.",
)
CHECKPOINT_FAILURES_IN_ROW = Series(
    "checkpoint_failures_in_row", "run", "Failed since the last completed one, as of the minute."
)
CHECKPOINT_DURATION_MS = Series(
    "checkpoint_duration_ms", "run", "Longest end-to-end time of a checkpoint completed."
)
CHECKPOINT_TIMEOUT_MS = Series("checkpoint_timeout_ms", "run", "The time-out in force.")
CHECKPOINT_AGE_MS = Series(
    "checkpoint_age_ms", "run", "Time since the last completed one, or since the run was up."
)
CHECKPOINT_PATIENCE_MS = Series(
    "checkpoint_patience_ms",
    "run",
    "max(interval, time-out) × (tolerable failures + 2, at most 10): older than this is missing.",
)
BACKPRESSURED_SHARE = Series(
    "backpressured_share", "vertex", "Share of the minute its worst subtask was backpressured."
)
BOTTLENECK = Series(
    "bottleneck", "vertex", "1 where this vertex limited the run (DIAGNOSIS.md section 3)."
)
BUSY_SHARE = Series("busy_share", "vertex", "Share of the minute its busiest subtask was busy.")
RECORD_SKEW = Series(
    "record_skew",
    "vertex",
    "Most records of a subtask over the mean, above what max parallelism alone gives.",
)
HOT_SATURATED = Series(
    "hot_saturated", "vertex", "1 where the subtask with most records was saturated."
)
RECORDS_PER_S = Series("records_per_s", "vertex", "Records a second, in (a source: out).")
LAG_RECORDS = Series("lag_records", "vertex", "Records a source is behind what it reads.")
LAG_MS = Series("lag_ms", "vertex", "Event time a source is behind when it emits.")
LAG_RISING = Series("lag_rising", "vertex", "1 where the lag rose in the minute.")
GC_SHARE = Series("gc_share", "container", "Share of the minute in collections stopping the world.")
GC_OLD_SHARE = Series(
    "gc_old_share", "container", "Share of the minute in old-generation or full collections."
)
HEAP_FLOOR_SHARE = Series(
    "heap_floor_share", "container", "Lowest heap after a collection over its maximum (estimate)."
)

SERIES: tuple[Series, ...] = tuple(v for v in list(globals().values()) if isinstance(v, Series))
BY_NAME: dict[str, Series] = {s.name: s for s in SERIES}
