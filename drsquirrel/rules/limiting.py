"""Causes that say why a vertex limits a job, and the evidence they share: DIAGNOSIS.md section 3.

Shared evidence is written once, so that one number never reads in two ways.
"""

from collections.abc import Iterator
from typing import ClassVar

from drsquirrel.model.case import NOT_DUMPED, Bottleneck, Case, ThreadKind
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import limit
from drsquirrel.rules.cause import (
    Advice,
    Cause,
    Evidence,
    Question,
    Strength,
    decisive,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.operator import method_of
from drsquirrel.rules.wording import count, percent, plural, record_time, times

DOES = {
    ThreadKind.IDLE: "are idle in",
    ThreadKind.BACKPRESSURED: "wait for their outputs in",
    ThreadKind.IO: "wait for an answer in",
    ThreadKind.SLEEPING: "sleep in",
    ThreadKind.LOCK: "wait for a lock in",
    ThreadKind.RUNNING: "compute in",
    ThreadKind.STATE: "work on state in",
}
WAITS = (ThreadKind.IO, ThreadKind.SLEEPING)


class Limiting(Cause):
    """A reason why the vertex in question limits the job."""

    answers = Question.WHY_DOES_THE_BOTTLENECK_LIMIT
    explains: ClassVar[tuple[str, ...]] = (
        "backpressure-high",
        "operator-saturated",
        "source-lag-growing",
        "checkpoint-slow",
        "checkpoint-failing",
        "checkpoint-missing",
    )
    leads_to = ("checkpoint-timeout-backpressure",)

    def culprit(self, case: Case) -> Culprit:
        return limit.where(limit.limit_of(case))

    def if_nothing_is_done(self, case: Case) -> str:
        return limit.lag_grows(case)


def all_alike(b: Bottleneck) -> Iterator[Evidence]:
    """For a cause that slows all subtasks of a vertex alike, wherever they run."""
    busy = f"{len(b.subtasks)} of {b.at.vertex.parallelism}"
    if b.at.all_saturated:
        yield supports("subtasks", weak, "all its subtasks are busy alike", busy)
    else:
        yield opposes("subtasks", strong, "only some of its subtasks are busy", busy)
    if limit.is_hot(b) is True:
        shown = limit.hot_shown(b)
        yield opposes("records", strong, "the busy subtasks get more records", shown)
    if isinstance(b.slow_host, str) and b.slow_host:
        yield opposes("host", strong, "only subtasks in one place are slow", b.slow_host)
    yield from no_garbage(b)


def some_only(b: Bottleneck) -> Iterator[Evidence]:
    """For a cause that slows some subtasks of a vertex and spares the others."""
    busy = f"{len(b.subtasks)} of {b.at.vertex.parallelism}"
    if b.at.all_saturated:
        yield opposes("subtasks", strong, "all its subtasks are busy alike", busy)
    else:
        yield supports("subtasks", weak, "only some of its subtasks are busy", busy)
    yield from no_garbage(b)


def equal_records(b: Bottleneck, strength: Strength) -> Iterator[Evidence]:
    """For a cause that slows subtasks which get no more records than the others."""
    hot = limit.is_hot(b)
    if not isinstance(hot, Unknown):
        shown = limit.hot_shown(b)
        if hot:
            yield opposes("records", strong, "the busy subtasks get more records", shown)
        else:
            yield supports("records", strength, "the busy subtasks get no more records", shown)


def no_garbage(b: Bottleneck) -> Iterator[Evidence]:
    """For every cause but collections themselves."""
    collects = limit.gc_share(b)
    if not isinstance(collects, Unknown) and collects >= limit.GC_SHARE:
        shown = f"{percent(collects)} of the time"
        yield opposes("gc", decisive, "its process collects garbage", shown)


def cost(b: Bottleneck) -> Iterator[Evidence]:
    """For a cause that makes each record take longer here and nowhere else."""
    rise = b.at.cost_rise
    if isinstance(rise, Unknown) or rise < limit.COST_RISE:
        return
    shown = f"{times(rise)} of before"
    if limit.neighbours_slower(b) is True:
        yield opposes("cost", weak, "records take longer in the job's other vertices too", shown)
    else:
        yield supports("cost", weak, "each record takes longer than before", shown)


def cpu(case: Case, b: Bottleneck, *, computes: bool) -> Iterator[Evidence]:
    """Whether its threads compute, for a cause that says they do (or, if not, that they wait).

    A process's CPU is an upper bound for one vertex in it: low CPU is strong evidence of waiting.
    High CPU is strong evidence of computing only for what the other subtasks in it cannot have
    used, and in a process of this job alone.
    """
    shown = limit.cores_shown(b)
    most, least = limit.cores_each(case, b)
    if isinstance(most, Unknown) or limit.is_full(case, b) is True:
        yield undecided("cpu", "whether its threads compute or wait", shown)
        return
    if most < limit.WAITS_CORES:
        text, weight, agrees = "its process computes little, its threads wait", strong, not computes
    elif most < limit.COMPUTES_CORES:
        yield undecided("cpu", "whether its threads compute or wait", shown)
        return
    elif isinstance(least, Unknown):
        text, weight, agrees = "its process computes, for other jobs too", weak, computes
    elif least < limit.COMPUTES_CORES:
        text, weight, agrees = "its process computes, for other operators too", weak, computes
    else:
        text, weight, agrees = "its threads compute all the time", strong, computes
    yield (supports if agrees else opposes)("cpu", weight, text, shown)


def threads(b: Bottleneck, *kinds: ThreadKind, here: bool = True) -> Iterator[Evidence]:
    """What its threads do, for a cause with threads of these kinds; `here`: in the right code."""
    t = b.threads
    if isinstance(t, Unknown):
        yield undecided("threads", "what its threads do: a thread dump would tell", t.reason)
        return
    text = f"its threads {DOES[t.kind]} {quoted(method_of(t.frame))}"
    shown = f"{percent(t.share)} of {plural(t.samples, 'sample')}"
    strength = decisive if limit.threads_tell(b) else weak
    agrees = t.kind in kinds and here
    yield (supports if agrees else opposes)("threads", strength, text, shown)


def takes(case: Case, b: Bottleneck) -> str:
    """What a record costs, what passes and what arrives, as far as it is known."""
    costs = [c for s in b.subtasks if not isinstance(c := s.wall_cost_us, Unknown)]
    cost_text = f"A record takes {record_time(max(costs))} of its thread" if costs else ""
    parts = [p for p in (cost_text, limit.demand(case, b)) if p]
    return f"{'; '.join(parts)}." if parts else ""


def why_it_sleeps(b: Bottleneck) -> Iterator[Advice]:
    """For threads that were told to wait."""
    if limit.sleeping(b):
        yield Advice(
            title=f"Find out why {quoted(limit.sleeping(b))} sleeps: a retry, a throttle, a poll",
            because="The thread does not wait for an answer, it was told to wait.",
        )


def dump_threads(b: Bottleneck) -> Iterator[Advice]:
    """The measurement that decides between waiting, computing and locking."""
    at = limit.busiest(b)
    if isinstance(b.threads, Unknown) and at:
        more = "" if b.threads == NOT_DUMPED else " more"
        yield Advice(
            title=f"Take four{more} thread dumps of {quoted(at.id)}, 2 s apart",
            kind="measure",
            because="They show whether its busy threads wait, queue for a lock, or compute.",
        )


def more_subtasks(case: Case, b: Bottleneck, because: str) -> Advice:
    """Raise the parallelism of the vertex, to a computed value where the lag tells it."""
    now, to = b.at.vertex.parallelism, limit.parallelism_for(case, b)
    title = f"Raise the parallelism of {limit.place(b)}"
    if isinstance(to, Unknown) or to <= now:
        return Advice(title=title, because=because)
    return Advice(
        title=f"{title} from {now} to {count(to)}",
        now=str(now),
        to=count(to),
        because=because,
        expect=f"busy below {percent(limit.BUSY_GOAL)}",
    )
