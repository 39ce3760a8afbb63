"""The case of a run now, put together from its facts: DIAGNOSIS.md section 2."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from drsquirrel.diagnose.bottleneck import Site, outputs_of
from drsquirrel.diagnose.container import place, slots_free
from drsquirrel.diagnose.hour import MeasuredHour
from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.lag import LagSeen
from drsquirrel.diagnose.now import Now, now_of
from drsquirrel.diagnose.question import is_silent
from drsquirrel.diagnose.rate import latest
from drsquirrel.diagnose.reading import RUN
from drsquirrel.diagnose.thread import verdict as thread_verdict
from drsquirrel.diagnose.vertex import cost_skew, record_rates, send_errors, skew, subtasks_of
from drsquirrel.model import metric
from drsquirrel.model.case import (
    Bottleneck,
    Case,
    CheckpointsNow,
    ContainerNow,
    Episode,
    Lag,
    ThreadVerdict,
    VertexNow,
)
from drsquirrel.model.facts import JobFacts, Vertex
from drsquirrel.model.report import Onset
from drsquirrel.model.snapshot import MINUTE_MS
from drsquirrel.model.unknown import Number, Truth, Unknown
from drsquirrel.rules.wording import duration

WARM_UP_MS = 30_000
"""After a (re)start for so long nothing is said of rates."""
EQUAL_RECORDS = 1.5
"""Subtasks whose records differ by less than this factor get about the same work."""
SLOW_FACTOR = 2.0
"""A subtask whose records cost this multiple of its peers' is slow by itself."""
THREADS_FRESH_MS = 600_000
FROZEN_MS = 45_000
"""Counters older than this are not of now: four rounds brought none."""


def build(
    inquiry: Inquiry,
    hour: MeasuredHour,
    checkpoints: CheckpointsNow,
    episodes: tuple[Episode, ...],
    up_since_ms: int | None,
    containers: Mapping[str, ContainerNow],
) -> Case:
    """The case of a run at the hour's end."""
    now_ms = hour.now_ms
    now = now_of(inquiry, now_ms)
    facts = inquiry.facts
    running, waiting = tasks_now(now)
    up_ms: Number = now_ms - up_since_ms if up_since_ms else Unknown("not all tasks have run yet")
    known_plan = facts.vertices if now and facts else ()
    case = Case(
        now_ms=now_ms,
        job=inquiry.job.name,
        start_ms=inquiry.run.start_ms,
        state=inquiry.run.state,
        facts=facts or Unknown("the plan was not read yet"),
        all_running=running,
        running_for_ms=up_ms,
        frozen=frozen(now, containers, now_ms, 3 * inquiry.expected.interval_ms),
        warming_up=running is True and (isinstance(up_ms, Unknown) or up_ms < WARM_UP_MS),
        vertices=tuple(vertex_now(now, v, facts, hour) for v in known_plan if now and facts),
        containers=containers,
        lags=tuple(map(lag_now, now.minute.lags)) if now else (),
        bottlenecks=Unknown("no data in the last minutes"),
        episodes=episodes,
        checkpoints=checkpoints,
        slots_free=slots_free(inquiry, now_ms),
        tasks_waiting=waiting,
    )
    return replace(case, bottlenecks=bottlenecks_now(case, inquiry, hour, now))


def bottlenecks_now(
    case: Case, inquiry: Inquiry, hour: MeasuredHour, now: Now | None
) -> tuple[Bottleneck, ...] | Unknown:
    """The vertices that limit now; unknown while nothing is to be said of rates."""
    if now is None:
        return Unknown("no data in the last minutes")
    if case.frozen:
        return Unknown(case.frozen)
    if case.all_running is not True:
        return Unknown("not all tasks run")
    if case.warming_up:
        return Unknown("all tasks have run for less than 30 s")
    walk = now.minute.walk
    if isinstance(walk, Unknown):
        return walk
    return tuple(bottleneck_now(site, case, inquiry, hour) for site in walk.sites)


def bottleneck_now(site: Site, case: Case, inquiry: Inquiry, hour: MeasuredHour) -> Bottleneck:
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
    return Bottleneck(
        at=at,
        subtasks=subtasks,
        onset=onset_at(hour, site.vertex, inquiry.run.start_ms),
        inside_chain=site.inside_chain,
        cpu_cores=cpu if holding else Unknown("no data of its containers"),
        containers=holding,
        threads=threads_at(inquiry, at, site, case.now_ms),
        neighbours_cost_rise=median(known_rises) if known_rises else nobody,
        slow_host=slow_host(at, case.containers),
    )


def vertex_now(now: Now, vertex: Vertex, facts: JobFacts, hour: MeasuredHour) -> VertexNow:
    """A vertex over the newest minutes."""
    works = {i: w for (id_, i), w in now.minute.works.items() if id_ == vertex.id}
    subtasks = subtasks_of(vertex, works)
    even = skew(record_rates(vertex, subtasks), vertex)
    return VertexNow(
        vertex=vertex,
        subtasks=subtasks,
        reads_from_outside=not vertex.inputs,
        writes_outside=not outputs_of(facts)[vertex.id],
        cost_rise=cost_rise(hour, vertex.id),
        records_skew=Unknown("too few records to tell") if even is None else even,
        cost_skew=cost_skew(subtasks),
        send_errors_per_s=send_errors(now.of_scope, vertex.id),
    )


