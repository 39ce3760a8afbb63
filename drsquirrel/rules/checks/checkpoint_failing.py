"""Checkpoints that fail one after the other."""

from dataclasses import dataclass

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import (
    CHECKPOINT_FAILURES_IN_ROW,
    CHECKPOINTS_COMPLETED,
    CHECKPOINTS_FAILED,
)
from drsquirrel.rules.check import (
    BASIC,
    Check,
    Finding,
    Hour,
    graded,
    threshold,
    without_checkpoints,
)
from drsquirrel.rules.wording import count, last_seen


@dataclass(frozen=True)
class CheckpointFailing(Check):
    """Checkpoints failed in a row in the last hour.

    What it checks: the most checkpoints that failed one after the other. Savepoints, and
    checkpoints that Flink refuses while the job restarts, do not count.
    Why it is bad: after a failure the job begins again at the last completed checkpoint; the older
    that is, the more is processed again. With its tolerance used up, Flink restarts the job.
    How to fix: see how they fail. Those that expire wait for barriers behind backpressure, or write
    too slowly. Those that are declined name a task and an exception.
    When to ignore it: a single failure next to a restart.
    """

    title = "Checkpoints complete", "Checkpoints fail"
    topic = "Failures of checkpoints"
    section = BASIC
    needs = (CHECKPOINT_FAILURES_IN_ROW,)
    also = (CHECKPOINTS_COMPLETED, CHECKPOINTS_FAILED)
    finds_events = True
    assess_by = "Watch the job for some minutes: Flink's REST API tells about its checkpoints."

    warn_failures: float = threshold(1, unit="failures in a row", help="Warn from here.")
    fail_failures: float = threshold(3, unit="failures in a row", help="Fail from here.")

    def check(self, hour: Hour) -> Finding:
        minutes = hour.of(CHECKPOINT_FAILURES_IN_ROW)[""]
        most, newest = max((n, i) for i, n in enumerate(minutes) if n is not None)
        now = hour.latest(CHECKPOINT_FAILURES_IN_ROW) or 0
        says = f"{count(most)} failed in a row"
        if most:
            says += ", and none completed since" if now == most else f", {last_seen(newest)}"
        return Finding(
            graded(most, warn=self.warn_failures, fail=self.fail_failures),
            value=most,
            shown=f"{count(most)} in a row",
            threshold=f"warns from {count(self.warn_failures)} in a row, fails from "
            f"{count(self.fail_failures)}",
            says=f"{says}." if most else "None failed.",
            evidence=(
                EvidenceRow(name="failed in the hour", value=count(hour.total(CHECKPOINTS_FAILED))),
                EvidenceRow(name="completed", value=count(hour.total(CHECKPOINTS_COMPLETED))),
                EvidenceRow(name="in a row now", value=count(now)),
            ),
            minutes=minutes,
            warn_at=self.warn_failures,
            fail_at=self.fail_failures,
            over=most / self.fail_failures,
        )

    def not_applicable(self, facts: JobFacts) -> str:
        return without_checkpoints(facts)
