"""The verdict on a run and the sentence that says it."""

from dataclasses import dataclass

from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.memory import SURE
from drsquirrel.diagnose.strip import clock
from drsquirrel.diagnose.symptom import is_starting
from drsquirrel.model.case import Case
from drsquirrel.model.report import (
    HOUR_MINUTES,
    Answer,
    CheckResult,
    Onset,
    Symptom,
    quoted,
)
from drsquirrel.model.state import ENDED_STATES, LOST
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Confidence, Outcome, Verdict
from drsquirrel.rules.wording import duration, plural

STALE_ROUNDS = 3
"""A source that has missed so many of its reports is stale: what it said last is not now."""
WORDS = {
    Confidence.CERTAIN: "Certain",
    Confidence.LIKELY: "Likely",
    Confidence.POSSIBLE: "Possible",
    Confidence.CANNOT_TELL: "Cannot tell",
}


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Verdict and headline of a report."""

    verdict: Verdict
    headline: str
    subline: str


def conclude(
    inquiry: Inquiry,
    case: Case,
    hour: MeasuredHour,
    causes: list[Answer],
    symptoms: list[Symptom],
    checks: list[CheckResult],
    if_nothing_is_done: str,
) -> Conclusion:
    """The first of these that holds: ended, no data, a cause, a symptom, a check, healthy."""
    if case.state in ENDED_STATES and case.state != "FAILED":
        return _ended(inquiry)
    if case.state == LOST:
        return _lost(inquiry)
    silent = silence(inquiry, case.now_ms)
    if silent:
        return Conclusion(verdict=Verdict.UNKNOWN, headline=silent, subline=_last_seen(inquiry))
    verdict = _verdict(case, causes, symptoms, checks)
    if causes and causes[0].confidence in SURE:
        return Conclusion(
            verdict=verdict,
            headline=causes[0].title,
            subline=_sure_since(causes[0], if_nothing_is_done),
        )
    if symptoms:
        return Conclusion(
            verdict=verdict, headline=_symptom(symptoms, causes), subline=_would_decide(causes)
        )
    bad = [c for c in checks if c.outcome in (Outcome.FAIL, Outcome.WARN)]
    if bad:
        return Conclusion(verdict=verdict, headline=bad[0].title, subline=bad[0].says)
    return _quiet(case, hour, verdict)


def silence(inquiry: Inquiry, now_ms: int) -> str:
    """Why what we know is not of now; "" while data comes in."""
    expected = inquiry.expected
    if expected.last_answer_ms is None:
        return "No data yet: the cluster has not answered"
    age_ms = now_ms - expected.last_answer_ms
    if age_ms <= STALE_ROUNDS * expected.interval_ms:
        return ""
    return f"No data: the cluster has not answered for {duration(age_ms)}"


def _last_seen(inquiry: Inquiry) -> str:
    says = inquiry.expected.cluster_says
    last = inquiry.expected.last_answer_ms
    seen = f"Last answer at {clock(last)}, the job was {inquiry.run.state} then." if last else ""
    return " ".join(part for part in (seen, says) if part)


def _ended(inquiry: Inquiry) -> Conclusion:
    run = inquiry.run
    word = {"FINISHED": "Finished", "CANCELED": "Cancelled"}.get(run.state, run.state)
    at = f" at {clock(run.end_ms)}" if run.end_ms else ""
    ran = f"It ran for {duration(run.end_ms - run.start_ms)}." if run.end_ms else ""
    return Conclusion(verdict=Verdict.ENDED, headline=f"{word}{at}", subline=ran)


def _lost(inquiry: Inquiry) -> Conclusion:
    at = f" since {clock(inquiry.run.end_ms)}" if inquiry.run.end_ms else ""
    return Conclusion(
        verdict=Verdict.UNKNOWN,
        headline=f"The JobManager has not listed this run{at}",
        subline="It had not ended when it was last seen: a JobManager that starts again without "
        "high availability forgets its jobs.",
    )


def _verdict(
    case: Case, causes: list[Answer], symptoms: list[Symptom], checks: list[CheckResult]
) -> Verdict:
    outcomes = {c.outcome for c in checks}
    codes = {s.code for s in symptoms}
    if case.state == "FAILED" or Outcome.FAIL in outcomes:
        return Verdict.FAILING
    if "job-not-running" in codes:
        return Verdict.FAILING
    if causes or symptoms or Outcome.WARN in outcomes:
        return Verdict.WARNING
    measured = not isinstance(case.bottlenecks, Unknown) and not _open_lag(case)
    return Verdict.HEALTHY if case.all_running is True and measured else Verdict.UNKNOWN


def _open_lag(case: Case) -> str:
    """Why it is open whether a source keeps up that works without a pause; "" where it is not."""
    for v in case.vertices:
        if v.reads_from_outside and v.saturated:
            own = [lag for lag in case.lags if lag.vertex == v.vertex.id]
            open_ones = [lag.rising for lag in own if isinstance(lag.rising, Unknown)]
            reason = open_ones[0].reason if open_ones else "it reports no lag"
            if not own or open_ones:
                name = quoted(v.vertex.name)
                return f"whether {name}, which works without a pause, keeps up: {reason}"
    return ""


def _sure_since(answer: Answer, if_nothing_is_done: str) -> str:
    parts = [f"{WORDS[answer.confidence]}."]
    if answer.onset:
        parts.append(_began(answer.onset))
    parts.append(if_nothing_is_done)
    return " ".join(p for p in parts if p)


def _began(onset: Onset) -> str:
    earliest, latest = clock(onset.earliest_ms), clock(onset.latest_ms)
    if earliest == latest:
        return f"Began at {latest}."
    return f"Began between {earliest[:5]} and {latest}."


def _symptom(symptoms: list[Symptom], causes: list[Answer]) -> str:
    unexplained = [s for s in symptoms if not s.explained_by]
    return (unexplained or symptoms)[0].text


def _would_decide(causes: list[Answer]) -> str:
    if not causes:
        return "Unexplained: no known cause fits what was measured."
    best = causes[0]
    names = " or ".join(c.replace("-", " ") for c in (best.code, *best.rivals))
    measures = [a.title for a in best.advice if a.kind == "measure"]
    decide = f" {measures[0]}." if measures else ""
    return f"{WORDS[best.confidence]}: {names}.{decide}"


def _quiet(case: Case, hour: MeasuredHour, verdict: Verdict) -> Conclusion:
    if verdict is Verdict.HEALTHY:
        tasks = sum(v.vertex.parallelism for v in case.vertices)
        return Conclusion(
            verdict=verdict,
            headline=f"Healthy: all {plural(tasks, 'task')} run, and nothing limits them",
            subline=f"Seen for {hour.observed} of {HOUR_MINUTES} min.",
        )
    if is_starting(case):
        return Conclusion(
            verdict=verdict, headline="It starts: not all of its tasks run yet", subline=""
        )
    if case.frozen:
        why = case.frozen
    elif isinstance(case.bottlenecks, Unknown):
        why = case.bottlenecks.reason
    else:
        why = _open_lag(case) or "not enough was measured"
    return Conclusion(
        verdict=verdict, headline=f"Not known yet: {why}", subline="It is being measured."
    )