def cost_rise(hour: MeasuredHour, vertex: str) -> Number:
    """Wall cost of the newest measured minute over the median of the minutes in which no vertex
    limited the run; unknown with fewer than three of those."""
    newest: float | None = None
    calm = []
    for minute in hour.run:
        found = minute.vertices.get(vertex) if minute else None
        if minute is None or found is None or found.cost_us is None:
            continue
        newest = found.cost_us
        if not isinstance(minute.walk, Unknown) and not minute.walk.sites:
            calm.append(newest)
    if newest is None or len(calm) < 3 or median(calm) <= 0:
        return Unknown("no minutes without a bottleneck to compare with")
    return newest / median(calm)


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


def threads_at(inquiry: Inquiry, at: VertexNow, site: Site, now_ms: int) -> ThreadVerdict | Unknown:
    """What the saturated subtasks' threads did in the dumps of the last ten minutes."""
    samples = [
        s
        for s in inquiry.threads
        if now_ms - s.time_ms < THREADS_FRESH_MS
        and s.subtask in site.subtasks
        and s.task
        and at.vertex.name.startswith(s.task)
    ]
    return thread_verdict(samples) if samples else Unknown("no thread dump was taken")


def slow_host(at: VertexNow, containers: Mapping[str, ContainerNow]) -> str | Unknown:
    """The host, else container, that all slow subtasks share and no other has, with equal records.

    "" if slow and quick ones are mixed, or none is slow.
    """
    costs = [(s, c) for s in at.subtasks if not isinstance(c := s.wall_cost_us, Unknown)]
    if len(costs) < 2:
        return Unknown("fewer than two subtasks with records")
    if isinstance(at.records_skew, Unknown):
        return at.records_skew
    usual = median(c for _, c in costs) if len(costs) > 2 else min(c for _, c in costs)
    slow = [s.container for s, c in costs if c >= SLOW_FACTOR * usual]
    quick = [s.container for s, c in costs if c < SLOW_FACTOR * usual]
    if not slow or not quick or at.records_skew > EQUAL_RECORDS:
        return ""
    hosts = {place(c, containers) for c in slow}
    if len(hosts) == 1 and not hosts & {place(c, containers) for c in quick}:
        return hosts.pop()
    return slow[0] if len(set(slow)) == 1 and slow[0] not in quick else ""


def onset_at(hour: MeasuredHour, vertex: str, start_ms: int) -> Onset | None:
    """Since when this vertex has limited the run."""
    limited = [None if minute is None else minute.limits(vertex) for minute in hour.run]
    return onset_of(hour, limited, start_ms)


def onset_of(hour: MeasuredHour, held: list[bool | None], start_ms: int) -> Onset | None:
    """The onset interval of a condition from its minutes (None: not seen), newest last.

    The unbroken run of minutes up to now, a gap of one bridged; earliest is the last minute known
    to be calm, or the start of the run.
    """
    first: int | None = None
    calm: int | None = None
    for i in range(len(held) - 1, -1, -1):
        if held[i] is True:
            first, calm = i, None
        elif held[i] is False and calm is None:
            calm = i
        elif held[i] is False and first is not None:
            break
    if first is None:
        return None
    latest_ms = (hour.first_minute + first + 1) * MINUTE_MS
    earliest_ms = start_ms if calm is None else (hour.first_minute + calm) * MINUTE_MS
    return Onset(earliest_ms=max(start_ms, earliest_ms), latest_ms=min(latest_ms, hour.now_ms))


def tasks_now(now: Now | None) -> tuple[Truth, Number]:
    """(all tasks run, tasks that wait for a slot) at the newest reading."""
    own = now.of_scope.get(RUN, []) if now else []
    total = latest(own, metric.TASKS_TOTAL.name)
    running = latest(own, metric.TASKS_RUNNING.name)
    waiting = latest(own, metric.TASKS_SCHEDULED.name)
    nothing = Unknown("the JobManager said nothing of the tasks in the last minutes")
    all_run: Truth = nothing if total is None or running is None else running >= total > 0
    return all_run, nothing if waiting is None else float(waiting)


def frozen(
    now: Now | None, containers: Mapping[str, ContainerNow], now_ms: int, patience_ms: int
) -> str:
    """Why the rates are not to be trusted; "" if they are.

    One hung TaskManager freezes the REST values of all.
    """
    for container in containers.values():
        age_ms = container.heartbeat_age_ms
        if container.gone_ms is None and not isinstance(age_ms, Unknown) and is_silent(age_ms):
            return f"a TaskManager has been silent for {age_ms / 1000:.0f} s"
    if now is None or now.counted_ms is None:
        return ""
    age_ms = now_ms - now.counted_ms
    if age_ms > max(FROZEN_MS, patience_ms):
        return f"Flink's counters have stood still for {duration(age_ms)}"
    still = sum(reason == "frozen" for reason in now.minute.untrusted.values())
    return "Flink's counters stand still" if still > len(now.minute.works) else ""
