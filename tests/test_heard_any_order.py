"""However processes, clocks and topics differ: what is counted of the tasks of a job."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.heard import HeardRuns
from drsquirrel.heard_tasks import Listed
from drsquirrel.model.event import Message, MetricReport, Origin, Place, Values, tables
from tests.diagnose.seen import CLUSTER
from tests.test_heard import DAY_MS, NOON_MS, STEP_MS, numbers

NEVER_MS = 10**9


@dataclass
class Teller:
    """A process that reports every 10 s, of itself and of its tasks, with a pause between."""

    container: str
    phase_ms: int
    ahead_ms: int
    pause_ms: int
    tasks_first: bool
    subtasks: list[int] = field(default_factory=list)

    def rounds(self, until_ms: int, stop_ms: int) -> Iterator[tuple[int, bool, int]]:
        """(when, whether of the tasks, the number of the round)."""
        for number, begin_ms in enumerate(range(self.phase_ms, until_ms, STEP_MS)):
            first_ms, second_ms = begin_ms, begin_ms + self.pause_ms
            own_ms, tasks_ms = (second_ms, first_ms) if self.tasks_first else (first_ms, second_ms)
            yield own_ms, False, number
            if tasks_ms < stop_ms or not self.container:
                yield tasks_ms, True, number


@dataclass
class World:
    """Processes, how late each topic is read, twice or not, and when we stand still."""

    tellers: list[Teller]
    lags_ms: tuple[int, int]
    is_doubled: bool
    stall_ms: tuple[int, int]
    stop_ms: int = NEVER_MS
    """When all tasks stop."""

    def readings(self, until_ms: int, plan: Mapping[str, int]) -> list[MetricReport]:
        heard = HeardRuns(CLUSTER, Counter())
        listed = Listed(1, plan)
        found: list[MetricReport] = []
        queue = sorted(self._messages(until_ms), key=lambda m: m[0])
        now_ms = 0
        while queue:
            now_ms += 1_000
            begin_ms, long_ms = self.stall_ms
            if begin_ms < now_ms < begin_ms + long_ms:
                continue
            while queue and queue[0][0] <= now_ms:
                part = [m for m in queue[:7] if m[0] <= now_ms]
                queue = queue[len(part) :]
                due = [(NOON_MS + at_ms, message) for _, at_ms, message in part]
                heard.note(due, NOON_MS + now_ms)
                found += heard.readings(lambda _: listed, NOON_MS + now_ms)
        return found

    def _messages(self, until_ms: int) -> Iterator[tuple[int, int, Message]]:
        """(when it is read, when it came, what)."""
        of_tasks, of_processes = self.lags_ms
        for teller in self.tellers:
            for at_ms, is_of_tasks, number in teller.rounds(until_ms, self.stop_ms):
                if not teller.container and not is_of_tasks:
                    continue
                told = [Values({"numRecordsIn": 1}, Place("v", s)) for s in teller.subtasks]
                message = MetricReport(
                    origin=Origin(
                        cluster=CLUSTER,
                        producer="plugin",
                        epoch=f"{teller.container}-{is_of_tasks}",
                        sequence=number,
                        container=teller.container,
                    ),
                    time_ms=NOON_MS + at_ms + teller.ahead_ms,
                    tables=tables(told if is_of_tasks else []),
                    job="j" if is_of_tasks else "",
                )
                lag_ms = of_tasks if is_of_tasks else of_processes
                yield at_ms + lag_ms, at_ms, message
                if self.is_doubled:
                    yield at_ms + lag_ms + 4_000, at_ms, message


OFF_MS = st.sampled_from([0, 0, 40_000, -40_000, 3_600_000, DAY_MS, -DAY_MS])
TELLERS = st.builds(
    Teller,
    container=st.just(""),
    phase_ms=st.integers(0, STEP_MS - 1),
    ahead_ms=OFF_MS,
    pause_ms=st.integers(0, 8_000),
    tasks_first=st.booleans(),
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    jobmanager, *taskmanagers = draw(st.lists(TELLERS, min_size=2, max_size=4))
    for number, teller in enumerate(taskmanagers):
        teller.container, teller.subtasks = f"tm-{number}", [2 * number, 2 * number + 1]
    return World(
        tellers=[jobmanager, *taskmanagers],
        lags_ms=draw(st.tuples(st.integers(0, 25_000), st.integers(0, 25_000))),
        is_doubled=draw(st.booleans()),
        stall_ms=(draw(st.integers(20_000, 100_000)), draw(st.integers(0, 60_000))),
    )


@given(worlds(), st.booleans())
def test_a_job_all_of_whose_tasks_run_is_never_said_to_stand_still(
    world: World, knows_plan: bool
) -> None:
    tasks = 2 * (len(world.tellers) - 1)
    plan = {"v": tasks} if knows_plan else {}
    told = world.readings(200_000, plan)
    assert all(running == total for running, total in map(numbers, told))
    assert not knows_plan or {total for _, total in map(numbers, told)} <= {tasks}


@given(worlds(), st.booleans(), st.integers(30_000, 120_000))
def test_a_job_none_of_whose_tasks_runs_is_soon_not_said_to_run(
    world: World, knows_plan: bool, stops_ms: int
) -> None:
    world.stop_ms = stops_ms
    tasks = 2 * (len(world.tellers) - 1)
    told = world.readings(300_000, {"v": tasks} if knows_plan else {})
    late = {numbers(read)[0] for read in told[-5:]}
    assert late == {0} or max(world.lags_ms) > STEP_MS
    jobmanager = world.tellers[0]
    since_ms = NOON_MS + stops_ms + 70_000 + jobmanager.ahead_ms
    assert not [r for r in told if r.time_ms > since_ms and numbers(r)[0]] or (
        abs(jobmanager.ahead_ms) > 60_000
    )
