"""The case of a run now, put together from its facts: DIAGNOSIS.md section 2."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from drsquirrel.diagnose.bottleneck import Site, Walk, outputs_of
from drsquirrel.diagnose.container import Process, place, slots_free
from drsquirrel.diagnose.episode import History
from drsquirrel.diagnose.health import NO_PLAN
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.lag import LagSeen
from drsquirrel.diagnose.minute import RunMinute
from drsquirrel.diagnose.now import FRESH_MS, Now
from drsquirrel.diagnose.onset import onset_of
from drsquirrel.diagnose.rate import FROZEN
from drsquirrel.diagnose.thread import verdict as thread_verdict
from drsquirrel.diagnose.vertex import UNSEEN, cost_skew, known_costs, send_errors, skew
from drsquirrel.model.case import (
    NOT_DUMPED,
    Bottleneck,
    Case,
    CheckpointsNow,
    ContainerNow,
    Lag,
    ThreadVerdict,
    VertexNow,
)
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.report import Onset
from drsquirrel.model.unknown import Number, Unknown, known
from drsquirrel.rules.wording import duration

WARM_UP_MS = 30_000
"""After a (re)start for so long nothing is said of rates."""
EQUAL_RECORDS = 1.5
"""Subtasks whose records differ by less than this factor get about the same work."""
SLOW_FACTOR = 2.0
"""A subtask whose records cost this multiple of its quicker peers' is slow by itself."""
THREADS_FRESH_MS = 1_200_000
"""Two series of dumps, ten minutes apart, add up."""
FROZEN_MS = 45_000
"""Counters older than this are not of now: four rounds brought none."""
NOT_READ = "the plan was not read yet"
CALM_MINUTES = 3
"""To say that records cost more than before takes so many minutes without a bottleneck."""


def build(
    inquiry: Inquiry,
    hour: MeasuredHour,
    now: Now | None,
    checkpoints: CheckpointsNow,
    history: History,
    in_burst: bool,
) -> Case:
    """The case of a run at the hour's end. Its containers are those of the hour that hold or held
    its subtasks; what limits a vertex may be another on the same host. In a burst none limits."""
    facts = inquiry.facts
    nothing = Unknown("no data in the last minutes")
    up_ms = up_for_ms(history, hour.now_ms)
    case = Case(
        now_ms=hour.now_ms,
        job=inquiry.job.name,
        start_ms=inquiry.started_ms,
        state=inquiry.run.state,
        facts=facts or Unknown(NO_PLAN if inquiry.expected.never_answered else NOT_READ),
        all_running=now.all_running if now else nothing,
        running_for_ms=up_ms,
        frozen=frozen(inquiry, now, hour.now_ms),
        warming_up=is_warming_up(inquiry, history, hour.now_ms),
        vertices=vertices_now(now, facts, hour) if now and facts else (),
        containers=containers_of(inquiry, hour),
        lags=tuple(map(lag_now, now.rates.lags)) if now else (),
        bottlenecks=nothing,
        episodes=history.episodes,
        checkpoints=checkpoints,
        slots_free=slots_free(inquiry.processes),
        tasks_waiting=now.waiting if now else nothing,
        waiting_since_ms=history.waiting_since_ms,
    )
    return replace(case, bottlenecks=bottlenecks_now(case, inquiry, hour, now, in_burst))


def up_for_ms(history: History, now_ms: int) -> Number:
    """For how long all tasks have run, at least."""
    if history.up_since_ms is None:
        return Unknown("not all tasks run")
    return max(0, now_ms - history.up_since_ms)


def is_warming_up(inquiry: Inquiry, history: History, now_ms: int) -> bool:
    """Whether all tasks run, and have not for long. One that is seen for the first time may have
    run for hours, unless its start was shortly before."""
    since_ms = history.up_since_ms
    if since_ms is None or now_ms - since_ms >= WARM_UP_MS or inquiry.is_batch:
        return False
    return history.saw_start or since_ms - inquiry.started_ms < WARM_UP_MS


