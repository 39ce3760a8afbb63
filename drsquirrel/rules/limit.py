"""Facts on the vertex that limits a job: where it is, what it takes, what its processes use."""

import math
from statistics import mean

from drsquirrel.model.case import Bottleneck, Case, ContainerNow, SubtaskNow, ThreadKind
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Number, Truth, Unknown, both, either, known, negated
from drsquirrel.rules.operator import (
    is_sink,
    is_sink_frame,
    is_source_frame,
    method_of,
    operators,
    short,
)
from drsquirrel.rules.wording import about, count, plural, times

WAITS_CORES = 0.4
"""A saturated thread that uses less CPU than this waits most of its time."""
COMPUTES_CORES = 0.6
"""One that surely uses this much computes most of its time."""
FULL_SHARE = 0.85
"""Of its cores: with so much in use a process or its host has none left."""
COST_RISE = 1.5
GC_SHARE = 0.2
HOT_FACTOR = 1.5
MANY_TIMES = 1000
SHOWN_SUBTASKS = 5
DECISIVE_SHARE = 0.75
DECISIVE_SAMPLES = 3
BUSY_GOAL = 0.8
"""Advice aims at subtasks that are busy for this share of the time."""


def limit_of(case: Case) -> Bottleneck:
    """The vertex in question; ValueError where the case is about none."""
    if case.bottleneck is None:
        raise ValueError("this cause explains a vertex that limits, and the case is about none")
    return case.bottleneck


# Where


def operator_at(b: Bottleneck) -> str | None:
    """The operator to blame: the only one, or the one whose stack frames say so; else None.

    A chain has one thread, so its busy time tells nothing about its parts.
    """
    names = operators(b.at.vertex)
    if len(names) == 1 or only_sink(b):
        return names[0]
    if isinstance(b.threads, Unknown) or not threads_tell(b):
        return None
    if 0 <= b.threads.chain_index < len(names):
        return names[b.threads.chain_index]
    sinks = sinks_of(b)
    if is_sink_frame(b.threads.operator_frame):
        return sinks[0] if sinks else None
    if b.at.reads_from_outside and is_source_frame(b.threads.operator_frame):
        return names[0]
    inner = [n for n in names[1 if b.at.reads_from_outside else 0 :] if n not in sinks]
    return inner[0] if len(inner) == 1 else None


def sinks_of(b: Bottleneck) -> tuple[str, ...]:
    """The chained operators that are sinks: by their names, else the last where data leaves."""
    names = operators(b.at.vertex)
    named = tuple(n for n in names if is_sink(n))
    return named or (names[-1:] if b.at.writes_outside else ())


def place(b: Bottleneck) -> str:
    """Where it is, in words: "`enrich`", or "something inside `a → b → c`"."""
    operator = operator_at(b)
    if operator:
        return quoted(short(operator))
    return f"something inside {quoted(' → '.join(map(short, operators(b.at.vertex))))}"


def place_first(b: Bottleneck) -> str:
    """The same at the beginning of a sentence."""
    text = place(b)
    return f"{text[0].upper()}{text[1:]}" if text[0] != "`" else f"Operator {text}"


def busy_subtasks(b: Bottleneck) -> str:
    """The saturated subtasks in words: "subtasks 1, 3 of `count`"."""
    shown = ", ".join(str(s.index) for s in b.subtasks[:SHOWN_SUBTASKS])
    more = ", …" if len(b.subtasks) > SHOWN_SUBTASKS else ""
    return f"subtask{'' if len(b.subtasks) == 1 else 's'} {shown}{more} of {place(b)}"


def waiting(b: Bottleneck) -> str:
    """Who waits for it."""
    return "the whole chain waits for it" if b.inside_chain else "everything upstream waits for it"


def where(b: Bottleneck, container: str | None = None, host: str | None = None) -> Culprit:
    """Its vertex, the operator if known, and the saturated subtasks unless it is all of them."""
    return Culprit(
        vertex=b.at.vertex.name,
        vertex_id=b.at.vertex.id,
        operator=operator_at(b),
        subtasks=() if b.at.all_saturated else tuple(s.index for s in b.subtasks),
        parallelism=b.at.vertex.parallelism,
        container=container,
        host=host,
    )


