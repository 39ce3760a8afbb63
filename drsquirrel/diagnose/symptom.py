"""What holds now, whether its cause is known or not."""

from collections.abc import Iterable, Iterator

from drsquirrel.diagnose.answer import leads
from drsquirrel.diagnose.episode import is_restart
from drsquirrel.diagnose.question import collects_much, is_crowded, live_episode
from drsquirrel.diagnose.standing import is_restarting, is_starting
from drsquirrel.model.case import Bottleneck, Case, ContainerNow, Lag
from drsquirrel.model.report import Answer, Culprit, Symptom, quoted
from drsquirrel.model.state import UNKNOWN
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules.wording import about, duration, percent, plural, process_name, sentence


def explained(symptoms: Iterable[Symptom], answers: list[Answer]) -> list[Symptom]:
    """The symptoms, each with the answers that lead to it at its place."""
    return [
        Symptom(
            code=s.code,
            text=s.text,
            onset=s.onset,
            culprit=s.culprit,
            explained_by=tuple(a.code for a in answers if _explains(a, s)),
        )
        for s in symptoms
    ]


def _explains(answer: Answer, symptom: Symptom) -> bool:
    """An answer about one vertex does not explain why another one limits."""
    at, of = answer.culprit.vertex_id, symptom.culprit.vertex_id
    elsewhere = symptom.code == "operator-saturated" and bool(at) and at != of
    return not elsewhere and leads(answer, symptom.code, symptom.culprit, symptom.onset)


def symptoms_of(case: Case, holding: frozenset[str], rose: frozenset[str]) -> Iterator[Symptom]:
    """Conditions that hold, the worst first. Of processes only those in `holding` matter; `rose`
    are the sources whose lag rose in the minute before: by itself it takes more than a moment."""
    if case.state == "FAILED":
        yield Symptom(code="job-not-running", text="The job FAILED", onset=None)
    elif case.all_running is False and not is_starting(case) and not is_restarting(case):
        yield Symptom(code="job-not-running", text=_not_running(case), onset=None)
    failures = sum(map(is_restart, case.episodes))
    if failures and live_episode(case):
        times = "once" if failures == 1 else f"{failures} times"
        text = f"It has failed {times} in the last hour"
        yield Symptom(code="restart-rate-high", text=text, onset=None)
    if not isinstance(case.bottlenecks, Unknown):
        yield from map(_saturated, case.bottlenecks)
        for lag in case.lags:
            if lag.rising is True and (case.bottlenecks or lag.vertex in rose):
                yield _lag(case, lag)
    if not isinstance(case.checkpoints, Unknown) and case.checkpoints.failures_in_row:
        failed = f"{plural(case.checkpoints.failures_in_row, 'checkpoint')} failed"
        since = " since one completed" if case.checkpoints.completed else ", and none completed"
        yield Symptom(code="checkpoint-failing", text=f"{failed}{since}", onset=None)
    for container in case.containers.values():
        if container.id in holding and container.gone_ms is None:
            yield from _memory(container)


def _not_running(case: Case) -> str:
    waiting = known(case.tasks_waiting, 0)
    if waiting:
        return f"{plural(waiting, 'task')} {'waits' if waiting == 1 else 'wait'} for a slot"
    if case.state == "RUNNING":
        return "Not all tasks run, though Flink calls the job RUNNING"
    return "Not all tasks run" + (f": the job is {case.state}" if case.state != UNKNOWN else "")


def _saturated(b: Bottleneck) -> Symptom:
    n, of = len(b.subtasks), b.at.vertex.parallelism
    if of == 1:
        work = "its only subtask works"
    elif n == of:
        work = f"{'both' if of == 2 else f'all {of}'} subtasks work"
    else:
        work = f"{n} of {of} subtasks {'works' if n == 1 else 'work'}"
    return Symptom(
        code="operator-saturated",
        text=f"{quoted(b.at.vertex.name)} limits the job: {work} without a pause",
        onset=b.onset,
        culprit=Culprit(
            vertex=b.at.vertex.name,
            vertex_id=b.at.vertex.id,
            subtasks=tuple(s.index for s in b.subtasks),
            parallelism=of,
        ),
    )


def _lag(case: Case, lag: Lag) -> Symptom:
    source = case.by_vertex.get(lag.vertex)
    name = quoted(source.vertex.name) if source else "The source"
    slope = known(lag.slope_per_s, 0.0)
    if isinstance(lag.records, Unknown):
        text = f"{name} falls behind by {duration(slope)} each second"
    else:
        behind, more = plural(lag.records, "record"), about(slope * 60)
        text = f"{name} is {behind} behind, {more} more each minute"
    vertex_name = source.vertex.name if source else None
    return Symptom(
        code="source-lag-growing",
        text=text,
        onset=None,
        culprit=Culprit(vertex=vertex_name, vertex_id=lag.vertex),
    )


def _memory(container: ContainerNow) -> Iterator[Symptom]:
    name = sentence(process_name(container.id))
    where = Culprit(container=container.id, host=container.host or None)
    share = percent(known(container.gc_share, 0.0))
    if collects_much(container):
        text = f"{name} spends {share} of its time collecting garbage"
        yield Symptom(code="gc-old-gen-high", text=text, onset=None, culprit=where)
    elif is_crowded(container):
        floor = percent(known(container.heap_floor_share, 0.0))
        text = f"{name} has a heap that stays {floor} full, and collects {share} of its time"
        yield Symptom(code="heap-full-after-gc", text=text, onset=None, culprit=where)
