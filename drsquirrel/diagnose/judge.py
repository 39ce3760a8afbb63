"""Diagnosis of one run: the last hour and the rules in, the report out."""

from collections.abc import Mapping
from dataclasses import dataclass

from drsquirrel.diagnose.case import build
from drsquirrel.diagnose.checkpoint import checkpoints_of
from drsquirrel.diagnose.conclusion import STALE_ROUNDS, conclude
from drsquirrel.diagnose.container import containers_now
from drsquirrel.diagnose.fault import history_of
from drsquirrel.diagnose.health import assess_all
from drsquirrel.diagnose.hour import MeasuredHour, MinuteValues, measure, series_of
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.memory import SURE, Memory, hold, key_of
from drsquirrel.diagnose.minute import Minutes
from drsquirrel.diagnose.question import Causes, Weighed, answer_of, asked, weigh
from drsquirrel.diagnose.strip import clock, last_hour
from drsquirrel.diagnose.symptom import benign_of, symptoms_of
from drsquirrel.model import series
from drsquirrel.model.case import Case, ContainerNow, Episode, VertexNow
from drsquirrel.model.facts import JobFacts
from drsquirrel.model.report import (
    HOUR_MINUTES,
    Answer,
    Culprit,
    Data,
    Incident,
    Node,
    Onset,
    Report,
    Source,
)
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.model.unknown import Unknown
from drsquirrel.model.verdict import Confidence, Verdict
from drsquirrel.rules.cause import Question
from drsquirrel.rules.load import Rules
from drsquirrel.rules.wording import count, duration, plural

SHOWN_INCIDENTS = 20


@dataclass(frozen=True)
class Judgement:
    """The report, what to remember, and whose threads would decide an open question."""

    report: Report
    memory: Memory
    wants_threads: tuple[ContainerNow, ...]
    """The limiting container and, as a control, another of the run."""
    up_ms: int | None
    """For how long all tasks have run."""


def diagnose(
    inquiry: Inquiry, memory: Memory, rules: Rules, minutes: Minutes, now_ms: int
) -> Judgement:
    """Judge one run at `now_ms`. `minutes` only saves measuring closed minutes again."""
    hour = measure(inquiry, minutes, now_ms)
    since_ms = now_ms - HOUR_MINUTES * MINUTE_MS
    containers = containers_now(inquiry, hour, now_ms)
    history = history_of(inquiry.rollups, containers, since_ms)
    checkpoints = checkpoints_of(inquiry.rollups.values(), history.up_since_ms)
    case = build(inquiry, hour, checkpoints, history.episodes, history.up_since_ms, containers)
    measured = series_of(
        hour,
        inquiry.facts,
        checkpoints,
        history.episodes,
        history.up_since_ms,
        inquiry.run.start_ms,
    )
    checks = assess_all(rules.checks, measured, inquiry.facts)
    asked_now = list(_answers(case, rules.causes, hour))
    held = hold(memory, [answer for answer, _ in asked_now])
    causes = _ranked([h.answer for h in held if h.promoted])
    symptoms = symptoms_of(case, causes)
    next_words = _if_nothing_is_done(causes, asked_now)
    told = conclude(inquiry, case, hour, causes, symptoms, checks, next_words)
    vertices = frozenset(v for a in causes if (v := a.culprit.vertex_id))
    places = frozenset(c for a in causes if (c := a.culprit.container))
    same = told.verdict is memory.verdict
    since_verdict_ms = memory.verdict_since_ms if same else now_ms
    report = Report(
        made_ms=now_ms,
        job=inquiry.job,
        run=inquiry.run,
        verdict=told.verdict,
        headline=told.headline,
        subline=told.subline,
        since_ms=_since(causes, since_verdict_ms),
        causes=causes,
        incidents=_incidents(case, rules.causes),
        symptoms=[s for s in symptoms if told.verdict is not Verdict.ENDED],
        benign=benign_of(case, inquiry),
        checks=checks,
        hour=last_hour(hour, inquiry.facts, measured, checkpoints, case.episodes, vertices, places),
        graph=_graph(case, inquiry.facts, measured, vertices),
        data=_data(inquiry, hour, now_ms),
        actions=list(inquiry.actions),
        facts=_facts(inquiry, case),
    )
    remembered = Memory(held=held, verdict=told.verdict, verdict_since_ms=since_verdict_ms)
    up_ms = None if history.up_since_ms is None else now_ms - history.up_since_ms
    return Judgement(report, remembered, _wanted_threads(case, asked_now), up_ms)