def writes(b: Bottleneck) -> bool:
    """Whether a sink is in it; a writer whose committer is a vertex of its own counts."""
    return bool(sinks_of(b))


def only_sink(b: Bottleneck) -> bool:
    """Whether nothing but a sink runs in it."""
    return len(sinks_of(b)) == len(operators(b.at.vertex))


# Records


def handled_per_s(b: Bottleneck, subtask: SubtaskNow) -> Number:
    """Records a second a subtask takes in; of a source, gives out."""
    source = b.at.reads_from_outside
    return subtask.records_out_per_s if source else subtask.records_in_per_s


def rate(b: Bottleneck) -> Number:
    """Records a second that pass through the vertex."""
    total: Number = 0.0
    for subtask in b.at.subtasks:
        total = total + handled_per_s(b, subtask)
    return total


def hot_factor(b: Bottleneck) -> Number:
    """Mean records of the saturated subtasks over those of the others."""
    busy = {s.index for s in b.subtasks}
    hot = [handled_per_s(b, s) for s in b.at.subtasks if s.index in busy]
    cool = [handled_per_s(b, s) for s in b.at.subtasks if s.index not in busy]
    if not cool:
        return Unknown("all subtasks are saturated")
    for value in (*hot, *cool):
        if isinstance(value, Unknown):
            return value
    rest = mean(known(v, 0.0) for v in cool)
    most = mean(known(v, 0.0) for v in hot)
    return most / rest if rest else math.inf


def is_hot(b: Bottleneck) -> Truth:
    """Whether the saturated subtasks get clearly more records than the others."""
    return hot_factor(b) >= HOT_FACTOR


def hot_shown(b: Bottleneck) -> str:
    """The records of the saturated subtasks against the others', as text."""
    factor = hot_factor(b)
    if isinstance(factor, Unknown):
        return factor.reason
    return f"{times(factor)} the others'" if factor < MANY_TIMES else "all of them"


def growth(case: Case) -> Number:
    """How many times the records that pass now arrive, by the slope of the lag."""
    read = slope = 0.0
    for lag in case.lags:
        source = case.by_vertex.get(lag.vertex)
        if source is None or isinstance(lag.records, Unknown) or lag.rising is not True:
            continue
        read += sum(known(s.records_out_per_s, 0.0) for s in source.subtasks)
        slope += known(lag.slope_per_s, 0.0)
    return (read + slope) / read if read else Unknown("no source tells how its lag grows")


def parallelism_for(case: Case, b: Bottleneck) -> Number:
    """Subtasks that take what arrives at BUSY_GOAL, if records spread evenly over them."""
    need = growth(case) * b.at.vertex.parallelism / BUSY_GOAL
    if isinstance(need, Unknown):
        return need
    most = b.at.vertex.max_parallelism
    subtasks = math.ceil(need - 1e-9)
    return float(min(subtasks, most) if most > 0 else subtasks)


def demand(case: Case, b: Bottleneck) -> str:
    """What passes and what arrives: "240 records/s pass, 400 arrive"; "" where not known."""
    passes, more = rate(b), growth(case)
    if isinstance(passes, Unknown) or isinstance(more, Unknown):
        return ""
    return f"{count(passes)} records/s pass, {count(passes * more)} arrive"


def lag_grows(case: Case) -> str:
    """What happens if nothing is done, from the slope of the lag; "" where it is not known."""
    for lag in case.lags:
        if lag.rising is True and not isinstance(lag.slope_per_s, Unknown):
            if isinstance(lag.records, Unknown):
                behind = count(lag.slope_per_s * 60 / 1000)
                return f"It falls {behind} s further behind each minute."
            return f"Lag grows by about {about(lag.slope_per_s * 60)} records a minute."
    return ""


def is_there(case: Case, s: SubtaskNow, place: str) -> bool:
    """Whether a subtask runs on a host, or in a container."""
    held_in = case.containers.get(s.container)
    return s.container == place or (held_in is not None and held_in.host == place)


def slow_there(case: Case, b: Bottleneck) -> int:
    """Subtasks of the vertex in the one place whose subtasks are slow; 0 if there is none."""
    place = b.slow_host
    return 0 if isinstance(place, Unknown) else sum(is_there(case, s, place) for s in b.at.subtasks)


