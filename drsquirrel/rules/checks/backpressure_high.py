"""Operators that wait for those behind them."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from drsquirrel.model.report import EvidenceRow, quoted
from drsquirrel.model.series import (
    BACKPRESSURED_SHARE,
    CHECKPOINT_DURATION_MS,
    CHECKPOINT_FAILURES_IN_ROW,
    CHECKPOINT_TIMEOUT_MS,
    LAG_RISING,
    RECORDS_PER_S,
)
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import BACKPRESSURE, Check, Finding, Hour, Minutes, threshold
from drsquirrel.rules.wording import count, per_second, percent, plural


@dataclass(frozen=True)
class BackpressureHigh(Check):
    """Operators were backpressured in a good part of the hour.

    What it checks: the share of the observed minutes in which the worst subtask of any vertex
    waited for its outputs most of the time.
    Why it is bad: it is a symptom, and harmless while the job keeps up. It fails only where
    something suffers: the lag rises, checkpoints come close to their time-out or fail, or fewer
    records pass than before.
    How to fix: not where the backpressure is, but at the first vertex behind it that has none: it
    limits the job. The causes on this page say why it does.
    When to ignore it: a backfill, or a job that is catching up after a restart.
    """

    title = "Records flow without backpressure", "Operators are backpressured"
    topic = "Backpressure"
    section = BACKPRESSURE
    needs = (BACKPRESSURED_SHARE,)
    also = (
        LAG_RISING,
        CHECKPOINT_DURATION_MS,
        CHECKPOINT_TIMEOUT_MS,
        CHECKPOINT_FAILURES_IN_ROW,
        RECORDS_PER_S,
    )
    assess_by = "Watch the job for ten minutes: waiting times are differences of Flink's counters."

    red_share: float = threshold(0.5, unit="of a minute", help="A minute is high above this.")
    warn_hour_share: float = threshold(0.3, unit="of the hour", help="Red minutes: warn from here.")
    harm_minutes: float = threshold(5, unit="min", help="Red minutes in which lag rises, to fail.")
    harm_timeout_share: float = threshold(
        0.5, unit="of the time-out", help="A checkpoint this long is endangered."
    )
    harm_rate: float = threshold(
        0.8, unit="of the records", help="In high minutes fewer pass than this share of calm ones."
    )

    def check(self, hour: Hour) -> Finding:
        worst = hour.worst(BACKPRESSURED_SHARE)
        reds = {
            name: sum(v is not None and v > self.red_share for v in minutes)
            for name, minutes in hour.of(BACKPRESSURED_SHARE).items()
        }
        red = tuple(v is not None and v > self.red_share for v in worst)
        seen = hour.observed(BACKPRESSURED_SHARE)
        share = sum(red) / seen
        outcome, harm = Outcome.PASS, ""
        if share >= self.warn_hour_share:
            harm = next(self._harm(hour, red), "")
            outcome = Outcome.FAIL if harm else Outcome.WARN
        says = f"{sum(red)} of {seen} observed minutes were high"
        hit = [name for name, minutes in reds.items() if minutes]
        says += f" at {', '.join(map(quoted, hit[:5]))}" if hit else ""
        says += f"; {harm}." if harm else "."
        return Finding(
            outcome,
            value=share,
            shown=percent(share),
            threshold=f"warns from {percent(self.warn_hour_share)} of the hour, fails if lag, "
            "checkpoints or throughput suffer",
            says=says,
            evidence=tuple(
                EvidenceRow(name=quoted(name), value=plural(minutes, "high minute"))
                for name, minutes in reds.items()
                if minutes
            ),
            minutes=worst,
            fail_at=self.red_share,
            over=share / self.warn_hour_share,
        )

    def _harm(self, hour: Hour, red: tuple[bool, ...]) -> Iterator[str]:
        """What suffers in the red minutes, as far as it is known."""
        rising = sum(r and v == 1 for r, v in zip(red, hour.worst(LAG_RISING), strict=True))
        if rising >= self.harm_minutes:
            yield f"the lag rose in {count(rising)} of them"
        slowest = hour.highest(CHECKPOINT_DURATION_MS)
        timeout_ms = hour.latest(CHECKPOINT_TIMEOUT_MS)
        if slowest and timeout_ms and slowest.value >= self.harm_timeout_share * timeout_ms:
            yield f"a checkpoint took {percent(slowest.value / timeout_ms)} of its time-out"
        failures = hour.highest(CHECKPOINT_FAILURES_IN_ROW)
        if failures and failures.value:
            yield "checkpoints failed"
        for name, rates in hour.of(RECORDS_PER_S).items():
            calm, held = _rates(rates, red)
            if calm and held < self.harm_rate * calm:
                yield f"{quoted(name)} passed {per_second(held)}, in calm minutes {count(calm)}"


def _rates(rates: Minutes, red: tuple[bool, ...]) -> tuple[float, float]:
    """Usual records a second in calm and in red minutes; (0, 0) with fewer than 3 of either."""
    calm = [v for v, r in zip(rates, red, strict=True) if v is not None and not r]
    held = [v for v, r in zip(rates, red, strict=True) if v is not None and r]
    return (median(calm), median(held)) if min(len(calm), len(held)) >= 3 else (0.0, 0.0)
