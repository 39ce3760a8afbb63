"""Runs the health checks over the hour: each sees only what it declared, none can break another."""

from collections.abc import Mapping
from dataclasses import replace

from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import CheckResult
from drsquirrel.model.series import Series
from drsquirrel.model.verdict import Outcome
from drsquirrel.rules.check import BACKPRESSURE, BASIC, MEMORY, Check, Finding, Hour, Minutes
from drsquirrel.rules.page import page_of

WORST_FIRST = (
    Outcome.FAIL,
    Outcome.WARN,
    Outcome.ERROR,
    Outcome.NO_DATA,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)
SECTIONS = (BASIC, BACKPRESSURE, MEMORY)
OF_PLAN = ("vertex", "subtask")
NO_PLAN = "its plan, which only Flink's REST tells"
FOUND = (Outcome.FAIL, Outcome.WARN)

Measured = Mapping[Series, Mapping[str, Minutes]]


def assess_all(
    checks: Mapping[str, Check], series: Measured, facts: JobFacts | None
) -> list[CheckResult]:
    """Every check's result: worst first, then by section, then by how far over its threshold."""
    observed = {code: _observed(check, series) for code, check in checks.items()}
    findings = {code: _find(check, series, facts, observed[code]) for code, check in checks.items()}
    order = sorted(
        checks,
        key=lambda code: (
            WORST_FIRST.index(findings[code].outcome),
            SECTIONS.index(checks[code].section),
            -findings[code].over,
            code,
        ),
    )
    return [_result(code, checks[code], findings[code], observed[code]) for code in order]


def assess(code: str, check: Check, series: Measured, facts: JobFacts | None) -> CheckResult:
    """What one check says of an hour."""
    [result] = assess_all({code: check}, series, facts)
    return result


def _find(check: Check, series: Measured, facts: JobFacts | None, observed: int) -> Finding:
    reason = check.not_applicable(facts) if facts else ""
    if reason:
        return Finding(Outcome.NOT_APPLICABLE, says=reason)
    hour = Hour({s: series.get(s, {}) for s in (*check.needs, *check.also)}, facts)
    unseen = Finding(Outcome.NO_DATA, says=_unseen(check, observed, facts))
    if not observed or (observed < check.min_minutes and not check.finds_events):
        return unseen
    try:
        finding = check.check(hour)
    except Exception as error:
        says = f"This check broke on {type(error).__name__}; the others are not touched by it."
        return Finding(Outcome.ERROR, says=says)
    if observed < check.min_minutes and finding.outcome not in FOUND:
        return replace(unseen, minutes=finding.minutes)
    return finding


def _observed(check: Check, series: Measured) -> int:
    """Minutes in which what the check needs was seen: of its series the one seen least."""
    return min(Hour({s: series.get(s, {})}, None).observed(s) for s in check.needs)


def _unseen(check: Check, observed: int, facts: JobFacts | None) -> str:
    if facts is None and any(s.per in OF_PLAN for s in check.needs):
        return f"Needs {NO_PLAN}."
    if not observed:
        return f"Not seen in the last hour. {check.assess_by}"
    return f"Seen in {observed} of the last 60 minutes; it takes {check.min_minutes} to judge."


def _result(code: str, check: Check, finding: Finding, observed: int) -> CheckResult:
    page = page_of(check)
    good, bad = check.title
    title = {Outcome.PASS: good, Outcome.WARN: bad, Outcome.FAIL: bad}
    return CheckResult(
        code=code,
        section=check.section,
        title=title.get(finding.outcome, check.topic),
        outcome=finding.outcome,
        value=finding.value,
        shown=finding.shown,
        threshold=finding.threshold,
        says=finding.says,
        evidence=finding.evidence,
        minutes=finding.minutes,
        warn_at=finding.warn_at,
        fail_at=finding.fail_at,
        observed_minutes=observed,
        why=page.under("Why it is bad"),
        fix=page.under("How to fix"),
        ignore_when=page.under("When to ignore it"),
    )
