"""What is known of runs by what their processes tell alone."""

from collections import Counter
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from drsquirrel.deep import FRESH_MS
from drsquirrel.heard import ONE_ROUND_MS, HeardRuns
from drsquirrel.heard_tasks import FAILED_MS, FORGOTTEN_MS, RESCALED_MS, Listed
from drsquirrel.model.event import (
    ChangeEvent,
    ContainerEvent,
    FailureEvent,
    Message,
    MetricReport,
    Origin,
    Place,
    Values,
    tables,
)
from tests.diagnose.seen import CLUSTER

NOON_MS = 1_760_000_040_000
STEP_MS = 10_000
DAY_MS = 86_400_000
LOST = "publisher_dropped_total"


class Heard:
    """What is counted of one job, whose processes report every 10 s; the vertex is "v"."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.runs = HeardRuns(CLUSTER, self.dropped)
        self.now_ms = NOON_MS
        self.clocks: dict[str, int] = {}
        """How far each process is ahead."""
        self.attempt = 0
        self.plan: Mapping[str, int] = {}
        self.is_batch = False
        self._sequence = 0

    def round(self, *tasks: tuple[str, int], silent: str = "", lost: int = 0) -> object:
        """After one interval, in which these (process, subtask) were told: (running, total)."""
        self.now_ms += STEP_MS
        for container in ("tm-1", "tm-2"):
            if container != silent:
                self.tell(container, "j", *(s for c, s in tasks if c == container))
                self.tell(container, lost=lost)
        self.tell("", "j")
        return self.counted()

    def tell(
        self, container: str, job: str = "", *subtasks: int, lost: int = 0, v: str = "v"
    ) -> None:
        """A report, which is read at once."""
        told = [Values({"numRecordsIn": 1}, Place(v, s, attempt=self.attempt)) for s in subtasks]
        if not job:
            told = [Values({LOST: lost})]
        self.note(
            MetricReport(
                origin=self.origin(container),
                time_ms=self.now_ms + self.clocks.get(container, 0),
                tables=tables(told),
                job=job,
            )
        )

    def fail(self) -> None:
        origin = self.origin("")
        self.note(FailureEvent(origin=origin, time_ms=self.now_ms, job="j", throwable="Error"))

    def leave(self, container: str) -> None:
        self.note(
            ContainerEvent(
                origin=self.origin(container),
                time_ms=self.now_ms + self.clocks.get(container, 0),
                what="goodbye",
                is_taskmanager=True,
            )
        )

    def end(self, at_ms: int, job: str = "j") -> None:
        self.note(ChangeEvent(origin=self.origin(""), time_ms=at_ms, what="run-ended", job=job))

    def origin(self, container: str) -> Origin:
        self._sequence += 1
        return Origin(
            cluster=CLUSTER,
            producer="plugin",
            epoch="p",
            sequence=self._sequence,
            container=container,
        )

    def note(self, message: Message, arrival_ms: int | None = None) -> None:
        self.runs.note([(arrival_ms or self.now_ms, message)], self.now_ms)

    def counted(self) -> object:
        listed = Listed(NOON_MS, self.plan, self.is_batch)
        return next(map(numbers, self.runs.readings(lambda _: listed, self.now_ms)), None)


def numbers(read: MetricReport) -> tuple[int, int]:
    [table] = read.tables
    told = dict(zip(table.names, table.numbers, strict=True))
    return int(told["tasks_running"] or 0), int(told["tasks_total"] or 0)


BOTH = (("tm-1", 0), ("tm-2", 1))


def both_run() -> Heard:
    heard = Heard()
    heard.round()
    for _ in range(3):
        assert heard.round(*BOTH) == (2, 2)
    return heard


def test_a_task_that_is_missing_twice_where_its_process_reports_does_not_run() -> None:
    heard = both_run()
    heard.fail()
    assert heard.round(BOTH[1]) == (2, 2)
    assert [heard.round(BOTH[1]) for _ in range(2)] == [(2, 2), (1, 2)]
    assert heard.round(("tm-2", 0), BOTH[1]) == (2, 2)


def test_a_task_that_stops_while_others_run_has_failed_only_if_a_failure_was_told() -> None:
    heard = both_run()
    heard.fail()
    heard.now_ms += FAILED_MS
    heard.round(*BOTH)
    assert [heard.round(BOTH[0]) for _ in range(4)] == [(2, 2), (2, 2), None, None]
    assert [heard.round() for _ in range(3)] == [None, None, (0, 2)], "nothing runs"


def test_of_a_batch_job_tasks_finish_one_after_another() -> None:
    heard = both_run()
    heard.is_batch = True
    assert [heard.round(BOTH[0]) for _ in range(4)] == [(2, 2), (2, 2), (1, 2), (1, 2)]


def test_of_the_tasks_of_a_silent_process_nothing_is_known() -> None:
    heard = both_run()
    known = [heard.round(BOTH[0], silent="tm-2") for _ in range(4)]
    assert known == [(2, 2), (2, 2), (2, 2), None]
    heard.leave("tm-2")
    assert heard.round(BOTH[0], silent="tm-2") == (1, 2)


def test_what_has_failed_beside_a_silent_process_is_known() -> None:
    heard = both_run()
    heard.fail()
    known = [heard.round(silent="tm-2") for _ in range(5)]
    assert known[-1] == (1, 2), "one at most"


def test_a_process_that_took_its_leave_and_comes_back_is_back() -> None:
    heard = both_run()
    heard.leave("tm-2")
    assert heard.round(BOTH[0], silent="tm-2") == (1, 2)
    assert heard.round(*BOTH) == (2, 2)
    heard.note(
        ContainerEvent(origin=heard.origin("tm-2"), time_ms=0, what="goodbye", is_taskmanager=True),
        heard.now_ms - STEP_MS,
    )
    assert heard.round(*BOTH) == (2, 2), "an old goodbye is read again"


@pytest.mark.parametrize("lag_ms", [1, DAY_MS, -DAY_MS])
@pytest.mark.parametrize("container", ["", "tm-1", "tm-2"])
def test_clocks_that_are_off_change_nothing(container: str, lag_ms: int) -> None:
    heard = Heard()
    heard.clocks[container] = lag_ms
    heard.plan = {"v": 2}
    heard.round()
    told = [heard.round(*BOTH) for _ in range(20)]
    told += [heard.round(("tm-2", 0), ("tm-1", 1)) for _ in range(3)]
    assert set(told) == {(2, 2)}
    assert [heard.round() for _ in range(3)][-1] == (0, 2)


@pytest.mark.parametrize("by_ms", [DAY_MS, -DAY_MS, -15_000])
def test_a_clock_that_is_put_right_changes_nothing(by_ms: int) -> None:
    heard = both_run()
    heard.clocks["tm-2"] = by_ms
    assert {heard.round(*BOTH) for _ in range(5)} <= {(2, 2), None}
    assert heard.round(*BOTH) == (2, 2)
    assert [heard.round() for _ in range(4)][-1] == (0, 2)


def test_tasks_that_were_never_told_are_not_known_to_stand_still() -> None:
    heard = Heard()
    heard.plan = {"v": 3}
    heard.round()
    assert {heard.round(*BOTH) for _ in range(20)} == {None}, "a process has no plugin"
    assert heard.round(*BOTH, ("tm-2", 2)) == (3, 3)
    assert [heard.round() for _ in range(3)] == [(3, 3), (3, 3), (0, 3)]


def test_where_only_some_processes_were_heard_yet_nothing_is_known() -> None:
    heard = Heard()
    heard.plan = {"v": 2}
    heard.round(silent="tm-2")
    assert heard.round(BOTH[0], silent="tm-2") is None
    assert heard.round(*BOTH) == (2, 2)


def test_topics_that_are_read_at_different_speeds_change_nothing() -> None:
    heard = both_run()
    late = []
    for _ in range(6):
        heard.now_ms += STEP_MS
        late.append(heard.now_ms)
        for container in ("tm-1", "tm-2"):
            heard.tell(container)
    for arrival_ms in late:
        heard.now_ms += 100
        for container, subtask in BOTH:
            told = tables([Values({"numRecordsIn": 1}, Place("v", subtask, attempt=0))])
            origin = heard.origin(container)
            heard.note(
                MetricReport(origin=origin, time_ms=arrival_ms, tables=told, job="j"), arrival_ms
            )
        heard.tell("", "j")
        assert heard.counted() == (2, 2)


def test_a_process_that_loses_messages_may_have_lost_the_tasks() -> None:
    heard = both_run()
    assert [heard.round(lost=n) for n in (0, 4, 9, 9)] == [(2, 2), (2, 2), None, None]
    assert [heard.round(lost=9) for _ in range(2)] == [None, (0, 2)]


def test_an_uneven_table_of_a_process_tells_nothing() -> None:
    heard = both_run()
    [table] = tables([Values({"a": 1, LOST: 1})])
    table = type(table)(names=table.names, places=table.places, numbers=(1,))
    report = MetricReport(origin=heard.origin("tm-1"), time_ms=heard.now_ms, tables=(table,))
    heard.note(report)
    assert heard.round(*BOTH) == (2, 2)


def test_a_subtask_that_a_rescale_took_away_is_no_longer_missing() -> None:
    heard = both_run()
    told = [heard.round(BOTH[0]) for _ in range(RESCALED_MS // STEP_MS + 1)]
    assert told == [(2, 2)] * 2 + [None] * (len(told) - 3) + [(1, 1)]
    heard.plan = {"v": 2}
    assert heard.round(BOTH[0]) is None, "its plan is of before"
    assert heard.round(*BOTH) == (2, 2)
    heard.plan = {"v": 1}
    assert heard.round(*BOTH) is None


def test_a_rescale_is_seen_at_once_where_those_that_are_left_began_anew() -> None:
    heard = both_run()
    heard.fail()
    heard.attempt = 1
    assert [heard.round(BOTH[0]) for _ in range(4)] == [(2, 2), (2, 2), (1, 1), (1, 1)]


def test_a_subtask_below_those_that_run_is_not_gone_with_a_rescale() -> None:
    heard = both_run()
    heard.fail()
    told = [heard.round(BOTH[1]) for _ in range(RESCALED_MS // STEP_MS + 9)]
    assert told == [(2, 2)] * 2 + [(1, 2)] * (len(told) - 2)


@pytest.mark.parametrize("before_s", [-40, 0, 40])
def test_what_finished_near_a_failure_has_not_failed_once_the_others_began_anew(
    before_s: int,
) -> None:
    heard = both_run()
    for _ in range(max(0, before_s) // 10):
        heard.round(BOTH[0])
    heard.fail()
    heard.attempt = 1
    for _ in range(max(0, -before_s) // 10):
        heard.round(*BOTH)
    told = [heard.round(BOTH[0]) for _ in range((FORGOTTEN_MS + 60_000) // STEP_MS)]
    assert set(told) <= {(2, 2), None, (1, 1)}
    assert told[-1] == (1, 1)


def test_what_is_of_another_plan_or_has_finished_is_forgotten() -> None:
    heard = both_run()
    heard.plan = {"w": 1}
    told: list[object] = []
    for _ in range(FORGOTTEN_MS // STEP_MS + 3):
        heard.now_ms += STEP_MS
        heard.tell("tm-1", "j", 0, v="w")
        heard.tell("tm-1")
        heard.tell("tm-2")
        heard.tell("", "j")
        told.append(heard.counted())
    assert set(told[2:-3]) == {None}
    assert told[-1] == (1, 1)
    assert heard.runs.runs["j"].tasks.size == heard.runs._tasks == 1


def test_what_is_too_much_is_counted_and_nothing_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.heard.TASKS_MAX", 2)
    monkeypatch.setattr("drsquirrel.heard.RUNS_MAX", 1)
    monkeypatch.setattr("drsquirrel.heard.PROCESSES_MAX", 2)
    heard = Heard()
    heard.round()
    heard.tell("", "another")
    heard.tell("tm-1", "another", 1)
    assert heard.dropped == {"too many runs": 1}
    assert heard.round(*BOTH) == (2, 2)
    assert heard.round(*BOTH, ("tm-1", 2)) is None
    assert heard.dropped == {"too many runs": 1, "too many tasks": 1}
    heard.tell("tm-3")
    assert heard.dropped["too many processes"] == 1
    heard.tell("tm-1", "j", 1, v="v" * 10_000)
    assert heard.runs.runs["j"].tasks.size == heard.runs._tasks == 2
    assert [heard.round(*BOTH) for _ in range(3)] == [None, None, (2, 2)], "it is told no more"


def test_runs_without_end_leave_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.heard.RUNS_MAX", 10)
    heard = Heard()
    for number in range(50):
        heard.tell("", f"j{number}")
        heard.tell("tm-1", f"j{number}", 1, 2)
        heard.end(heard.now_ms, f"j{number}")
    assert not heard.runs.runs and not heard.dropped
    assert heard.runs._tasks == 0
    assert len(heard.runs._ended_ms) == 10


def test_who_was_silent_for_long_is_forgotten_and_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.heard.TASKS_MAX", 2)
    heard = Heard()
    heard.round()
    heard.round(*BOTH)
    later_ms = heard.now_ms + FORGOTTEN_MS
    heard.runs.note([], later_ms)
    assert heard.runs.runs
    heard.now_ms = later_ms + FRESH_MS + 1
    heard.runs.note([], heard.now_ms)
    assert not heard.runs.runs
    heard.round()
    assert heard.round(*BOTH) == (2, 2)
    assert not heard.dropped


def test_an_end_that_is_read_late_or_again_ends_no_run_that_is_told_of() -> None:
    heard = both_run()
    ended_ms = heard.now_ms
    heard.round(*BOTH)
    heard.end(ended_ms)
    assert heard.round(*BOTH) == (2, 2)


def test_what_was_told_before_an_end_and_is_read_after_it_is_no_run() -> None:
    heard = Heard()
    heard.round(*BOTH)
    heard.end(heard.now_ms)
    assert not heard.runs.runs
    heard.tell("", "j")
    heard.now_ms += ONE_ROUND_MS
    heard.tell("", "j")
    assert not heard.runs.runs
    heard.now_ms += 1
    heard.tell("", "j")
    assert heard.runs.runs["j"].since_ms == heard.now_ms


def test_what_is_read_late_takes_nothing_back() -> None:
    heard = both_run()
    newest_ms = heard.now_ms
    old = MetricReport(origin=heard.origin(""), time_ms=newest_ms - 90_000, job="j")
    assert heard.runs.note([(newest_ms - 90_000, old)], newest_ms)
    assert heard.runs.runs["j"].heard_ms == newest_ms
    assert not heard.runs.note([(newest_ms - 90_000, replace(old, job="i"))], newest_ms)


def test_that_all_run_was_so_up_to_when_each_had_told_so() -> None:
    heard = both_run()
    before_ms = heard.now_ms
    heard.now_ms += STEP_MS
    for container, subtasks in (("tm-1", (0,)), ("tm-2", ())):
        heard.tell(container, "j", *subtasks)
        heard.tell(container)
    heard.tell("", "j")
    [read] = heard.runs.readings(lambda _: Listed(NOON_MS), heard.now_ms)
    assert (numbers(read), read.time_ms) == ((2, 2), before_ms)
