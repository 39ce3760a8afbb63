"""One minute of a run: what is measured of it, and that it is measured once."""

from drsquirrel.diagnose.minute import Minutes, all_running, do_run, rates_of, run_minute, tasks_of
from drsquirrel.diagnose.rate import FROZEN, UNTOLD
from drsquirrel.diagnose.reading import lines
from drsquirrel.model.snapshot import Rollup
from drsquirrel.model.state import JOB_STATES, TASK_STATES
from drsquirrel.model.unknown import Unknown
from tests.diagnose.made import graph, reading, rollup, times, track, vertex

FACTS = graph(vertex("s"), vertex("k", "s"))
FINISHED = TASK_STATES.index("FINISHED")


def subtask_track(vertex: str, subtask: int, minute: int, **values: int):  # type: ignore[no-untyped-def]
    """Busy all the time, from 5 s to 55 s of a minute."""
    at = minute * 60
    return track(
        vertex,
        subtask,
        first=(times(at + 5, at + 5, 0, 0, **values),),
        last=(times(at + 55, at + 55, 0, 0, **values),),
    )


def states(minute: int, *, running: int = 4, low: int | None = None, total: int = 4) -> Rollup:
    at = minute * 60
    values = {"tasks_running": running, "tasks_total": total, "tasks_scheduled": total - running}
    job = track(
        container="",
        first=(reading(at + 5, job_state=JOB_STATES.index("FAILED"), **values),),
        low={"tasks_running": running if low is None else low},
        high={"tasks_total": total},
    )
    works = [subtask_track(v, i, minute) for v in "sk" for i in range(2)]
    return rollup(minute, job, *works)


def test_a_minute_tells_of_tasks_rates_and_processes() -> None:
    found = run_minute((states(0), states(1)), FACTS, batch=False)
    assert found.all_running is True and found.failed
    assert [(t.time_ms, t.all_run, t.waiting) for t in found.tasks] == [(65_000, True, 0)]
    assert found.vertices["s"].busy_share == 1.0
    assert found.containers == {"tm-1"}
    assert not isinstance(found.walk, Unknown)


def test_what_was_seen_only_in_the_minute_before_is_not_of_this_one() -> None:
    newer = rollup(1, *states(1).tracks[:1])
    found = run_minute((states(0), newer), FACTS, batch=False)
    assert found.vertices["s"].busy_share is None
    assert isinstance(found.walk, Unknown)


def test_without_the_plan_the_walk_is_unknown() -> None:
    found = run_minute((states(1),), None, batch=False)
    assert isinstance(found.walk, Unknown) and found.vertices == {}
    assert found.walk.reason == "the plan is not known"


def test_the_most_common_reason_is_told_where_nothing_gives_rates() -> None:
    tracks = [
        track("s", i, first=(times(60, 9, 0, 0),), last=(times(115, 9, 0, 0),)) for i in (0, 1)
    ]
    tracks.append(track("k", 0, first=(reading(60, task_status=4),)))
    found = run_minute((rollup(1, *tracks),), FACTS, batch=False)
    assert isinstance(found.walk, Unknown)
    assert found.walk.reason == "its tasks give no rates (their counters stand still)"


def test_a_batch_job_has_no_bottleneck_and_runs_while_something_does() -> None:
    found = run_minute((states(0), states(1, running=1)), FACTS, batch=True)
    assert isinstance(found.walk, Unknown)
    assert found.all_running is True and found.tasks[0].all_run
    assert do_run(0, 4, batch=True) is False


def test_a_dip_between_readings_is_seen_by_the_lowest_number_of_tasks() -> None:
    assert run_minute((states(1, low=3),), FACTS, batch=False).all_running is False
    assert isinstance(all_running([], batch=False), Unknown)
    assert tasks_of([], batch=False) == ()
    assert run_minute((states(1, total=0, running=0),), FACTS, batch=False).all_running is False


def test_finished_subtasks_are_neither_measured_nor_frozen() -> None:
    still = track(
        "s", 0, first=(times(60, 9, 0, 0, task_status=FINISHED),), last=(times(115, 9, 0, 0),)
    )
    rates = rates_of(lines([rollup(1, still, subtask_track("s", 1, 1))]), FACTS, 60_000)
    assert rates.finished == {("s", 0)}
    assert rates.untrusted == {} and list(rates.works["s"]) == [1]


def test_subtasks_the_plan_no_longer_has_are_left_out() -> None:
    old, other = subtask_track("s", 2, 1), subtask_track("gone", 0, 1)
    rates = rates_of(lines([rollup(1, old, other, subtask_track("s", 0, 1))]), FACTS, 60_000)
    assert {v: list(of) for v, of in rates.works.items()} == {"s": [0], "gone": [0]}


def test_why_a_subtask_gives_no_rates_is_kept() -> None:
    still = track("s", 0, first=(times(60, 9, 0, 0),), last=(times(115, 9, 0, 0),))
    silent = track("s", 1, first=(reading(60, task_status=4),))
    rates = rates_of(lines([rollup(1, still, silent)]), FACTS, 60_000)
    assert rates.untrusted == {("s", 0): FROZEN, ("s", 1): UNTOLD}


def test_a_minute_is_measured_again_only_when_what_it_came_from_changes() -> None:
    memo: Minutes[int] = Minutes()
    measured: list[tuple[int, ...]] = []

    def measure(rollups: tuple[Rollup, ...]) -> int:
        measured.append(tuple(r.minute for r in rollups))
        return len(measured)

    rollups = {m: rollup(m) for m in (1, 2, 4)}
    basis = object()
    assert memo.of(rollups, range(5), basis, measure) == (None, 1, 2, None, 3)
    assert measured == [(1,), (1, 2), (4,)]
    assert memo.of(rollups, range(5), basis, measure) == (None, 1, 2, None, 3)
    rollups[1] = rollup(1)
    assert memo.of(rollups, range(5), basis, measure) == (None, 4, 5, None, 3)
    assert memo.of(rollups, range(5), object(), measure) == (None, 6, 7, None, 8)
    assert memo.of(rollups, range(2, 5), basis, measure) == (9, None, 10)
    assert memo.of(rollups, range(5), basis, measure)[1] == 11, "what is too old is forgotten"