def _answers(case: Case, causes: Causes, hour: MeasuredHour) -> list[tuple[Answer, Weighed]]:
    """The best answer to each question the case raises, where it is at least possible."""
    found = []
    for question, about in asked(case):
        ranked = weigh(question, causes, about)
        if ranked and ranked[0].confidence is not Confidence.CANNOT_TELL:
            found.append((answer_of(ranked[0], ranked, _onset(about, question)), ranked[0]))
    return found


def _onset(case: Case, question: Question) -> Onset | None:
    if question is Question.WHO_FAILED_FIRST and case.episode:
        first_ms = _row_began_ms(case)
        return Onset(earliest_ms=first_ms, latest_ms=first_ms)
    return case.bottleneck.onset if case.bottleneck else None


def _row_began_ms(case: Case) -> int:
    """When the row of episodes with the newest one's signature began."""
    assert case.episode is not None
    began_ms = case.episode.began_ms
    for episode in reversed(case.episodes):
        if _signature(episode) != _signature(case.episode):
            break
        began_ms = episode.began_ms
    return began_ms


def _signature(episode: Episode) -> str:
    return episode.first.event.signature if episode.first else ""


_ORDER = (
    Question.IS_IT_RUNNING,
    Question.WHO_FAILED_FIRST,
    Question.WHY_DOES_THE_BOTTLENECK_LIMIT,
    Question.WHAT_GROWS,
    Question.WHY_DO_CHECKPOINTS_FAIL,
)


def _ranked(answers: list[Answer]) -> list[Answer]:
    """Roots first: what a sure answer leads to at the same place is its consequence."""
    sure = [a for a in answers if a.confidence in SURE]
    order = [q.value for q in _ORDER]

    def rank(answer: Answer) -> tuple[bool, bool, int]:
        follows = any(
            answer.code in root.leads_to and not _apart(root.culprit, answer.culprit)
            for root in sure
            if root is not answer
        )
        return follows, answer.confidence not in SURE, order.index(answer.question)

    return sorted(answers, key=rank)


def _apart(cause: Culprit, effect: Culprit) -> bool:
    """Both name a container and it is not the same."""
    return bool(cause.container and effect.container and cause.container != effect.container)


def _since(causes: list[Answer], verdict_since_ms: int) -> int:
    onset = causes[0].onset if causes else None
    return min(onset.latest_ms, verdict_since_ms) if onset else verdict_since_ms


def _if_nothing_is_done(causes: list[Answer], asked_now: list[tuple[Answer, Weighed]]) -> str:
    for answer, weighed in asked_now:
        if causes and key_of(answer) == key_of(causes[0]):
            return weighed.cause.if_nothing_is_done(weighed.case)
    return ""


def _incidents(case: Case, causes: Causes) -> list[Incident]:
    """Episodes of the hour that are over, the newest first, each with who failed first."""
    over = [e for e in case.episodes if e.ended_ms is not None]
    found = []
    for episode in reversed(over[-SHOWN_INCIDENTS:]):
        about = case.about(episode=episode)
        ranked = weigh(Question.WHO_FAILED_FIRST, causes, about)
        best = ranked[0] if ranked and ranked[0].confidence in SURE else None
        found.append(
            Incident(
                began_ms=episode.began_ms,
                ended_ms=episode.ended_ms,
                cause=best.code if best else None,
                title=best.cause.title(about) if best else _what_happened(episode),
                culprit=best.cause.culprit(about) if best else Culprit(),
                failures=len(episode.faults),
                note="Earlier entries of Flink's history were lost"
                if episode.entries_lost is True
                else "",
            )
        )
    return found


def _what_happened(episode: Episode) -> str:
    if episode.first is None:
        return "Tasks stopped without an exception: a rescale, or its entries were lost"
    return f"Restarted after {episode.first.exception.rpartition('.')[2]}"


