"""One run of which REST and the processes tell: under which start it is known, and how it stands.

A run that was heard of first is known by when that was. Where the JobManager's clock is far off,
that is by ours, and what REST lists of it by the JobManager's.
"""

from msgspec.structs import replace

from drsquirrel.collect.flink_rest.watch import Round
from drsquirrel.deep import EARLY_MS, moment
from drsquirrel.heard import ONE_ROUND_MS, HeardRun
from drsquirrel.model.event import ChangeEvent
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.identity import run_id
from drsquirrel.model.state import ENDED_STATES, JOB_STATES, LOST, UNKNOWN
from drsquirrel.on_desk import ClusterDesk, Known, RunDesk
from drsquirrel.watch.limit import LIMITS


def seen_of(cluster: str, job: str, heard: HeardRun) -> RunSeen:
    """A run that is heard of for the first time."""
    return RunSeen(
        cluster=cluster,
        job=job,
        start_ms=heard.since_ms,
        name=heard.name,
        state=UNKNOWN,
        is_heard=True,
    )


def far_ms(desk: ClusterDesk) -> int:
    """How far the JobManager's clock is ahead where it is too far to be believed: see `moment`."""
    return desk.ahead_ms if abs(desk.ahead_ms) > LIMITS.skew_ms else 0


def off_ms(desk: ClusterDesk, seen: RunSeen) -> int:
    """How far the times of a run are ahead of moments then. Those of what was heard of are such."""
    return 0 if seen.is_heard else far_ms(desk)


def off_by_ms(desk: ClusterDesk, seen: RunSeen) -> int:
    """What has to be added to the times of a run, so that they are by the JobManager's clock where
    that is far off."""
    return far_ms(desk) - off_ms(desk, seen)


def ended_ms(desk: ClusterDesk, seen: RunSeen) -> int:
    """When it ended; 0 where that is not known."""
    return seen.end_ms - off_ms(desk, seen) if seen.end_ms else 0


def was_there(desk: ClusterDesk, run: RunDesk, at_ms: int) -> bool:
    """Whether it had begun then."""
    return run.seen.start_ms - off_ms(desk, run.seen) <= at_ms


def lose(desk: ClusterDesk, run: RunDesk, now_ms: int) -> None:
    """It is there no longer, and had not ended when it was last seen."""
    # RunSeen tells times by the JobManager's clock.
    end_ms = run.last_seen_ms + desk.ahead_ms - off_by_ms(desk, run.seen)
    run.see(replace(run.seen, state=LOST, end_ms=end_ms), now_ms)


def lose_all(desk: ClusterDesk, now_ms: int) -> None:
    """The cluster is over: none of its processes is there, and what had not ended is lost."""
    desk.containers = {}
    for run in desk.runs.values():
        if not run.is_over:
            lose(desk, run, now_ms)


def began_of(desk: ClusterDesk) -> dict[str, dict[int, int]]:
    """By JobID, when the runs began that are known, and under which start each is known."""
    found: dict[str, dict[int, int]] = {}
    for run in desk.runs.values():
        seen = run.seen
        found.setdefault(seen.job, {})[seen.start_ms - off_ms(desk, seen)] = seen.start_ms
    return found


def answered_ms(known: Known) -> int | None:
    """When REST answered last, as was said of a run; it may never have."""
    if known.report is None:
        return None if known.seen.is_heard else known.last_seen_ms
    rest = known.report.data.sources[0]
    return None if rest.age_ms is None else known.report.made_ms - rest.age_ms


def as_known(desk: ClusterDesk, found: Round) -> Round:
    """The round with the start under which a run is known that was heard of before REST told of
    it. Its true start is before that; a later one is of another run."""
    of_desk = sorted((run.seen for run in desk.runs.values()), key=lambda seen: seen.start_ms)
    known = {seen.job: seen.start_ms for seen in of_desk if seen.is_heard}
    if not known:
        return found
    listed = {(seen.job, seen.start_ms) for seen in of_desk if not seen.is_heard}
    far = far_ms(desk)
    starts = {
        (seen.job, seen.start_ms): known[seen.job]
        for seen in found.runs
        if seen.job in known
        and seen.start_ms - far < known[seen.job] + EARLY_MS
        and (seen.job, seen.start_ms) not in listed
    }
    return replace(
        found,
        runs=tuple(
            replace(
                seen,
                start_ms=starts[seen.job, seen.start_ms],
                end_ms=seen.end_ms and seen.end_ms - far,
                is_heard=True,
            )
            if (seen.job, seen.start_ms) in starts
            else seen
            for seen in found.runs
        ),
        events=[
            replace(event, start_ms=starts[event.job, event.start_ms])
            if (event.job, event.start_ms) in starts
            else event
            for event in found.events
        ],
    )


def note_state(desk: ClusterDesk, arrival_ms: int, event: ChangeEvent, now_ms: int) -> None:
    """Take over a run's state from what the JobManager's process tells."""
    run = desk.runs.get(run_id(desk.id, event.job, event.start_ms))
    if run is None:
        return
    seen = told_state(desk, run, moment(arrival_ms, event), event)
    if seen is not None:
        run.see(seen, now_ms)
        run.last_seen_ms = max(run.last_seen_ms, now_ms)


def told_state(desk: ClusterDesk, run: RunDesk, told_ms: int, event: ChangeEvent) -> RunSeen | None:
    """How a run stands as its JobManager's process tells; None where that is no news. Events come
    late and twice: an end is of the run that is told of no more, and what is over stays so."""
    seen, off = run.seen, off_ms(desk, run.seen)
    if event.what == "run-ended":
        state = LOST
    elif event.what == "job-state":
        state = event.subject if event.subject in JOB_STATES else UNKNOWN
    else:
        return None
    is_end = state in {*ENDED_STATES, LOST}
    is_of_another = is_end and told_ms < seen.start_ms - off - ONE_ROUND_MS
    tells_how = seen.state == LOST and state in ENDED_STATES
    if is_of_another or (run.is_over and not tells_how):
        return None
    heard = desk.heard.runs.get(event.job)
    if heard is not None and not (is_end and told_ms < heard.since_ms):
        if told_ms < heard.state_ms or (state == LOST and heard.is_told_after(told_ms)):
            return None
        heard.state_ms = told_ms
    return replace(seen, state=state, end_ms=told_ms + off if is_end else None)
