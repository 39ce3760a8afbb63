"""Minutes of the hour in which the job did not run with all its tasks."""

from dataclasses import dataclass

from drsquirrel.model.series import ALL_RUNNING, JOB_FAILED
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import BASIC, Check, Finding, Hour, threshold
from drsquirrel.rules.wording import count, last_seen


@dataclass(frozen=True)
class JobNotRunning(Check):
    """The job was down in the last hour, or some of its tasks did not run.

    What it checks: the minutes of the last hour in which not every task ran, and whether the job
    ended in the state FAILED.
    Why it is bad: while a task is down the whole job stands still, and records pile up in front of
    the sources.
    How to fix: look at what failed first, not at the newest exception: the causes on this page name
    it. Tasks that wait to be scheduled need free slots.
    When to ignore it: one or two minutes around a deploy or a rescale that you did yourself.
    """

    title = "All tasks of the job run", "The job did not run all the time"
    topic = "Whether all tasks of the job run"
    section = BASIC
    needs = (ALL_RUNNING,)
    also = (JOB_FAILED,)
    finds_events = True
    assess_by = "Watch the job for some minutes: its state comes from Flink's REST API."

    warn_minutes: float = threshold(1, unit="min", help="Minutes with a task down: warn from here.")
    fail_minutes: float = threshold(5, unit="min", help="Minutes with a task down: fail above.")

    def check(self, hour: Hour) -> Finding:
        running = hour.of(ALL_RUNNING)[""]
        down = tuple(None if r is None else 1 - r for r in running)
        minutes = sum(d for d in down if d)
        failed = any(hour.of(JOB_FAILED).get("", ()))
        if failed or minutes > self.fail_minutes:
            outcome = Outcome.FAIL
        else:
            outcome = Outcome.WARN if minutes >= self.warn_minutes else Outcome.PASS
        seen = hour.observed(ALL_RUNNING)
        says = f"Not all tasks ran in {count(minutes)} of {seen} observed minutes"
        if minutes:
            newest = max(i for i, d in enumerate(down) if d)
            says += f", the newest {last_seen(newest)}"
        return Finding(
            outcome,
            value=minutes,
            shown="FAILED" if failed else f"{count(minutes)} min",
            threshold=f"warns from {count(self.warn_minutes)} min, fails above "
            f"{count(self.fail_minutes)} min or in the state FAILED",
            says=f"The job FAILED. {says}." if failed else f"{says}.",
            minutes=down,
            warn_at=1,
            over=minutes / self.fail_minutes + (10 if failed else 0),
        )
