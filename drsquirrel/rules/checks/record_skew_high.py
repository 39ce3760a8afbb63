"""Records that pile up in one subtask."""

from dataclasses import dataclass

from drsquirrel.model.report import EvidenceRow, quoted
from drsquirrel.model.series import HOT_SATURATED, RECORD_SKEW
from drsquirrel.rules.check import BACKPRESSURE, Check, Finding, Hour, Minutes, graded, threshold
from drsquirrel.rules.wording import count, times


@dataclass(frozen=True)
class RecordSkewHigh(Check):
    """One subtask gets many more records than the others and is at its limit.

    What it checks: the records of the subtask with most of them over the mean of its vertex, beyond
    what the split into key groups alone gives, in minutes in which that subtask had no time left.
    The value is the skew that was reached in several minutes, so one odd minute does not count.
    Why it is bad: the other subtasks idle while this one limits the job; more parallelism does not
    help, since a key stays in one subtask.
    How to fix: split the hot key (add a salt and aggregate in two steps), aggregate before the
    shuffle, or filter what only seems to be a key, such as an empty or null one.
    When to ignore it: it only counts where the hot subtask is saturated, so rarely.
    """

    title = "Records are spread evenly", "Records pile up in one subtask"
    topic = "Spread of records over subtasks"
    section = BACKPRESSURE
    needs = (RECORD_SKEW, HOT_SATURATED)
    assess_by = (
        "Needs a vertex with two subtasks or more and at least 100 records a second, watched for "
        "ten minutes."
    )

    warn_factor: float = threshold(3, unit="× mean", help="Skew: warn from here.")
    fail_factor: float = threshold(10, unit="× mean", help="Skew: fail from here.")
    lasting_minutes: float = threshold(5, unit="min", help="The skew must last for so long.")

    def check(self, hour: Hour) -> Finding:
        hot = hour.of(HOT_SATURATED)
        lasting = {
            name: self._lasting(skew, hot.get(name, ()))
            for name, skew in hour.of(RECORD_SKEW).items()
        }
        name, factor = max(lasting.items(), key=lambda item: item[1])
        quiet = "No saturated subtask had more than its share of the records."
        return Finding(
            graded(factor, warn=self.warn_factor, fail=self.fail_factor),
            value=factor,
            shown=f"{times(factor)} mean" if factor else "none",
            threshold=f"warns from {times(self.warn_factor)} mean, fails from "
            f"{times(self.fail_factor)}",
            says=f"The saturated subtask of {quoted(name)} got {times(factor)} the mean for "
            f"{count(self.lasting_minutes)} min or more."
            if factor
            else quiet,
            evidence=tuple(
                EvidenceRow(name=quoted(vertex), value=f"{times(f)} mean")
                for vertex, f in lasting.items()
                if f
            ),
            minutes=hour.of(RECORD_SKEW)[name],
            warn_at=self.warn_factor,
            fail_at=self.fail_factor,
            over=factor / self.fail_factor,
        )

    def _lasting(self, skew: Minutes, hot: Minutes) -> float:
        """The skew reached in enough minutes with a saturated hot subtask; 0 if in too few."""
        counted = [s for s, h in zip(skew, hot, strict=False) if s is not None and h == 1]
        lasting = int(self.lasting_minutes)
        return sorted(counted, reverse=True)[lasting - 1] if len(counted) >= lasting else 0.0