def _graph(
    case: Case,
    facts: JobFacts | None,
    measured: Mapping[series.Series, Mapping[str, MinuteValues]],
    culprits: frozenset[str],
) -> list[Node]:
    found = []
    for vertex in facts.vertices if facts else ():
        now = case.by_vertex.get(vertex.id)
        works = now.subtasks if now and not case.warming_up else ()
        rates = [
            r
            for s in works
            if not isinstance(
                r := s.records_in_per_s if vertex.inputs else s.records_out_per_s, Unknown
            )
        ]
        busy = max((s.busy for s in works), default=None)
        pressured = max((s.pressured for s in works), default=None)
        found.append(
            Node(
                id=vertex.id,
                name=vertex.name,
                operators=vertex.operators,
                inputs=tuple(e.source for e in vertex.inputs),
                parallelism=vertex.parallelism,
                busy=busy,
                backpressured=pressured,
                records_per_s=sum(rates) if rates else None,
                saturated=len(now.saturated) if now and works else 0,
                culprit=vertex.id in culprits,
                says=_node_says(now, pressured),
            )
        )
    return found


def _node_says(now: VertexNow | None, pressured: float | None) -> str:
    """What the shares alone do not tell."""
    if now is None or pressured is None:
        return "not measured"
    saturated, of = len(now.saturated), now.vertex.parallelism
    return f"{saturated} of {of} subtasks at their limit" if 0 < saturated < of else ""


def _data(inquiry: Inquiry, hour: MeasuredHour, now_ms: int) -> Data:
    expected = inquiry.expected
    newest = inquiry.rollups.get(max(inquiry.rollups, default=-1))
    times = [r.time_ms for t in newest.tracks for r in t.last] if newest else []
    age_ms = max(0, now_ms - max(times)) if times else None
    late = age_ms is None or age_ms > 2 * expected.interval_ms
    stale = age_ms is None or age_ms > STALE_ROUNDS * expected.interval_ms
    state = "missing" if age_ms is None else "stale" if stale else "late" if late else "fresh"
    rest = Source(name="Flink REST", state=state, age_ms=age_ms, says=expected.cluster_says)  # type: ignore[arg-type]
    gaps = [
        "Container memory and CPU limits: not in Flink's REST; they come with the node agent.",
        "Logs: not in Flink's REST beyond its exception history.",
    ]
    if not inquiry.dumps_allowed:
        gaps.append("Thread dumps: not allowed for background watching; diagnose takes them.")
    return Data(age_ms=age_ms, observed_minutes=hour.observed, sources=(rest,), gaps=tuple(gaps))


def _facts(inquiry: Inquiry, case: Case) -> list[tuple[str, str]]:
    facts = inquiry.facts
    found = [("cluster", inquiry.job.cluster), ("Flink", inquiry.run.flink_version)]
    found.append(("started", clock(inquiry.run.start_ms)))
    if facts:
        tasks = sum(v.parallelism for v in facts.vertices)
        found.append(
            (
                "tasks",
                f"{tasks} in {plural(len(facts.vertices), 'vertex')}".replace(
                    "vertexs", "vertices"
                ),
            )
        )
        settings = facts.checkpoints
        told = (
            "off"
            if settings is None
            else (
                f"every {duration(settings.interval_ms)}, time-out {duration(settings.timeout_ms)}"
            )
        )
        found.append(("checkpoints", told))
        if facts.restart_strategy:
            found.append(("restarts", facts.restart_strategy))
    held = [c for c in case.containers.values() if c.is_taskmanager and c.gone_ms is None]
    found.append(("TaskManagers", count(len(held))))
    return [(label, text) for label, text in found if text]


def _wanted_threads(
    case: Case, asked_now: list[tuple[Answer, Weighed]]
) -> tuple[ContainerNow, ...]:
    """Where a dump would decide: the limiting container of a bottleneck without a sure answer."""
    sure = {a.culprit.vertex_id for a, _ in asked_now if a.confidence in SURE}
    for bottleneck in () if isinstance(case.bottlenecks, Unknown) else case.bottlenecks:
        at = bottleneck.at
        if at.vertex.id not in sure and isinstance(bottleneck.threads, Unknown):
            slow = max(bottleneck.subtasks, key=lambda s: s.busy).container
            control = sorted(at.containers - {slow})[:1]
            return tuple(case.containers[c] for c in (slow, *control) if c in case.containers)
    return ()
