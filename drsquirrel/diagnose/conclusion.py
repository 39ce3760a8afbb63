"""The verdict on a run and the sentence that says it."""

from collections.abc import Sequence

from drsquirrel.diagnose.answer import Given
from drsquirrel.diagnose.bottleneck import Walk
from drsquirrel.diagnose.episode import is_restart
from drsquirrel.diagnose.fault import NEAR_MS
from drsquirrel.diagnose.health import NO_PLAN
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.memory import SURE, key_of
from drsquirrel.diagnose.now import Now
from drsquirrel.diagnose.standing import Conclusion, clock, is_restarting, is_starting
from drsquirrel.diagnose.vertex import NEARLY_ALL
from drsquirrel.model.case import Case, Episode, FaultKind
from drsquirrel.model.report import (
    HOUR_MINUTES,
    Answer,
    Benign,
    CheckResult,
    Incident,
    Onset,
    Symptom,
    quoted,
)
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Confidence, Outcome, Verdict
from drsquirrel.rules.wording import duration, plural

HOUR_MS = 3_600_000
FOLLOWS_MS = 60_000
"""What fails so soon after an incident may well be its echo: Flink tries the same process again."""
OF_RESTARTS = frozenset({"restart-rate-high", "restart-loop", "job-not-running"})
"""Checks that fail by restarts, also when these are over."""
WORDS = {
    Confidence.CERTAIN: "Certain",
    Confidence.LIKELY: "Likely",
    Confidence.POSSIBLE: "Possible",
    Confidence.CANNOT_TELL: "Cannot tell",
}


def conclude(
    case: Case,
    hour: MeasuredHour,
    now: Now | None,
    given: Given,
    causes: list[Answer],
    symptoms: list[Symptom],
    checks: list[CheckResult],
    benign: Sequence[Benign],
    incidents: Sequence[Incident],
    *,
    batch: bool,
    before: Verdict | None,
) -> Conclusion:
    """The first of these that there is: a sure cause, a symptom, a bad check; else quiet.

    `before` is the verdict of the look before.
    """
    verdict = _verdict(case, symptoms, checks)
    if causes and causes[0].confidence in SURE:
        words = {key_of(a.answer): a.next_words for a in given.asked if a.answer}
        return Conclusion(
            verdict=verdict,
            headline=causes[0].title,
            subline=_sure_since(causes[0], words.get(key_of(causes[0]), "")),
        )
    if symptoms:
        worst = symptoms[0]
        about = [a for a in causes if a.code in worst.explained_by]
        told = (_began_with(case, worst, incidents), _unexplained(case, now, worst, given))
        subline = _would_decide(about, given) if about else next(filter(None, told))
        return Conclusion(verdict=verdict, headline=worst.text, subline=subline)
    bad = [c for c in checks if c.outcome in (Outcome.FAIL, Outcome.WARN)]
    if bad:
        told = _recovered(case, bad[0], incidents) or (bad[0].title, bad[0].says)
        return Conclusion(verdict=verdict, headline=told[0], subline=told[1])
    open_ = _open(case, now, batch=batch, before=before)
    if open_ is not None:
        return open_
    return _healthy(case, hour, now, benign, batch=batch)


def _recovered(
    case: Case, bad: CheckResult, incidents: Sequence[Incident]
) -> tuple[str, str] | None:
    """Headline and subline of a run that is up again, where the worst is that it was not."""
    restarts = [e for e in case.episodes if is_restart(e)]
    if bad.code not in OF_RESTARTS or not restarts or case.all_running is not True:
        return None
    began_ms, ended_ms = restarts[-1].began_ms, restarts[-1].ended_ms
    told = _explained(incidents, began_ms)
    why = f": {told.title}" if told else ""
    up = f" It has run again since {clock(ended_ms)}." if ended_ms else ""
    return f"It restarted at {clock(began_ms)}{why}", f"{bad.says}{up}"


def _explained(incidents: Sequence[Incident], began_ms: int) -> Incident | None:
    """The incident of then, or what it followed upon, where its cause is known."""
    return next(
        (
            i
            for i in incidents
            if i.cause and i.began_ms <= began_ms
            if i.ended_ms is None or began_ms - i.ended_ms <= FOLLOWS_MS
        ),
        None,
    )


