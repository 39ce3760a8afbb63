"""Restarts that follow each other without a completed checkpoint between them."""

from dataclasses import dataclass

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import CHECKPOINTS_COMPLETED, RESTARTS
from drsquirrel.rules.check import (
    BASIC,
    Check,
    Finding,
    Hour,
    graded,
    threshold,
    without_checkpoints,
)
from drsquirrel.rules.wording import count, plural


@dataclass(frozen=True)
class RestartLoop(Check):
    """The job restarts again and again and gets nowhere.

    What it checks: the longest row of restarts in the last hour with no completed checkpoint
    between them. A minute with both a restart and a completed checkpoint ends the row.
    Why it is bad: every restart begins at the same checkpoint, so the job processes the same
    records each time and makes no progress.
    How to fix: what fails does so soon after the restore. If it is always the same task with the
    same exception, a single record may be the reason: the causes on this page say which.
    When to ignore it: never; such a job does no work.
    """

    title = "The job makes progress between restarts", "The job is in a restart loop"
    topic = "Progress between restarts"
    section = BASIC
    needs = (RESTARTS, CHECKPOINTS_COMPLETED)
    finds_events = True
    assess_by = "Watch the job for some minutes, with checkpoints on."

    fail_restarts: float = threshold(
        3, unit="restarts", help="In a row without a completed checkpoint: fail from here."
    )

    def check(self, hour: Hour) -> Finding:
        completed = hour.of(CHECKPOINTS_COMPLETED)[""]
        in_row: list[float | None] = []
        row = 0.0
        for restarts, done in zip(hour.of(RESTARTS)[""], completed, strict=True):
            if done or done is None:
                row = min(restarts or 0.0, 1.0) if done else 0.0
            else:
                row += restarts or 0.0
            in_row.append(None if restarts is None else row)
        longest = max(n for n in in_row if n is not None)
        return Finding(
            graded(longest, warn=None, fail=self.fail_restarts),
            value=longest,
            shown=f"{count(longest)} in a row",
            threshold=f"fails from {count(self.fail_restarts)} in a row",
            says=f"Longest row without a completed checkpoint: {plural(longest, 'restart')}.",
            evidence=(
                EvidenceRow(name="restarts", value=count(hour.total(RESTARTS))),
                EvidenceRow(
                    name="completed checkpoints", value=count(hour.total(CHECKPOINTS_COMPLETED))
                ),
            ),
            minutes=tuple(in_row),
            fail_at=self.fail_restarts,
            over=longest / self.fail_restarts,
        )

    def not_applicable(self, facts: JobFacts) -> str:
        return without_checkpoints(facts)