def containers_of(inquiry: Inquiry, hour: MeasuredHour) -> dict[str, ContainerNow]:
    """The processes that held subtasks of the run in the hour, and the JobManager's."""
    known = inquiry.processes
    return {c: known[c].beside(inquiry.run.id) for c in sorted(hour.containers) if c in known}


def with_neighbours(case: Case, processes: Mapping[str, Process], run: str) -> Case:
    """The case with all processes that are alive: they may share a host with the run's."""
    alive = {c: p.beside(run) for c, p in processes.items() if p.now.gone_ms is None}
    return replace(case, containers=alive | dict(case.containers))


def frozen(inquiry: Inquiry, now: Now | None, now_ms: int) -> str:
    """Why the rates are not to be trusted; "" if they are.

    One hung TaskManager freezes the REST values of all.
    """
    alive = (p.now for p in inquiry.processes.values() if p.now.gone_ms is None)
    silent_ms = [known(c.heartbeat_age_ms, 0.0) for c in alive if c.is_silent]
    if silent_ms:
        return f"a TaskManager has been silent for {duration(max(silent_ms))}"
    if now is None or now.counters_age_ms is None:
        return ""
    if now.counters_age_ms > max(FROZEN_MS, 3 * inquiry.expected.interval_ms):
        return f"Flink's counters have stood still for {duration(now.counters_age_ms)}"
    still = sum(reason is FROZEN for reason in now.rates.untrusted.values())
    measured = sum(map(len, now.rates.works.values()))
    return "Flink's counters stand still" if still > measured else ""


def bottlenecks_now(
    case: Case, inquiry: Inquiry, hour: MeasuredHour, now: Now | None, in_burst: bool
) -> tuple[Bottleneck, ...] | Unknown:
    """The vertices that limit now; unknown while nothing is to be said of rates.

    A batch job works as fast as it can, some vertex always limits it; a burst drains by itself.
    """
    if now is None:
        return Unknown("no data in the last minutes")
    if case.frozen:
        return Unknown(case.frozen)
    if case.all_running is not True:
        return Unknown("not all tasks run")
    if inquiry.is_batch or in_burst:
        return ()
    if case.warming_up:
        return Unknown("all tasks have run for less than 30 s")
    if isinstance(now.walk, Unknown):
        return now.walk
    near = with_neighbours(case, inquiry.processes, inquiry.run.id)
    return tuple(bottleneck_now(site, near, inquiry, hour, now) for site in now.walk.sites)


def bottleneck_now(
    site: Site, case: Case, inquiry: Inquiry, hour: MeasuredHour, now: Now
) -> Bottleneck:
    """One limiting vertex with what explains it."""
    at = case.by_vertex[site.vertex]
    subtasks = tuple(s for s in at.subtasks if s.index in site.subtasks)
    held_in = sorted({s.container for s in subtasks} & set(case.containers))
    holding = tuple(case.containers[c] for c in held_in)
    cpu: Number = 0.0
    for container in holding:
        cpu = cpu + container.cores_used
    rises = [v.cost_rise for v in case.vertices if v is not at]
    known_rises = [r for r in rises if not isinstance(r, Unknown)]
    nobody = Unknown("no other vertex to compare with")
    onset = onset_of(hour, limited(hour, site.vertex), case.start_ms)
    return Bottleneck(
        at=at,
        subtasks=subtasks,
        onset=onset,
        inside_chain=site.inside_chain,
        cpu_cores=cpu if holding else Unknown("no data of its containers"),
        containers=holding,
        threads=threads_at(inquiry, at, site, onset, case.now_ms),
        neighbours_cost_rise=median(known_rises) if known_rises else nobody,
        slow_host=slow_host(at, case.containers),
    )


def limited(hour: MeasuredHour, vertex: str) -> list[bool | None]:
    """Minute by minute whether this vertex limited the run."""
    told = [m and m.vertices.get(vertex, UNSEEN).bottleneck for m in hour.run]
    return [None if value is None else value == 1 for value in told]