def _began_with(case: Case, symptom: Symptom, incidents: Sequence[Incident]) -> str:
    """How that began which goes on without a cause of its own."""
    if symptom.code != "restart-rate-high":
        return ""
    told = _explained(incidents, case.episodes[-1].began_ms)
    return f"It began at {clock(told.began_ms)}: {told.title}." if told else ""


def _verdict(case: Case, symptoms: list[Symptom], checks: list[CheckResult]) -> Verdict:
    """Of a run of which something is said; quiet ones have their own."""
    outcomes = {c.outcome for c in checks}
    down = any(s.code == "job-not-running" for s in symptoms)
    if case.state == "FAILED" or down or Outcome.FAIL in outcomes:
        return Verdict.FAILING
    return Verdict.WARNING


def _sure_since(answer: Answer, if_nothing_is_done: str) -> str:
    parts = [f"{WORDS[answer.confidence]}."]
    if answer.onset:
        parts.append(_began(answer.onset))
    parts.append(if_nothing_is_done)
    return " ".join(p for p in parts if p)


def _began(onset: Onset) -> str:
    earliest, latest = clock(onset.earliest_ms), clock(onset.latest_ms)
    if onset.latest_ms - onset.earliest_ms >= HOUR_MS:
        return f"Began before {latest}."
    if earliest == latest:
        return f"Began at {latest}."
    return f"Began between {earliest[:5]} and {latest}."


def _would_decide(causes: list[Answer], given: Given) -> str:
    """What the symptom may come from, and what would tell."""
    best = causes[0]
    names = " or ".join(given.topics[code] for code in (best.code, *best.rivals))
    measures = [a.title for a in best.advice if a.kind == "measure"]
    decide = f" {measures[0].removesuffix('.')}" if measures else ""
    end = "" if decide.endswith("?") else "."
    return f"{WORDS[best.confidence]}: {names}.{decide}{end if decide else ''}"


def _unexplained(case: Case, now: Now | None, symptom: Symptom, given: Given) -> str:
    """What was looked at without finding a reason."""
    if symptom.code == "source-lag-growing" and not case.bottlenecks and now:
        held_back = [case.by_vertex[v].vertex.name for v in _open_ends(now)]
        if held_back:
            return (
                f"Not clear yet: others wait for {quoted(held_back[0])}, which is not at its limit."
            )
        return (
            "Unexplained: no vertex works at its limit. Its reader, the system it reads from or a "
            "rate limit may hold it back."
        )
    newest = case.episodes[-1] if case.episodes else None
    if newest and newest.ended_ms is None and _may_be_told(case, newest):
        ago = duration(case.now_ms - newest.began_ms)
        return f"Not clear yet: it went down {ago} ago; what failed first shows within a minute."
    if not given.weighed:
        return "Unexplained: no known cause is about this."
    return f"Unexplained: none of {plural(given.weighed, 'known cause')} fits what was measured."


def _may_be_told(case: Case, episode: Episode) -> bool:
    """Whether nothing but echoes has been told, so shortly after it began."""
    first = episode.first
    is_young = case.now_ms - episode.began_ms < NEAR_MS
    return is_young and (first is None or first.kind is FaultKind.RELAYED)


def _open_ends(now: Now) -> tuple[str, ...]:
    return now.walk.open_ends if isinstance(now.walk, Walk) else ()


def _open(case: Case, now: Now | None, *, batch: bool, before: Verdict | None) -> Conclusion | None:
    """What is not known, where that keeps a run from being called healthy."""
    if is_starting(case):
        headline = "It starts: not all of its tasks run yet"
        return Conclusion(verdict=Verdict.UNKNOWN, headline=headline)
    if is_restarting(case):
        headline = "It restarts, so far without an exception"
        return Conclusion(verdict=Verdict.UNKNOWN, headline=headline)
    why = _not_known(case, now, batch=batch)
    if not why and case.bottlenecks and before is not Verdict.HEALTHY:
        why = f"whether {_first(case)}, which works at its limit now, does so for long"
    if not why:
        return None
    if why == NO_PLAN:
        return Conclusion(
            verdict=Verdict.UNKNOWN,
            headline="Its tasks run; whether they keep up is not known",
            subline=f"That takes {why}. Failures, restarts, memory and garbage collection "
            "can be judged without it.",
        )
    headline = f"Not known {'now' if case.frozen else 'yet'}: {why}"
    return Conclusion(verdict=Verdict.UNKNOWN, headline=headline)


