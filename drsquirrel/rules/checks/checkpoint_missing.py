"""No checkpoint has completed for longer than the settings of the job allow for."""

from dataclasses import dataclass

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import CHECKPOINT_AGE_MS, CHECKPOINT_PATIENCE_MS
from drsquirrel.rules.check import (
    BASIC,
    Check,
    Finding,
    Hour,
    graded,
    threshold,
    without_checkpoints,
)
from drsquirrel.rules.wording import duration, last_seen


@dataclass(frozen=True)
class CheckpointMissing(Check):
    """For too long no checkpoint completed.

    What it checks: the time since the last completed checkpoint (or since the job was up), against
    the longer of interval and time-out, times the tolerated failures plus two, at most ten.
    Why it is bad: whatever fails next takes the job back to that old checkpoint, and a sink that
    commits with checkpoints shows nothing new.
    How to fix: see whether checkpoints fail, expire or are not even triggered. Backpressure and a
    task that does not run are the usual reasons.
    When to ignore it: never while checkpoints are on.
    """

    title = "Checkpoints complete in time", "No checkpoint completes"
    topic = "Age of the last checkpoint"
    section = BASIC
    needs = (CHECKPOINT_AGE_MS, CHECKPOINT_PATIENCE_MS)
    finds_events = True
    assess_by = "Watch the job for some minutes: Flink's REST API tells about its checkpoints."

    fail_share: float = threshold(
        1.0, unit="of the allowed age", help="Age of the last checkpoint: fail from here."
    )

    def check(self, hour: Hour) -> Finding:
        oldest = hour.highest(CHECKPOINT_AGE_MS)
        allowed_ms = hour.latest(CHECKPOINT_PATIENCE_MS)
        assert oldest is not None and allowed_ms, "needs have samples"
        limit_ms = self.fail_share * allowed_ms
        now_ms = hour.latest(CHECKPOINT_AGE_MS) or 0.0
        return Finding(
            graded(oldest.value, warn=None, fail=limit_ms),
            value=oldest.value,
            shown=duration(oldest.value),
            threshold=f"fails from {duration(limit_ms)}",
            says=f"The longest time without a completed checkpoint was {duration(oldest.value)}, "
            f"{last_seen(oldest.minute)}; now it is {duration(now_ms)}.",
            evidence=(
                EvidenceRow(name="since the last completed", value=duration(now_ms)),
                EvidenceRow(name="allowed by the job's settings", value=duration(allowed_ms)),
            ),
            minutes=hour.of(CHECKPOINT_AGE_MS)[""],
            fail_at=limit_ms,
            over=oldest.value / limit_ms,
        )

    def not_applicable(self, facts: JobFacts) -> str:
        return without_checkpoints(facts)
