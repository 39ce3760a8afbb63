"""How a run stands where there is nothing to judge: ended, lost, silent, starting, restarting."""

from dataclasses import dataclass
from datetime import UTC, datetime

from drsquirrel.diagnose.container import JOBMANAGER
from drsquirrel.diagnose.episode import START_MS, is_rescale
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.model.case import Case
from drsquirrel.model.kill import kill_of
from drsquirrel.model.report import quoted
from drsquirrel.model.state import ENDED_STATES, LOST, UNKNOWN
from drsquirrel.model.verdict import Verdict
from drsquirrel.model.yarn import FORGOTTEN as FORGOTTEN_BY_YARN
from drsquirrel.model.yarn import YarnFacts
from drsquirrel.rules.killing import usage
from drsquirrel.rules.wording import duration

STALE_ROUNDS = 3
"""A source that has missed so many of its reports is stale: what it said last is not now."""
REPORTED_MS = 10_000
"""So often processes report by themselves."""
FORGOTTEN = (
    "It had not ended when it was last seen. A JobManager that starts again without high "
    "availability forgets its jobs; with it, the job goes on as a new run. If there is none, "
    "submit the job again."
)


@dataclass(frozen=True, kw_only=True)
class Conclusion:
    """Verdict and headline of a report."""

    verdict: Verdict
    headline: str
    subline: str = ""


def clock(time_ms: int) -> str:
    """A time of day in UTC, as sentences carry it."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%H:%M} UTC"


def standing(inquiry: Inquiry, now_ms: int) -> Conclusion | None:
    """What is said of a run of which nothing is judged now; None of any other. What FAILED is."""
    state = inquiry.run.state
    if state in ENDED_STATES and state != "FAILED":
        return _ended(inquiry)
    if state == LOST:
        return _lost(inquiry)
    silent = silence(inquiry, now_ms)
    if silent and state != "FAILED" and _is_told_of_no_more(inquiry):
        heard_ms = inquiry.expected.heard_ms
        headline = "Its JobManager tells of this run no longer"
        if heard_ms is not None:
            headline = f"Its JobManager has not told of this run since {clock(heard_ms)}"
        return Conclusion(verdict=Verdict.UNKNOWN, headline=headline, subline=FORGOTTEN)
    if silent and state != "FAILED":
        return Conclusion(verdict=Verdict.UNKNOWN, headline=silent, subline=_last_seen(inquiry))
    if state == "CANCELLING":
        return Conclusion(verdict=Verdict.UNKNOWN, headline="It is being cancelled")
    return None


def silence(inquiry: Inquiry, now_ms: int) -> str:
    """Why what we know is not of now; "" while data comes in."""
    expected = inquiry.expected
    last_ms = expected.told_ms
    if last_ms is None:
        if expected.untold:
            return "Not known yet: what its processes send is not all told"
        if inquiry.seen.is_heard:
            return "No data: nothing comes from its JobManager any more"
        return "No data yet: the cluster has not answered"
    is_heard = last_ms == expected.heard_ms
    interval_ms = max(expected.interval_ms, REPORTED_MS if is_heard else 0)
    if now_ms - last_ms <= STALE_ROUNDS * interval_ms:
        return ""
    ago = duration(now_ms + expected.late_ms - last_ms)
    if is_heard and expected.untold:
        return f"No data: nothing has been told of it for {ago}"
    if is_heard:
        return f"No data: nothing has come from its JobManager for {ago}"
    return f"No data: the cluster has not answered for {ago}"


def _is_told_of_no_more(inquiry: Inquiry) -> bool:
    """Whether the JobManager's process has sent since, but nothing of the run."""
    expected = inquiry.expected
    sent_ms = (expected.plugin or {}).get(JOBMANAGER)
    told_ms = expected.told_ms
    if expected.untold or sent_ms is None or told_ms != expected.heard_ms:
        return False
    return inquiry.seen.is_heard if told_ms is None else sent_ms > told_ms + expected.interval_ms


