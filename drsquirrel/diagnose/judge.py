"""Diagnosis of one run: the last hour and the rules in, the report out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from msgspec.structs import replace

from drsquirrel.diagnose.answer import Given, give, ranked
from drsquirrel.diagnose.benign import benign_of
from drsquirrel.diagnose.bottleneck import Walk
from drsquirrel.diagnose.burst import is_in_burst
from drsquirrel.diagnose.case import build, up_for_ms
from drsquirrel.diagnose.checkpoint import checkpoints_of
from drsquirrel.diagnose.conclusion import conclude
from drsquirrel.diagnose.container import JOBMANAGER
from drsquirrel.diagnose.episode import History, history_of
from drsquirrel.diagnose.health import assess_all
from drsquirrel.diagnose.hour import Measured as SeriesOfHour
from drsquirrel.diagnose.hour import MeasuredHour, measure, series_of
from drsquirrel.diagnose.incident import incidents_of
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.known import data_of, facts_of
from drsquirrel.diagnose.memory import SURE, Memory, hold_answers, hold_symptoms
from drsquirrel.diagnose.minute import Minutes, RunMinute
from drsquirrel.diagnose.node import nodes_of
from drsquirrel.diagnose.now import Now, now_of
from drsquirrel.diagnose.standing import clock, standing
from drsquirrel.diagnose.strip import last_hour
from drsquirrel.diagnose.symptom import explained, symptoms_of
from drsquirrel.model.case import Case, CheckpointsNow, ContainerNow
from drsquirrel.model.report import HOUR_MINUTES, Answer, Report
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.yarn import in_report
from drsquirrel.rules.cause import Question
from drsquirrel.rules.load import Rules

HOLDING_MINUTES = 2
"""A process holds subtasks of the run now if it did in one of the newest minutes seen."""


@dataclass(frozen=True)
class Judgement:
    """The report, what to remember, and whose threads would decide an open question."""

    report: Report
    memory: Memory
    wants_threads: tuple[ContainerNow, ...]
    """The limiting container and, as a control, another of the run."""
    up_ms: int | None
    """For how long all tasks have run."""


@dataclass(frozen=True)
class Measured:
    """Everything that was measured of a run, before it is judged."""

    hour: MeasuredHour
    history: History
    checkpoints: CheckpointsNow
    series: SeriesOfHour
    now: Now | None
    in_burst: bool
    case: Case
    holding: frozenset[str]


def measured(inquiry: Inquiry, minutes: Minutes[RunMinute], now_ms: int) -> Measured:
    """Measure the hour and what holds now."""
    hour = measure(inquiry, minutes, now_ms)
    since_ms = now_ms - HOUR_MINUTES * MINUTE_MS
    held = {c: p.now for c, p in inquiry.processes.items() if c in hour.containers}
    history = history_of(hour.seen, held, inquiry.started_ms, since_ms)
    up_since_ms = history.up_since_ms
    checkpoints = checkpoints_of(inquiry.rollups.values(), up_since_ms)
    now = now_of(inquiry, hour, up_for_ms(history, now_ms))
    in_burst = is_in_burst(hour)
    return Measured(
        hour=hour,
        history=history,
        checkpoints=checkpoints,
        series=series_of(
            hour, inquiry.facts, checkpoints, history.episodes, up_since_ms, inquiry.started_ms
        ),
        now=now,
        in_burst=in_burst,
        case=build(inquiry, hour, now, checkpoints, history, in_burst),
        holding=holding_now(hour),
    )


def diagnose(
    inquiry: Inquiry, memory: Memory, rules: Rules, minutes: Minutes[RunMinute], now_ms: int
) -> Judgement:
    """Judge one run at `now_ms`, which may be a while ago. `minutes` only saves measuring closed
    minutes again."""
    m = measured(inquiry, minutes, now_ms)
    checks = assess_all(rules.checks, m.series, inquiry.facts)
    stands = standing(inquiry, now_ms)
    given = Given() if stands else give(m.case, rules.causes, m.holding)
    remembered = memory if stands else _remember(memory, m, given)
    causes = [] if stands else ranked([h.what for h in remembered.answers if h.promoted])
    symptoms = [] if stands else [h.what for h in remembered.symptoms if h.promoted]
    symptoms = explained(symptoms, causes)
    is_sure = any(a.confidence in SURE for a in causes)
    benign = [] if stands else list(benign_of(m.case, m.in_burst, is_explained=is_sure))
    incidents = incidents_of(m.case, rules.causes)
    told = stands or conclude(
        m.case,
        m.hour,
        m.now,
        given,
        causes,
        symptoms,
        checks,
        benign,
        incidents,
        batch=inquiry.is_batch,
        before=memory.verdict,
    )
    since_ms = memory.verdict_since_ms if told.verdict is memory.verdict else now_ms
    vertices = frozenset(v for a in causes if (v := a.culprit.vertex_id))
    containers = frozenset(_blamed(causes, rules))
    report = Report(
        made_ms=now_ms + inquiry.expected.late_ms,
        job=inquiry.job,
        run=inquiry.run,
        verdict=told.verdict,
        headline=told.headline,
        subline=_as_of(told.subline, inquiry.expected.late_ms, now_ms),
        since_ms=_since(causes, since_ms),
        causes=causes,
        incidents=incidents,
        symptoms=symptoms,
        benign=benign,
        checks=checks,
        hour=last_hour(
            m.hour, inquiry.facts, m.series, m.checkpoints, m.case.episodes, vertices, containers
        ),
        graph=list(nodes_of(m.case, inquiry.facts, m.now, vertices)),
        data=data_of(inquiry, m.hour, m.case, m.now, m.holding, given.broken),
        actions=list(inquiry.actions),
        facts=facts_of(inquiry, m.holding),
        yarn=inquiry.yarn and in_report(inquiry.yarn),
    )
    up_ms = m.case.running_for_ms
    return Judgement(
        report=report,
        memory=replace(remembered, verdict=told.verdict, verdict_since_ms=since_ms),
        wants_threads=() if stands else _wanted_threads(m.case, given),
        up_ms=None if isinstance(up_ms, Unknown) else int(up_ms),
    )


def _as_of(subline: str, late_ms: int, now_ms: int) -> str:
    """The subline, with when it was so where that is a while ago."""
    return f"As of {clock(now_ms)}. {subline}".rstrip() if late_ms else subline


def holding_now(hour: MeasuredHour) -> frozenset[str]:
    """The processes in which the run has subtasks, and the JobManager's."""
    newest = islice((m for m in reversed(hour.run) if m is not None), HOLDING_MINUTES)
    return frozenset({JOBMANAGER}).union(*(m.containers for m in newest))


