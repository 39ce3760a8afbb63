"""Records that wait in front of the sources."""

from dataclasses import dataclass

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import EvidenceRow, quoted
from drsquirrel.model.series import LAG_MS, LAG_RECORDS, LAG_RISING, RECORDS_PER_S
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import BASIC, Check, Finding, Hour, Minutes, threshold
from drsquirrel.rules.wording import SECOND_MS, count, duration, plural


@dataclass(frozen=True)
class _Source:
    """One source over the hour: longest row of rising minutes, time behind while it rose."""

    name: str
    rising: int
    behind_ms: float
    records: float | None
    minutes: Minutes


@dataclass(frozen=True)
class SourceLagGrowing(Check):
    """More records come in than the job takes.

    What it checks: for how many minutes in a row the lag of a source rose (records that wait in
    Kafka or the like, or the age of what is emitted), and how far behind the source was meanwhile.
    A lag that falls is catching up and does not count.
    Why it is bad: results get older by the minute, and what waits longer than the source keeps it
    is lost.
    How to fix: find the vertex that limits the job and why; the causes on this page name it.
    When to ignore it: a backfill that is meant to run behind.
    """

    title = "The sources keep up", "Records wait in the source"
    topic = "Lag of the sources"
    section = BASIC
    needs = (LAG_RISING,)
    also = (LAG_RECORDS, LAG_MS, RECORDS_PER_S)
    assess_by = (
        "Needs a source that reports pendingRecords, records-lag-max or currentEmitEventTimeLag, "
        "such as Kafka's, watched for ten minutes."
    )

    warn_minutes: float = threshold(10, unit="min", help="Lag rises in a row: warn from here.")
    fail_minutes: float = threshold(30, unit="min", help="Lag rises in a row: fail from here.")
    fail_behind_s: float = threshold(180, unit="s", help="Behind and rising: fail above.")

    def check(self, hour: Hour) -> Finding:
        limit_ms = self.fail_behind_s * SECOND_MS
        worst = max(
            (self._source(hour, name) for name in hour.of(LAG_RISING)),
            key=lambda s: (s.behind_ms > limit_ms, s.rising, s.behind_ms),
        )
        late = worst.behind_ms > limit_ms
        outcome = Outcome.WARN if worst.rising >= self.warn_minutes else Outcome.PASS
        if late or worst.rising >= self.fail_minutes:
            outcome = Outcome.FAIL
        says = f"The lag of {quoted(worst.name)} rose for {worst.rising} min in a row"
        if worst.behind_ms:
            says += f", it was {duration(worst.behind_ms)} behind"
        if worst.records is not None:
            says += f" with {plural(worst.records, 'record')} waiting now"
        over = max(worst.rising / self.fail_minutes, worst.behind_ms / limit_ms)
        return Finding(
            outcome,
            value=worst.behind_ms / SECOND_MS if late else worst.rising,
            shown=duration(worst.behind_ms) if late else f"{worst.rising} min",
            threshold=f"fails above {duration(limit_ms)} behind and rising"
            if late
            else f"warns from {count(self.warn_minutes)} min rising, fails from "
            f"{count(self.fail_minutes)} min",
            says=f"{says}." if worst.rising else f"No lag rose; {quoted(worst.name)} keeps up.",
            evidence=(
                EvidenceRow(name="rising in a row", value=f"{worst.rising} min"),
                EvidenceRow(name="behind while rising", value=duration(worst.behind_ms))
                if worst.behind_ms
                else EvidenceRow(name="behind", value="not known in time"),
            ),
            minutes=worst.minutes,
            over=over,
        )

    def _source(self, hour: Hour, name: str) -> _Source:
        rising = hour.of(LAG_RISING)[name]
        nothing: Minutes = (None,) * len(rising)
        records = hour.of(LAG_RECORDS).get(name, nothing)
        rates = hour.of(RECORDS_PER_S).get(name, nothing)
        behind = tuple(
            told if told is not None else _time_behind_ms(waiting, rate)
            for told, waiting, rate in zip(
                hour.of(LAG_MS).get(name, nothing), records, rates, strict=True
            )
        )
        row = longest = 0
        for rose in rising:
            row = row if rose is None else row + 1 if rose else 0
            longest = max(longest, row)
        while_rising = [b for b, r in zip(behind, rising, strict=True) if r and b is not None]
        shown = behind if any(b is not None for b in behind) else records
        newest = hour.latest(LAG_RECORDS, name)
        return _Source(name, longest, max(while_rising, default=0.0), newest, shown)

    def not_applicable(self, facts: JobFacts) -> str:
        return "A batch job has no lag." if facts.job_type == "BATCH" else ""


def _time_behind_ms(waiting: float | None, per_s: float | None) -> float | None:
    """How long it takes to read what waits at the rate at which it is read."""
    return waiting / per_s * SECOND_MS if waiting is not None and per_s else None