def _first(case: Case) -> str:
    """The name of the vertex that limits most."""
    limiting = () if isinstance(case.bottlenecks, Unknown) else case.bottlenecks
    return next((quoted(b.at.vertex.name) for b in limiting), "")


def _not_known(case: Case, now: Now | None, *, batch: bool) -> str:
    if case.frozen:
        return case.frozen
    if now is None or isinstance(case.facts, Unknown) or isinstance(case.all_running, Unknown):
        told = (case.all_running, case.facts)
        return next(t.reason for t in told if isinstance(t, Unknown))
    if not case.vertices:
        return "which tasks it has"
    if isinstance(case.bottlenecks, Unknown):
        return case.bottlenecks.reason
    return "" if batch else _unmeasured(case, now) or _open_lag(case, now)


def _unmeasured(case: Case, now: Now) -> str:
    """Which vertices give no numbers; "" where nearly all subtasks do, or have finished."""
    missing = [
        v.vertex.name
        for v in case.vertices
        if len(v.subtasks) + sum(id_ == v.vertex.id for id_, _ in now.rates.finished)
        < NEARLY_ALL * v.vertex.parallelism
    ]
    if not missing:
        return ""
    if len(missing) == 1:
        return f"{quoted(missing[0])} has not been measured"
    return f"{len(missing)} of {len(case.vertices)} vertices have not been measured"


def _open_lag(case: Case, now: Now) -> str:
    """Why it is open whether a source keeps up; "" where it is not."""
    if isinstance(now.walk, Walk) and now.walk.undecided:
        name = quoted(case.by_vertex[now.walk.undecided[0]].vertex.name)
        return f"whether {name}, which works without a pause, keeps up"
    for v in case.vertices:
        if (
            v.reads_from_outside
            and v.saturated
            and not any(lag.vertex == v.vertex.id for lag in case.lags)
        ):
            name = quoted(v.vertex.name)
            return f"whether {name}, which works without a pause, keeps up: it reports no lag"
    return ""


def _healthy(
    case: Case, hour: MeasuredHour, now: Now | None, benign: Sequence[Benign], *, batch: bool
) -> Conclusion:
    tasks = sum(v.vertex.parallelism for v in case.vertices)
    finished = len(now.rates.finished) if now else 0
    seen = f"Seen for {hour.observed} of {HOUR_MINUTES} min."
    if batch:
        headline = "Healthy: the batch job is at work"
        return Conclusion(verdict=Verdict.HEALTHY, headline=headline, subline=seen)
    if finished:
        run = f"{tasks - finished} of {tasks} tasks run, the others have finished"
    elif tasks == 1:
        run = "its only task runs"
    else:
        run = "both tasks run" if tasks == 2 else f"all {tasks} tasks run"
    codes = {b.code for b in benign}
    if "catching-up" in codes:
        fares = "it is catching up"
    elif "burst" in codes:
        fares = "it works off a burst"
    elif case.bottlenecks or (now and _open_ends(now)):
        fares = "none works at its limit for long"
    else:
        fares = "nothing limits them" if tasks > 1 else "nothing limits it"
    unknown = _not_assessed(case)
    told = f"{seen} Not known: {unknown}." if unknown else seen
    return Conclusion(
        verdict=Verdict.HEALTHY, headline=f"Healthy: {run}, and {fares}", subline=told
    )


def _not_assessed(case: Case) -> str:
    """What would show by data that did not come."""
    told = {lag.vertex for lag in case.lags}
    quiet = [v for v in case.vertices if v.reads_from_outside and v.vertex.id not in told]
    missing = [f"the lag of {quoted(v.vertex.name)}" for v in quiet[:1]]
    if len(quiet) > 1:
        missing = [f"the lag of {len(quiet)} sources"]
    held = [c for c in case.containers.values() if c.is_taskmanager and c.gone_ms is None]
    if not held or any(isinstance(c.gc_share, Unknown) for c in held):
        missing.append("garbage collection")
    return ", ".join(missing)
