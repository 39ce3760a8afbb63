"""What holds now, whether its cause is known or not; and what only looks like trouble."""

from collections.abc import Iterator

from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.question import GC_SHARE, HEAP_FLOOR, is_live
from drsquirrel.model.case import Case
from drsquirrel.model.report import Answer, Benign, Culprit, Symptom, quoted
from drsquirrel.model.state import ENDED_STATES
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules.wording import count, duration, percent, plural

PACED_BUSY = 0.9


def symptoms_of(case: Case, answers: list[Answer]) -> list[Symptom]:
    """Conditions that hold, each with the answers that explain it."""
    found = list(_symptoms(case))
    return [
        Symptom(
            code=s.code,
            text=s.text,
            onset=s.onset,
            culprit=s.culprit,
            explained_by=tuple(a.code for a in answers if s.code in a.leads_to),
        )
        for s in found
    ]


def _symptoms(case: Case) -> Iterator[Symptom]:
    if case.state in ENDED_STATES and case.state != "FAILED":
        return
    if (case.all_running is False and not is_starting(case)) or case.state == "FAILED":
        yield Symptom(code="job-not-running", text=_not_running(case), onset=None)
    recoveries = sum(e.restarted for e in case.episodes)
    if recoveries and is_live(case):
        text = f"It recovered from {plural(recoveries, 'failure')} in the last hour"
        yield Symptom(code="restart-rate-high", text=text, onset=None)
    if not isinstance(case.bottlenecks, Unknown):
        for b in case.bottlenecks:
            yield Symptom(
                code="operator-saturated",
                text=f"{quoted(b.at.vertex.name)} limits the job: {len(b.subtasks)} of "
                f"{b.at.vertex.parallelism} subtasks work without a pause",
                onset=b.onset,
                culprit=Culprit(
                    vertex=b.at.vertex.name,
                    vertex_id=b.at.vertex.id,
                    subtasks=tuple(s.index for s in b.subtasks),
                    parallelism=b.at.vertex.parallelism,
                ),
            )
    for lag in case.lags:
        if lag.rising is True:
            yield Symptom(code="source-lag-growing", text=_lag(case, lag.vertex), onset=None)
    if not isinstance(case.checkpoints, Unknown) and case.checkpoints.failures_in_row:
        failures = plural(case.checkpoints.failures_in_row, "checkpoint")
        text = f"{failures} failed since one completed"
        yield Symptom(code="checkpoint-failing", text=text, onset=None)
    yield from _memory(case)


START_MS = 60_000
"""A run that is not up after so long does not just start."""


def is_starting(case: Case) -> bool:
    """The run has never been up, and has not had the time to."""
    return (
        case.all_running is False
        and case.now_ms - case.start_ms < START_MS
        and not any(e.restarted or e.faults for e in case.episodes)
    )


def _not_running(case: Case) -> str:
    waiting = known(case.tasks_waiting, 0)
    if waiting:
        return f"{plural(waiting, 'task')} wait for a slot"
    return f"Not all tasks run: the job is {case.state}"


def _lag(case: Case, vertex: str) -> str:
    lag = next(found for found in case.lags if found.vertex == vertex)
    slope = known(lag.slope_per_s, 0.0)
    if isinstance(lag.records, Unknown):
        return f"The source falls behind by {duration(slope)} each second"
    return (
        f"The source is {count(lag.records)} records behind, {count(slope * 60)} more each minute"
    )


def _memory(case: Case) -> Iterator[Symptom]:
    for c in case.containers.values():
        share, floor = known(c.gc_share, 0.0), known(c.heap_floor_share, 0.0)
        where = Culprit(container=c.id, host=c.host or None)
        if share >= GC_SHARE:
            text = f"{quoted(c.id)} spends {percent(share)} of its time collecting garbage"
            yield Symptom(code="gc-old-gen-high", text=text, onset=None, culprit=where)
        elif floor >= HEAP_FLOOR:
            text = f"The heap of {quoted(c.id)} stays {percent(floor)} full after collections"
            yield Symptom(code="heap-full-after-gc", text=text, onset=None, culprit=where)


def benign_of(case: Case, inquiry: Inquiry) -> list[Benign]:
    """Benign states by name: DIAGNOSIS.md section 2."""
    return list(_benign(case, inquiry))


def _benign(case: Case, inquiry: Inquiry) -> Iterator[Benign]:
    if case.state in ENDED_STATES:
        return
    if is_starting(case):
        yield Benign(code="warm-up", text="It starts: not all of its tasks run yet")
    if case.warming_up:
        yield Benign(
            code="warm-up",
            text="It has run for less than 30 s: rates are not judged yet (Flink shows every "
            "subtask as fully busy at first)",
        )
    falling = [lag for lag in case.lags if lag.falling is True]
    for lag in falling:
        behind = "" if isinstance(lag.records, Unknown) else f", {count(lag.records)} records left"
        yield Benign(code="catching-up", text=f"The source works off what has piled up{behind}")
    sites = () if isinstance(case.bottlenecks, Unknown) else case.bottlenecks
    if not case.warming_up and not sites and not falling and case.all_running is True:
        for v in case.vertices:
            keeps_up = [lag for lag in case.lags if lag.vertex == v.vertex.id]
            if (
                v.saturated
                and v.reads_from_outside
                and all(lag.rising is False for lag in keeps_up)
            ):
                calm = "no lag grows" if keeps_up else "nothing waits for it"
                yield Benign(
                    code="paced-source",
                    text=f"{quoted(v.vertex.name)} shows as fully busy and {calm}: its source "
                    "waits inside the reader, it is not overloaded",
                )
    for episode in case.episodes:
        if episode.restarted and not episode.faults and not episode.lost and episode.ended_ms:
            yield Benign(code="rescale", text="It restarted without an exception: a rescale")
            break