def _last_seen(inquiry: Inquiry) -> str:
    expected, state = inquiry.expected, inquiry.run.state
    was = f", the job was {state} then" if state != UNKNOWN else ""
    if expected.never_answered:
        return f"Last heard at {clock(expected.told_ms or 0)}{was}. {expected.untold}".rstrip()
    seen = (
        f"Last answer at {clock(expected.last_answer_ms)}{was}." if expected.last_answer_ms else ""
    )
    told = (seen, expected.cluster_says, expected.untold)
    return " ".join(part for part in told if part)


def _ended(inquiry: Inquiry) -> Conclusion:
    word = {"FINISHED": "Finished", "CANCELED": "Cancelled"}[inquiry.run.state]
    ended_ms = inquiry.ended_ms
    if not ended_ms:
        return Conclusion(verdict=Verdict.ENDED, headline=word)
    return Conclusion(
        verdict=Verdict.ENDED,
        headline=f"{word} at {clock(ended_ms)}",
        subline=f"It ran for {duration(max(0, ended_ms - inquiry.started_ms))}.",
    )


def _of_yarn(yarn: YarnFacts) -> Conclusion:
    """How a run is whose YARN application is over."""
    at = f" at {clock(yarn.ended_ms)}" if yarn.ended_ms else ""
    said = f"YARN says: {quoted(yarn.diagnostics, 300)}." if yarn.diagnostics else ""
    if yarn.state == FORGOTTEN_BY_YARN:
        return Conclusion(
            verdict=Verdict.UNKNOWN,
            headline=f"Its YARN application ended before{at.replace(' at', '')}: how is not known",
            subline="The ResourceManager knows it no more.",
        )
    if "FAILED" not in (yarn.state, yarn.final_status):
        return Conclusion(
            verdict=Verdict.ENDED,
            headline=f"Its YARN application ended{at}: {yarn.final_status}",
            subline=said,
        )
    kill = kill_of(yarn.diagnostics)
    why = ""
    if kill and kill.is_for_memory:
        why = ": its JobManager was killed for its memory"
        why += f", {used}" if (used := usage(kill)) else ""
    return Conclusion(
        verdict=Verdict.FAILING,
        headline=f"Its YARN application failed{at}{why}",
        subline=said or "YARN does not say why; the end of jobmanager.log does.",
    )


def _lost(inquiry: Inquiry) -> Conclusion:
    if inquiry.yarn is not None and inquiry.yarn.is_over:
        return _of_yarn(inquiry.yarn)
    answered_ms = inquiry.expected.last_answer_ms
    if inquiry.ended_ms and (answered_ms is None or answered_ms < inquiry.ended_ms):
        return Conclusion(
            verdict=Verdict.UNKNOWN,
            headline=f"It ended at {clock(inquiry.ended_ms)}: how is not known",
            subline="Its JobManager told through Kafka that it is over. How it ended only Flink's "
            "REST tells, which does not answer.",
        )
    since = f" since {clock(inquiry.ended_ms)}" if inquiry.ended_ms else ""
    return Conclusion(
        verdict=Verdict.UNKNOWN,
        headline=f"The JobManager has not listed this run{since}",
        subline=FORGOTTEN,
    )


def is_starting(case: Case) -> bool:
    """The run has never been up, and has not had the time to."""
    return (
        case.all_running is False
        and case.now_ms - case.start_ms < START_MS
        and not any(e.restarted or e.faults for e in case.episodes)
    )


def is_restarting(case: Case) -> bool:
    """Tasks stopped a moment ago without an exception or a lost process: a rescale, so far."""
    newest = case.episodes[-1] if case.episodes else None
    is_open = newest is not None and newest.ended_ms is None
    return (
        case.all_running is False
        and newest is not None
        and is_open
        and is_rescale(newest, case.now_ms)
    )
