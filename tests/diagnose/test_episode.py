"""Episodes: where they begin and end, what was lost with them, and what is none."""

from drsquirrel.diagnose.episode import History, history_of, is_rescale, is_restart
from drsquirrel.diagnose.fault import fault_of
from drsquirrel.diagnose.minute import RunMinute, Tasks
from drsquirrel.model.case import ContainerNow
from drsquirrel.model.event import ChangeEvent, FailureEvent, Origin
from drsquirrel.model.unknown import Unknown

ORIGIN = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0)
UP, DOWN = True, False
Happens = tuple[int, bool | str | tuple[str, int, int]]
NOTHING = Unknown("not measured")


def fault(at_s: int, task: str = "", subtask: int = -1, attempt: int = -1) -> FailureEvent:
    return FailureEvent(
        origin=ORIGIN,
        time_ms=at_s * 1000,
        job="j",
        throwable="java.lang.Exception: x",
        signature="s",
        task=f"{task} ({subtask + 1}/2)" if task else "",
        vertex=task,
        subtask=subtask,
        attempt=attempt,
    )


def history(
    *what: Happens,
    started_s: int = 0,
    since_s: int = 0,
    waiting: tuple[int, ...] = (),
    entries_lost: bool = False,
    containers: dict[str, ContainerNow] | None = None,
    held: frozenset[str] = frozenset(),
) -> History:
    """(second, all run or not | a state of the job | (task, subtask, attempt) that failed)."""
    by_minute: dict[int, list[Happens]] = {}
    for event in what:
        by_minute.setdefault(event[0] // 60, []).append(event)
    minutes = []
    for minute in sorted(by_minute):
        of = by_minute[minute]
        minutes.append(
            RunMinute(
                all_running=NOTHING,
                failed=False,
                tasks=tuple(
                    Tasks(s * 1000, w, int(s in waiting)) for s, w in of if isinstance(w, bool)
                ),
                walk=NOTHING,
                vertices={},
                containers=held,
                faults=tuple(fault_of(fault(s, *w)) for s, w in of if isinstance(w, tuple)),
                changes=tuple(
                    ChangeEvent(
                        origin=ORIGIN,
                        time_ms=s * 1000,
                        what="jobmanager-start" if w == "jobmanager-start" else "job-state",
                        subject=w,
                        job="j",
                    )
                    for s, w in of
                    if isinstance(w, str)
                ),
                entries_lost=entries_lost,
            )
        )
    return history_of(minutes, containers or {}, started_s * 1000, since_s * 1000)


def spans(found: History) -> list[tuple[int, int | None]]:
    return [
        (e.began_ms // 1000, None if e.ended_ms is None else e.ended_ms // 1000)
        for e in found.episodes
    ]


MAP = ("map", 0, 0)


def test_a_run_that_is_up_has_no_episode_and_is_up_since_it_was_first_seen_so() -> None:
    found = history((5, UP), (55, UP))
    assert (spans(found), found.up_since_ms, found.saw_start) == ([], 5000, False)


def test_an_episode_is_from_the_fault_to_all_running_again() -> None:
    found = history((5, UP), (20, MAP), (21, "RESTARTING"), (25, DOWN), (40, UP))
    assert spans(found) == [(20, 40)]
    assert (found.up_since_ms, found.saw_start) == (40_000, True)
    [episode] = found.episodes
    assert is_restart(episode) and episode.first is not None


def test_where_no_reading_shows_it_the_state_tells_when_it_was_back() -> None:
    found = history((5, UP), (20, MAP), (21, "RESTARTING"), (23, "RUNNING"), (55, UP))
    assert spans(found) == [(20, 23)]


def test_a_state_that_is_back_too_early_does_not_end_it() -> None:
    found = history((5, UP), (20, MAP), (23, "RUNNING"), (30, DOWN), (55, UP))
    assert spans(found) == [(20, 55)]


def test_an_open_episode_has_no_end() -> None:
    found = history((5, UP), (20, MAP), (25, DOWN))
    assert (spans(found), found.up_since_ms) == ([(20, None)], None)


def test_a_first_start_that_goes_well_is_none_unless_it_takes_more_than_a_minute() -> None:
    assert spans(history((5, DOWN), (15, UP))) == []
    assert spans(history((5, DOWN), (55, DOWN), (75, UP))) == [(5, 75)]
    assert spans(history((5, DOWN))) == [(5, None)]
    assert not history((5, DOWN)).episodes[0].restarted


def test_only_states_of_the_job_tell_about_it() -> None:
    found = history((5, UP), (20, MAP), (30, "jobmanager-start"), (40, UP))
    assert spans(found) == [(20, 40)]


def test_a_state_before_the_first_start_opens_nothing() -> None:
    assert spans(history((1, "RESTARTING"), (5, UP))) == []


def test_each_later_attempt_of_the_same_subtask_is_another_episode() -> None:
    found = history((5, UP), (10, MAP), (15, ("map", 0, 1)), (20, ("map", 0, 2)), (55, UP))
    assert spans(found) == [(10, 10), (15, 15), (20, 55)]


def test_failures_of_other_subtasks_or_attempts_at_once_are_one_episode() -> None:
    found = history(
        (5, UP), (10, ("map", 0, 5)), (11, ("sink", 1, 0)), (12, ("sink", 0, 7)), (55, UP)
    )
    assert spans(found) == [(10, 55)]


def test_a_fault_without_a_task_after_the_job_was_back_is_another_episode() -> None:
    found = history((5, UP), (10, MAP), (12, "RUNNING"), (30, ("", -1, -1)), (55, UP))
    assert spans(found) == [(10, 12), (30, 55)]


def test_a_state_after_the_job_was_back_is_another_episode_with_the_fault_that_follows() -> None:
    found = history(
        (5, UP), (10, MAP), (12, "RUNNING"), (30, "RESTARTING"), (31, ("x", 0, 1)), (55, UP)
    )
    assert spans(found) == [(10, 12), (30, 55)]
    assert [len(e.faults) for e in found.episodes] == [1, 1]


def test_faults_of_before_the_watch_are_restarts_of_a_run_that_had_been_up() -> None:
    old = history((100, MAP), (160, "RUNNING"), (900, UP), since_s=0)
    assert spans(old) == [(100, 160)] and old.episodes[0].restarted
    young = history((20, MAP), (30, "RUNNING"), (50, UP))
    assert not young.episodes[0].restarted


def test_the_same_fault_told_again_by_another_clock_counts_once() -> None:
    found = history((5, UP), (20, MAP), (22, MAP), (30, DOWN), (40, UP))
    assert [len(e.faults) for e in found.episodes] == [1]


def test_tasks_that_stop_begin_an_episode_when_they_were_last_seen_up() -> None:
    assert spans(history((50, UP), (70, DOWN), (110, DOWN))) == [(50, None)]
    assert spans(history((50, UP), (250, DOWN))) == [(250, None)], "not seen for minutes"


def test_a_reading_of_before_the_fault_does_not_end_it() -> None:
    assert spans(history((20, MAP), (20, UP), started_s=-999)) == [(20, None)]


def test_what_happens_after_a_run_is_ended_on_purpose_is_no_incident() -> None:
    for state in ("CANCELLING", "CANCELED", "FINISHED"):
        assert spans(history((5, UP), (10, state), (15, DOWN), (16, MAP))) == []
    assert spans(history((5, UP), (10, MAP), (20, "CANCELLING"), (25, DOWN))) == [(10, 20)]


def test_a_run_that_failed_for_good_did_not_restart() -> None:
    [episode] = history((5, UP), (10, MAP), (10, "FAILED"), (15, DOWN)).episodes
    assert not is_restart(episode) and not is_rescale(episode, 15_000)


def test_a_rescale_is_a_restart_without_a_fault_that_is_over_or_young() -> None:
    [over] = history((5, UP), (10, "RESTARTING"), (15, DOWN), (55, UP)).episodes
    assert is_rescale(over, 999_000) and not is_restart(over)
    [open_] = history((5, UP), (10, "RESTARTING"), (15, DOWN)).episodes
    assert is_rescale(open_, 69_000) and not is_rescale(open_, 71_000)
    [failed] = history((5, UP), (10, MAP), (15, DOWN), (55, UP)).episodes
    assert not is_rescale(failed, 999_000)


def test_episodes_that_were_over_before_the_hour_are_left_out() -> None:
    what: tuple[Happens, ...] = ((5, UP), (10, MAP), (30, UP), (100, ("map", 0, 1)), (110, UP))
    assert spans(history(*what, since_s=60)) == [(100, 110)]


def test_tasks_wait_since_the_first_reading_of_those_that_do() -> None:
    down = ((5, DOWN), (55, DOWN), (65, DOWN), (115, DOWN))
    assert history(*down, waiting=(55, 65, 115)).waiting_since_ms == 55_000
    assert history(*down, waiting=(5, 65, 115)).waiting_since_ms == 65_000
    assert history(*down, waiting=(5,)).waiting_since_ms is None


def gone(at_s: int | None) -> dict[str, ContainerNow]:
    unknown = Unknown("x")
    return {
        "tm-1": ContainerNow(
            id="tm-1",
            is_taskmanager=True,
            host="",
            cores=unknown,
            cores_used=unknown,
            gc_share=unknown,
            gc_old_share=unknown,
            heap_floor_share=unknown,
            heap_max_bytes=unknown,
            heartbeat_age_ms=unknown,
            threads=unknown,
            gone_ms=None if at_s is None else at_s * 1000,
        )
    }


def test_a_taskmanager_is_lost_with_an_episode_if_it_went_with_it_and_held_tasks() -> None:
    what: tuple[Happens, ...] = ((5, UP), (55, UP), (70, MAP), (90, DOWN), (110, UP))
    held = frozenset({"tm-1"})

    def lost(at_s: int | None, held: frozenset[str] = held) -> int:
        return len(history(*what, containers=gone(at_s), held=held).episodes[0].lost)

    assert [lost(at_s) for at_s in (70, 60, 11, 170)] == [1, 1, 1, 1]
    assert [lost(at_s) for at_s in (9, 171, None)] == [0, 0, 0]
    assert lost(70, frozenset()) == 0, "it held nothing of the run"


def test_entries_are_lost_where_a_minute_overflowed_or_sixteen_came_at_once() -> None:
    what: tuple[Happens, ...] = ((5, UP), (20, MAP), (40, UP))
    assert history(*what, entries_lost=True).episodes[0].entries_lost is True
    assert history(*what).episodes[0].entries_lost is False
    many: tuple[Happens, ...] = tuple((20 + i // 8, ("map", i, 0)) for i in range(16))
    assert history((5, UP), *many).episodes[0].entries_lost is True
    spread: tuple[Happens, ...] = tuple((20 + 3 * i, ("map", i, 0)) for i in range(16))
    assert history((5, UP), *spread).episodes[0].entries_lost is False