def vertices_now(now: Now, facts: JobFacts, hour: MeasuredHour) -> tuple[VertexNow, ...]:
    """The vertices over the newest minutes."""
    calm = [m for m in hour.run if m and isinstance(m.walk, Walk) and not m.walk.sites]
    outputs = outputs_of(facts)
    return tuple(vertex_now(now, v, calm, is_last=not outputs[v.id]) for v in facts.vertices)


def vertex_now(now: Now, vertex: Vertex, calm: list[RunMinute], *, is_last: bool) -> VertexNow:
    """A vertex; `calm` are the minutes in which none limited the run."""
    subtasks = now.rates.subtasks[vertex.id]
    return VertexNow(
        vertex=vertex,
        subtasks=subtasks,
        reads_from_outside=not vertex.inputs,
        writes_outside=is_last,
        cost_rise=cost_rise(calm, vertex.id, known_costs(subtasks)),
        records_skew=skew(vertex, subtasks),
        cost_skew=cost_skew(subtasks),
        send_errors_per_s=send_errors(now.of_scope, vertex.id, now.told_ms - FRESH_MS),
    )


def cost_rise(calm: list[RunMinute], vertex: str, costs_now: list[float]) -> Number:
    """Median wall cost now over its median of the minutes in which no vertex limited the run."""
    then = [c for m in calm if (c := m.vertices.get(vertex, UNSEEN).cost_us) is not None]
    if not costs_now:
        return Unknown("too few records to tell what one takes")
    if len(then) < CALM_MINUTES or median(then) <= 0:
        return Unknown("no minutes without a bottleneck to compare with")
    return median(costs_now) / median(then)


def lag_now(seen: LagSeen) -> Lag:
    """A lag with what this source does not report as unknown."""
    nothing = Unknown("this source reports no lag of this kind")
    return Lag(
        vertex=seen.vertex,
        operator=seen.operator,
        records=nothing if seen.records is None else seen.records,
        slope_per_s=nothing if seen.slope_per_s is None else seen.slope_per_s,
        rising=seen.rising,
        falling=seen.falling,
    )


def threads_at(
    inquiry: Inquiry, at: VertexNow, site: Site, onset: Onset | None, now_ms: int
) -> ThreadVerdict | Unknown:
    """What the saturated subtasks' threads did in the dumps of the last twenty minutes, and since
    it may have begun."""
    since_ms = now_ms - THREADS_FRESH_MS
    if onset:
        since_ms = max(since_ms, onset.earliest_ms)
    name = at.vertex.name
    others = {v.name for v in inquiry.facts.vertices} - {name} if inquiry.facts else set()
    held_in = {s.index: s.container for s in at.subtasks if s.index in site.subtasks}
    samples = [
        s
        for s in inquiry.threads
        if s.time_ms >= since_ms
        and held_in.get(s.subtask) == s.container
        # Flink may have cut the name; the whole name of another vertex is not meant.
        and (name.startswith(s.task) and s.task and s.task not in others)
    ]
    return thread_verdict(samples) if samples else NOT_DUMPED


def slow_host(at: VertexNow, containers: Mapping[str, ContainerNow]) -> str | Unknown:
    """The host, else container, that all slow subtasks share and no other has, with equal records.

    "" if slow and quick ones are mixed, or none is slow.
    """
    costs = [(s, c) for s in at.subtasks if not isinstance(c := s.wall_cost_us, Unknown)]
    if len(costs) < 2:
        return Unknown("fewer than two subtasks with records")
    if isinstance(at.records_skew, Unknown):
        return at.records_skew
    quicker_half = sorted(c for _, c in costs)[: (len(costs) + 1) // 2]
    usual = median(quicker_half)
    slow = [s.container for s, c in costs if c >= SLOW_FACTOR * usual]
    quick = [s.container for s, c in costs if c < SLOW_FACTOR * usual]
    if not slow or at.records_skew > EQUAL_RECORDS:
        return ""
    hosts = {place(c, containers) for c in slow}
    if len(hosts) == 1 and not hosts & {place(c, containers) for c in quick}:
        return hosts.pop()
    return slow[0] if len(set(slow)) == 1 and slow[0] not in quick else ""
