"""A vertex that limits the whole job."""

from dataclasses import dataclass

from drsquirrel.model.report import EvidenceRow, quoted
from drsquirrel.model.series import BOTTLENECK, BUSY_SHARE
from drsquirrel.rules.check import BACKPRESSURE, Check, Finding, Hour, graded, threshold
from drsquirrel.rules.wording import count, percent


@dataclass(frozen=True)
class OperatorSaturated(Check):
    """One vertex worked at its limit and held back the rest.

    What it checks: the minutes of the last hour in which a vertex was the job's bottleneck: the
    first one behind backpressure that has none itself and no time left, or the chain of a source
    whose lag rises.
    Why it is bad: the job can take no more records than this vertex does. What comes on top waits
    in the sources.
    How to fix: the causes on this page say whether it computes, waits for something, or has all its
    records in one subtask; more parallelism helps in the first case only.
    When to ignore it: a backfill, or a job that is catching up after a restart.
    """

    title = "No operator works at its limit", "An operator works at its limit"
    topic = "Operators at their limit"
    section = BACKPRESSURE
    needs = (BOTTLENECK,)
    also = (BUSY_SHARE,)
    assess_by = "Watch the job for ten minutes: busy times are differences of Flink's counters."

    warn_minutes: float = threshold(5, unit="min", help="As the bottleneck: warn from here.")
    fail_minutes: float = threshold(15, unit="min", help="As the bottleneck: fail from here.")

    def check(self, hour: Hour) -> Finding:
        minutes, name = hour.most(BOTTLENECK, 1)
        busy = hour.of(BUSY_SHARE).get(name, ())
        most = max((b for b in busy if b is not None), default=None)
        seen = hour.observed(BOTTLENECK)
        says = f"In none of {seen} observed minutes did one vertex limit the job."
        if minutes:
            says = f"{quoted(name)} limited the job in {minutes} of {seen} observed minutes"
            says += "." if most is None else f", busy up to {percent(most)}."
        return Finding(
            graded(minutes, warn=self.warn_minutes, fail=self.fail_minutes),
            value=minutes,
            shown=f"{minutes} min",
            threshold=f"warns from {count(self.warn_minutes)} min, fails from "
            f"{count(self.fail_minutes)} min",
            says=says,
            evidence=tuple(
                EvidenceRow(name=quoted(vertex), value=f"{count(n)} min")
                for vertex in hour.of(BOTTLENECK)
                if (n := hour.total(BOTTLENECK, vertex))
            ),
            minutes=busy if minutes and busy else hour.of(BOTTLENECK)[name],
            over=minutes / self.fail_minutes,
        )
