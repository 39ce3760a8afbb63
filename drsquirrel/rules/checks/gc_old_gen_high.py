"""Time spent in old-generation and full garbage collections."""

from dataclasses import dataclass

from drsquirrel.model.report import EvidenceRow
from drsquirrel.model.series import GC_OLD_SHARE
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import MEMORY, Check, Finding, Hour, threshold
from drsquirrel.rules.wording import count, percent, plural, process_name, sentence


@dataclass(frozen=True)
class GcOldGenHigh(Check):
    """A process spent much of a minute in old-generation or full garbage collections.

    What it checks: the minutes of the last hour in which one process stood still for such
    collections for more than a tenth of the time.
    Why it is bad: they mean that the heap is nearly full of objects in use. All tasks of the
    process stop meanwhile; heartbeats and checkpoints come late.
    How to fix: see whether the heap is full after collection. If it is, give the process more heap
    or keep less in it (a state backend off the heap, smaller windows, no own caches).
    When to ignore it: a single minute after a start.
    """

    title = "Old-generation collections are rare", "Old-generation collections take much time"
    topic = "Old-generation garbage collection"
    section = MEMORY
    needs = (GC_OLD_SHARE,)
    assess_by = (
        "Needs a collector whose old generation Flink reports (G1, Serial, Parallel), watched for "
        "ten minutes."
    )

    red_share: float = threshold(0.1, unit="of a minute", help="A minute is high above this.")
    warn_minutes: float = threshold(1, unit="min", help="Red minutes: warn from here.")
    fail_minutes: float = threshold(10, unit="min", help="Red minutes: fail from here.")
    critical_share: float = threshold(0.3, unit="of a minute", help="A minute is critical above.")
    critical_minutes: float = threshold(5, unit="min", help="Critical minutes: fail from here.")

    def check(self, hour: Hour) -> Finding:
        reds = {
            name: (
                sum(v is not None and v > self.red_share for v in minutes),
                sum(v is not None and v > self.critical_share for v in minutes),
            )
            for name, minutes in hour.of(GC_OLD_SHARE).items()
        }
        name, (red, _) = max(reds.items(), key=lambda item: item[1])
        critical_name, (_, critical) = max(reds.items(), key=lambda item: item[1][::-1])
        is_critical = critical >= self.critical_minutes
        outcome = Outcome.WARN if red >= self.warn_minutes else Outcome.PASS
        if red >= self.fail_minutes or is_critical:
            outcome = Outcome.FAIL
        name, red = (critical_name, reds[critical_name][0]) if is_critical else (name, red)
        seen = hour.observed(GC_OLD_SHARE)
        says = f"{process_name(name)} was high in {plural(red, 'minute')} of {seen} observed"
        says += f", above {percent(self.critical_share)} in {critical}" if is_critical else ""
        return Finding(
            outcome,
            value=red,
            shown=f"{red} min",
            threshold=f"warns from {count(self.warn_minutes)} min above {percent(self.red_share)}, "
            f"fails from {count(self.fail_minutes)} min, or {count(self.critical_minutes)} min "
            f"above {percent(self.critical_share)}",
            says=sentence(f"{says}.") if red else f"No minute of {seen} observed was high.",
            evidence=tuple(
                EvidenceRow(
                    name=process_name(n), value=plural(r, "high minute"), note=f"{c} critical"
                )
                for n, (r, c) in reds.items()
                if r
            ),
            minutes=hour.of(GC_OLD_SHARE)[name],
            warn_at=self.red_share,
            fail_at=self.critical_share,
            over=max(red / self.fail_minutes, critical / self.critical_minutes),
        )
