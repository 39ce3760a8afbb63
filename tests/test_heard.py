"""What is known of runs by what their processes tell alone."""

from collections import Counter

import pytest

from drsquirrel.heard import FORGOTTEN_MS, RESCALED_MS, HeardRuns
from drsquirrel.model.event import ContainerEvent, MetricReport, Origin, Place, Values, tables
from tests.diagnose.seen import CLUSTER

NOON_MS = 1_760_000_040_000
STEP_MS = 10_000


def origin(container: str = "") -> Origin:
    return Origin(cluster=CLUSTER, producer="plugin", epoch="p", sequence=1, container=container)


class Heard:
    """What is counted of one job with two tasks in each process."""

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.runs = HeardRuns(CLUSTER, self.dropped)
        self.now_ms = NOON_MS

    def round(self, *tasks: tuple[str, int], silent: str = "") -> tuple[int, int] | None:
        """After one interval, in which these (process, subtask) were told: (running, total)."""
        self.now_ms += STEP_MS
        for container in ("tm-1", "tm-2"):
            if container != silent:
                self.note(container, "j", *(s for c, s in tasks if c == container))
                self.note(container, "")
        self.note("", "j")
        for read in self.runs.readings({"j": NOON_MS}, {}, self.now_ms):
            [table] = read.tables
            told = dict(zip(table.names, table.numbers, strict=True))
            return int(told["tasks_running"] or 0), int(told["tasks_total"] or 0)
        return None

    def note(self, container: str, job: str, *subtasks: int) -> None:
        told = [Values({"numRecordsIn": 1}, Place("v", s, attempt=0)) for s in subtasks]
        report = MetricReport(
            origin=origin(container), time_ms=self.now_ms, tables=tables(told), job=job
        )
        self.runs.note(self.now_ms, report)


BOTH = (("tm-1", 0), ("tm-2", 1))


def test_a_task_that_is_missing_twice_where_its_process_reports_has_stopped() -> None:
    heard = Heard()
    heard.round()
    assert heard.round(*BOTH) == (2, 2)
    assert heard.round() == (2, 2)
    assert heard.round() == (0, 2)
    assert heard.round(BOTH[0], ("tm-1", 1)) == (2, 2)


def test_where_some_tasks_run_it_is_not_known_whether_the_others_have_finished() -> None:
    heard = Heard()
    heard.round()
    heard.round(*BOTH)
    assert [heard.round(BOTH[0]) for _ in range(2)] == [(2, 2), None]


def test_of_the_tasks_of_a_silent_process_nothing_is_known() -> None:
    heard = Heard()
    heard.round()
    assert heard.round(*BOTH) == (2, 2)
    known = [heard.round(BOTH[0], silent="tm-2") for _ in range(4)]
    assert known == [(2, 2), (2, 2), (2, 2), None]
    goodbye = ContainerEvent(
        origin=origin("tm-2"), time_ms=heard.now_ms, what="goodbye", is_taskmanager=True
    )
    heard.runs.note(heard.now_ms, goodbye)
    assert [heard.round(silent="tm-2") for _ in range(2)] == [None, (0, 2)]


def test_a_subtask_that_a_rescale_took_away_is_no_longer_missing() -> None:
    heard = Heard()
    heard.round()
    heard.round(*BOTH)
    told = [heard.round(BOTH[0]) for _ in range(RESCALED_MS // STEP_MS + 1)]
    assert told[-2:] == [None, (1, 1)]


def test_what_is_too_much_is_counted_and_nothing_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.heard.TASKS_MAX", 2)
    monkeypatch.setattr("drsquirrel.heard.RUNS_MAX", 1)
    monkeypatch.setattr("drsquirrel.heard.PROCESSES_MAX", 3)
    heard = Heard()
    heard.round()
    heard.note("", "another")
    heard.note("tm-1", "another", 1)
    assert heard.dropped == {"too many runs": 1}
    assert heard.round(*BOTH) == (2, 2)
    assert heard.round(*BOTH, ("tm-1", 2)) is None
    assert heard.dropped == {"too many runs": 1, "too many tasks": 1}
    heard.note("tm-3", "")
    heard.note("tm-4", "")
    assert heard.dropped["too many processes"] == 2 - 1


def test_who_was_silent_for_long_is_forgotten_and_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.heard.TASKS_MAX", 2)
    heard = Heard()
    heard.round()
    heard.round(*BOTH)
    later_ms = heard.now_ms + FORGOTTEN_MS
    assert heard.runs.told(later_ms) == {} and heard.runs.runs
    assert heard.runs.told(later_ms + 1) == {} and not heard.runs.runs
    heard.now_ms = later_ms
    heard.round()
    assert heard.round(*BOTH) == (2, 2)
    assert not heard.dropped