# CPU


def gc_share(b: Bottleneck) -> Number:
    """The highest share of time any of its processes collects garbage."""
    shares = [c.gc_share for c in b.containers]
    told = [s for s in shares if not isinstance(s, Unknown)]
    return max(told) if told else Unknown("collectors not reported")


def is_full(case: Case, b: Bottleneck) -> Truth:
    """Whether one of its processes, or the host with all we know of on it, has no CPU left."""
    full: Truth = False
    for c in b.containers:
        on_host: Number = 0.0
        for peer in case.containers.values():
            if c.host and peer.host == c.host:
                on_host = on_host + known(peer.cores_used, 0.0)
        limit = c.cores * FULL_SHARE
        full = either(full, c.cores_used >= limit, on_host >= limit)
    return full


def is_shared(b: Bottleneck) -> bool:
    """Whether other jobs may use the CPU of its processes."""
    return any(isinstance(c.other_runs, Unknown) or c.other_runs > 0 for c in b.containers)


def cores_each(case: Case, b: Bottleneck) -> tuple[Number, Number]:
    """Cores each saturated subtask uses, at most and at least.

    At most all that its processes use; at least what the other subtasks of this job there cannot
    have used, being busy for less; unknown where other jobs run there.
    """
    n, held_in, own = len(b.subtasks), {c.id for c in b.containers}, {s.index for s in b.subtasks}
    others = sum(
        s.busy
        for v in case.vertices
        for s in v.subtasks
        if s.container in held_in and not (v is b.at and s.index in own)
    )
    if is_shared(b):
        return b.cpu_cores / n, Unknown("other jobs run in the same process")
    return b.cpu_cores / n, (b.cpu_cores - others) / n


def cores_shown(b: Bottleneck) -> str:
    """The CPU behind it: "0.3 cores, 2 busy subtasks"."""
    used = b.cpu_cores
    if isinstance(used, Unknown):
        return used.reason
    return f"{plural(round(used, 1), 'core')}, {plural(len(b.subtasks), 'busy subtask')}"


def neighbours_slower(b: Bottleneck) -> Truth:
    """Whether records take longer in the run's other vertices too."""
    return b.neighbours_cost_rise >= COST_RISE


def has_room(case: Case, b: Bottleneck) -> Truth:
    """Whether more subtasks would find slots and CPU."""
    return both(case.slots_free > 0, negated(is_full(case, b)))


def has_computed(case: Case, b: Bottleneck) -> bool:
    """Whether its saturated threads surely compute, as far as CPU tells."""
    least = cores_each(case, b)[1]
    return not isinstance(least, Unknown) and least >= COMPUTES_CORES


def widest(case: Case) -> int:
    """The highest parallelism of the run."""
    return max((v.vertex.parallelism for v in case.vertices), default=0)


def is_narrow(case: Case, b: Bottleneck) -> bool:
    """Whether another vertex has more subtasks."""
    return b.at.vertex.parallelism < widest(case)


def threads_tell(b: Bottleneck, share: float = DECISIVE_SHARE) -> bool:
    """Whether enough samples of its threads agree."""
    t = b.threads
    return not isinstance(t, Unknown) and t.samples >= DECISIVE_SAMPLES and t.share >= share


def in_sink(b: Bottleneck) -> bool:
    """Whether its threads were seen inside a sink."""
    if isinstance(b.threads, Unknown):
        return False
    names, index = operators(b.at.vertex), b.threads.chain_index
    if 0 <= index < len(names):
        return names[index] in sinks_of(b)
    return is_sink_frame(b.threads.operator_frame)


def sleeping(b: Bottleneck) -> str:
    """The method its threads sleep in; "" if they do not."""
    t = b.threads
    asleep = not isinstance(t, Unknown) and t.kind is ThreadKind.SLEEPING
    return method_of(t.frame) if asleep and not isinstance(t, Unknown) else ""


def busiest(b: Bottleneck) -> ContainerNow | None:
    """The process with the most saturated subtasks."""
    in_it = {c.id: sum(s.container == c.id for s in b.subtasks) for c in b.containers}
    return max(b.containers, key=lambda c: in_it[c.id], default=None)