def _remember(memory: Memory, m: Measured, given: Given) -> Memory:
    """The answers and symptoms of this look with those of before."""
    case = m.case
    is_open = m.now is not None and isinstance(m.now.walk, Walk) and bool(m.now.walk.undecided)
    lacks_data = isinstance(case.bottlenecks, Unknown) and case.all_running is True
    unknown = frozenset[str]()
    if (is_open or lacks_data) and not case.frozen and not case.warming_up:
        unknown = frozenset({Question.WHY_DOES_THE_BOTTLENECK_LIMIT.value})
    return Memory(
        answers=hold_answers(memory, given.answers, raised=given.raised, unknown=unknown),
        symptoms=hold_symptoms(memory, symptoms_of(case, m.holding, _rose(m))),
    )


def _rose(m: Measured) -> frozenset[str]:
    """The sources whose lag rose in the last full minute. In a burst it is meant to."""
    before = m.hour.run[-2]
    vertices = before.vertices.items() if before and not m.in_burst else ()
    return frozenset(id_ for id_, told in vertices if told.lag_rising)


def _blamed(causes: Sequence[Answer], rules: Rules) -> Iterator[str]:
    """The containers that are themselves what is wrong."""
    for answer in causes:
        cause, container = rules.causes.get(answer.code), answer.culprit.container
        if container and cause and cause.blames_container:
            yield container


def _since(causes: Sequence[Answer], verdict_since_ms: int) -> int:
    """Since when it is as it is: the onset of the first cause, if that was earlier."""
    onset = causes[0].onset if causes else None
    return min(onset.latest_ms, verdict_since_ms) if onset else verdict_since_ms


def _wanted_threads(case: Case, given: Given) -> tuple[ContainerNow, ...]:
    """Where a dump would decide: the limiting container of a bottleneck without a sure answer."""
    sure = {a.culprit.vertex_id for a in given.answers if a.confidence in SURE}
    for bottleneck in () if isinstance(case.bottlenecks, Unknown) else case.bottlenecks:
        at = bottleneck.at
        if at.vertex.id not in sure and isinstance(bottleneck.threads, Unknown):
            slow = max(bottleneck.subtasks, key=lambda s: s.busy).container
            control = sorted(at.containers - {slow})[:1]
            return tuple(case.containers[c] for c in (slow, *control) if c in case.containers)
    return ()
