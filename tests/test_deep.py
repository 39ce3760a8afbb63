"""The deep tier on the desk: the same job by REST, by the plugin, and by both, is one job."""

from collections import Counter

import pytest
from msgspec.structs import replace

from drsquirrel.deep import (
    EARLY_MS,
    FRESH_MS,
    FURTHEST_MS,
    LATE_MS,
    UNTOLD_MS,
    WAITS_MS,
    DeepTier,
    as_folded,
    left_to_rest,
    moment,
    size_of,
    usable,
)
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    ContainerEvent,
    FailureEvent,
    LogEvent,
    MetricReport,
    Origin,
    Place,
    Table,
    Values,
    tables,
)
from drsquirrel.model.metric import BY_NAME
from drsquirrel.model.signature import sign
from drsquirrel.model.twin import ALIKE_TWIN_MS, TWIN_MS
from drsquirrel.watch.limit import LIMITS
from tests.diagnose.seen import CLUSTER
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import make_slow

NOON_MS = 1_760_000_040_000
SKEW_MS = LIMITS.skew_ms
BUSY = {"accumulateBusyTimeMs": 7}


def origin(container: str = "tm-1", sequence: int = 1) -> Origin:
    return Origin(
        cluster=CLUSTER, producer="plugin", epoch="p", sequence=sequence, container=container
    )


def report(job: str = "j", time_ms: int = NOON_MS, container: str = "tm-1") -> MetricReport:
    told = tables([Values(BUSY, Place("v", 0, attempt=0))])
    return MetricReport(origin=origin(container), time_ms=time_ms, tables=told, job=job)


class Deep(Sim):
    """Seen by the plugin too: it sends what is counted, at once; REST shows what was 5 s ago."""

    def look(self) -> None:
        self._sent = getattr(self, "_sent", 0) + 1
        events = [e for e in self.told_by_all() if isinstance(e, MetricReport)]
        messages = [
            replace(
                event,
                origin=replace(event.origin, producer="plugin", epoch="p", sequence=self._sent),
                tables=tuple(flinks(table) for table in event.tables),
                start_ms=0,
            )
            for event in events
        ]
        self.send(messages)
        super().look()

    def send(self, messages: list[MetricReport]) -> None:
        self.desk.hear(CLUSTER, [(self.clock_ms, m) for m in messages], self.clock_ms)

    def told_by_all(self) -> list[object]:
        kept = [*self.events]
        told = [*self.told()]
        self.events = kept
        alive = [tm for tm in self.taskmanagers if tm not in self.gone]
        return told + [self._report(tm, self._container(tm), of_run=False) for tm in (*alive, "")]


def flinks(table: Table) -> Table:
    """The columns that Flink has a metric for."""
    kept = [n for n, name in enumerate(table.names) if name not in BY_NAME]
    width = len(table.names)
    return Table(
        names=tuple(table.names[n] for n in kept),
        places=table.places,
        numbers=tuple(table.numbers[p * width + n] for p in range(len(table.places)) for n in kept),
    )


@pytest.mark.parametrize("sick", [True, False])
def test_the_answer_is_the_same_with_the_plugin_as_by_rest_alone(sick: bool) -> None:
    by_rest, deep = Sim(), Deep()
    for sim in (by_rest, deep):
        if sick:
            make_slow(sim)
        sim.run(300)
    a, b = by_rest.reports[-1], deep.reports[-1]
    assert bool(a.causes) is sick
    assert (a.verdict, a.headline, a.causes) == (b.verdict, b.headline, b.causes)


def test_where_a_process_reports_itself_nothing_counted_comes_from_rest() -> None:
    sim = Deep()
    sim.run(120)
    hour = sim.desk._hours.of(sim.of_run.subject)
    counted = {
        track.key.epoch
        for rollup in hour.values()
        for track in rollup.tracks
        for reading in track.first
        if "busy_ms" in reading.values
    }
    assert counted == {"p"}


def test_when_the_plugin_falls_silent_rest_takes_over() -> None:
    sim = Deep()
    sim.run(120)
    plain_look = super(Deep, sim).look
    sim.look = plain_look  # type: ignore[method-assign]
    make_slow(sim)
    report = sim.run(180)
    assert [cause.code for cause in report.causes][:1] == ["slow-sink"]


def test_a_report_is_given_the_start_of_the_run_it_was_made_in() -> None:
    starts = {"j": [NOON_MS - 900_000, NOON_MS - 60_000, NOON_MS + 60_000]}
    for time_ms, start_ms in (
        (NOON_MS, NOON_MS - 60_000),
        (NOON_MS - 60_000 - EARLY_MS, NOON_MS - 60_000),
        (NOON_MS - 61_000 - EARLY_MS, NOON_MS - 900_000),
    ):
        [(_, event)] = DeepTier(Counter()).take(
            [(time_ms, report(time_ms=time_ms))], starts, NOON_MS
        )
        assert event.start_ms == start_ms


def test_with_one_run_a_clock_that_is_off_decides_nothing() -> None:
    early = report(time_ms=NOON_MS - 86_400_000)
    [(_, event)] = DeepTier(Counter()).take([(NOON_MS, early)], {"j": [NOON_MS]}, NOON_MS)
    assert event.start_ms == NOON_MS


def test_a_report_of_a_run_that_nobody_has_listed_waits_and_is_dropped_in_the_end() -> None:
    deep = DeepTier(Counter())
    assert deep.take([(NOON_MS, report("new"))], {}, NOON_MS) == []
    assert deep.take([], {}, NOON_MS + WAITS_MS) == []
    [(arrival_ms, event)] = deep.take([], {"new": [NOON_MS]}, NOON_MS + WAITS_MS)
    assert (arrival_ms, event.start_ms) == (NOON_MS, NOON_MS)
    assert deep.take([(NOON_MS, report("other"))], {}, NOON_MS) == []
    assert deep.take([], {}, NOON_MS + WAITS_MS + 1) == []
    assert deep.dropped == {"unknown run": 1}


def line(text: str = "", job: str = "new") -> LogEvent:
    return LogEvent(
        origin=origin(), time_ms=NOON_MS, level="WARN", logger="l", message=text, job=job
    )


def test_what_waits_is_bounded_and_metrics_leave_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.deep.WAITING_MAX", 6)
    deep = DeepTier(Counter())
    deep.take([(NOON_MS, report("new"))] * 5 + [(NOON_MS, line())] * 5, {}, NOON_MS)
    assert deep.dropped == {"unknown run": 2 + 2}
    deep.take([(NOON_MS, failure())] * 7, {}, NOON_MS)
    assert deep.dropped == {"unknown run": 4, "too many failures": 1}
    assert len(deep.take([], {"new": [NOON_MS]}, NOON_MS)) == 6
    deep.take([(NOON_MS, line())] * 5, {}, NOON_MS)
    assert len(deep.take([], {"new": [NOON_MS]}, NOON_MS)) == 5, "there is room again"


def test_what_waits_is_bounded_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.deep.WAITING_BYTES", 2 << 20)
    deep = DeepTier(Counter())
    told = tables([Values(BUSY, Place("v", s, attempt=0)) for s in range(1_000)])
    large = replace(report("new"), tables=told)
    text = "x" * (1 << 20)
    for _ in range(20):
        deep.take([(NOON_MS, large), (NOON_MS, line(text))], {}, NOON_MS)
        deep.take([(NOON_MS, failure(throwable=text))], {}, NOON_MS)
    assert deep.dropped == {"unknown run": 20 - 1 + 20 - 2, "too many failures": 20 - 2}
    assert len(deep.take([], {"new": [NOON_MS], "j": [NOON_MS]}, NOON_MS + 30_000)) == 1 + 2 + 2
    deep.take([(NOON_MS, failure(throwable=text))] * 2, {}, NOON_MS)
    assert deep.dropped["too many failures"] == 18


def test_whatever_is_long_in_it_counts() -> None:
    long = "x" * 100_000
    told = ChangeEvent(origin=origin(), time_ms=NOON_MS, job="j", what="job-state", subject=long)
    for event in (told, line(long), replace(line(), task=long), failure(throwable=long)):
        assert size_of(event) > 100_000
    assert size_of(line()) < 3_000


def test_of_those_that_wait_for_their_runs_each_goes_on_with_its_own() -> None:
    deep, starts = DeepTier(Counter()), {"a": [NOON_MS]}
    later_ms = NOON_MS + WAITS_MS
    deep.take([(NOON_MS, report("a")), (NOON_MS, report("b"))], {}, NOON_MS)
    deep.take([(later_ms, report("b")), (later_ms, report("a"))], {}, later_ms)
    assert [e.job for _, e in deep.take([], starts, later_ms + 1)] == ["a", "a"]
    assert deep.dropped == {"unknown run": 1}, "of b the first"
    assert deep.waiting_since_ms() == later_ms
    assert [e.job for _, e in deep.take([], {"b": [NOON_MS]}, later_ms + 1)] == ["b"]
    assert deep.waiting_since_ms() is None


def test_a_start_that_a_message_claims_is_not_believed() -> None:
    [(_, event)] = DeepTier(Counter()).take(
        [(NOON_MS, replace(report(), start_ms=77))], {"j": [NOON_MS]}, NOON_MS
    )
    assert event.start_ms == NOON_MS


@pytest.mark.parametrize(
    ("ago_ms", "reports"), [(0, True), (LATE_MS, True), (LATE_MS + 1, False), (-60_000, True)]
)
def test_what_is_read_long_after_it_came_does_not_tell_who_reports_now(
    ago_ms: int, reports: bool
) -> None:
    deep, now_ms = DeepTier(Counter()), NOON_MS
    deep.take(usable([(NOON_MS - ago_ms, report())], now_ms), {}, now_ms)
    assert (deep.reporting(now_ms) == {"tm-1": now_ms}) is reports
    deep.take([(NOON_MS, report())], {}, now_ms)
    deep.take([(NOON_MS - LATE_MS - 1, report())], {}, now_ms)
    assert deep.reporting(now_ms) == {"tm-1": now_ms}


def test_nothing_comes_from_the_future() -> None:
    found = usable([(NOON_MS + 1, report()), (-7, report())], NOON_MS)
    assert [ms for ms, _ in found] == [NOON_MS, 0]


def test_a_line_of_any_length_is_cut_to_what_the_plugin_would_send() -> None:
    whole = LogEvent(
        origin=origin(), time_ms=NOON_MS, level="WARN", logger="a.B", message="m" * 16_384
    )
    assert as_folded(NOON_MS, whole) is whole
    long = replace(whole, message="m" * 3_000_000, task="t" * 3_000_000)
    found = as_folded(NOON_MS, long)
    assert isinstance(found, LogEvent)
    assert len(found.message) == len(found.task) == 16_384 and found.logger == "a.B"


@pytest.mark.parametrize("off_ms", [0, SKEW_MS, SKEW_MS + 1, -SKEW_MS, -SKEW_MS - 1, -FURTHEST_MS])
def test_a_time_that_is_far_off_is_not_believed(off_ms: int) -> None:
    event = report(time_ms=NOON_MS + off_ms)
    is_believed = abs(off_ms) <= SKEW_MS
    assert moment(NOON_MS, event) == (event.time_ms if is_believed else NOON_MS)
    assert as_folded(NOON_MS, event).time_ms == moment(NOON_MS, event)
    told = CheckpointEvent(
        origin=origin(), time_ms=event.time_ms, job="j", id=1, status="COMPLETED"
    )
    is_believed = -FURTHEST_MS <= off_ms <= SKEW_MS
    assert moment(NOON_MS, told) == (event.time_ms if is_believed else NOON_MS)


def test_who_was_not_heard_of_for_long_or_says_goodbye_does_not_report() -> None:
    deep = DeepTier(Counter())
    deep.take([(NOON_MS, report(container=c)) for c in ("tm-1", "tm-2")], {}, NOON_MS)
    assert set(deep.reporting(NOON_MS + FRESH_MS)) == {"tm-1", "tm-2"}
    assert deep.reporting(NOON_MS + FRESH_MS + 1) == {}
    goodbye = ContainerEvent(origin=origin(), time_ms=NOON_MS, what="goodbye", is_taskmanager=True)
    deep.take([(NOON_MS, goodbye)], {}, NOON_MS)
    assert deep.reporting(NOON_MS) == {"tm-2": NOON_MS}


def test_processes_without_end_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drsquirrel.deep.PROCESSES_MAX", 3)
    deep = DeepTier(Counter())
    for n, container in enumerate(("a", "b", "c", "a", "d")):
        deep.take([(NOON_MS, report(container=container))], {}, NOON_MS + n)
    assert deep.reporting(NOON_MS + 5) == {"c": NOON_MS + 2, "a": NOON_MS + 3, "d": NOON_MS + 4}


NPE = "java.lang.NullPointerException: no address\n\tat com.acme.Parse.map(Parse.java:7)\n"


def failure(time_ms: int = NOON_MS, throwable: str = NPE) -> FailureEvent:
    return FailureEvent(origin=origin(""), time_ms=time_ms, job="j", throwable=throwable)


@pytest.mark.parametrize(
    ("later_ms", "throwable", "is_told"),
    [
        (TWIN_MS, "java.lang.Error: of this trace another part was kept", True),
        (TWIN_MS + 1, "java.lang.Error: another failure", False),
        (ALIKE_TWIN_MS, NPE, True),
        (ALIKE_TWIN_MS + 1, NPE, False),
    ],
)
def test_a_failure_is_told_by_the_plugin_where_rest_has_not_told_it(
    later_ms: int, throwable: str, is_told: bool
) -> None:
    deep, starts = DeepTier(Counter()), {"j": [NOON_MS - 60_000]}
    assert deep.take([(NOON_MS, failure())], starts, NOON_MS) == []
    assert deep.waiting_since_ms() == NOON_MS
    deep.note_told(
        [replace(failure(NOON_MS + later_ms, throwable), signature=sign(throwable)), report()]
    )
    assert deep.take([], starts, NOON_MS + UNTOLD_MS) == []
    found = deep.take([], starts, NOON_MS + UNTOLD_MS + 1)
    expected = [] if is_told else [(NOON_MS, replace(failure(), start_ms=NOON_MS - 60_000))]
    assert found == expected
    assert deep.dropped == ({"told by REST": 1} if is_told else {})
    assert deep.waiting_since_ms() is None


def test_failures_of_another_job_do_not_count_and_a_flood_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drsquirrel.deep.WAITING_MAX", 2)
    deep = DeepTier(Counter())
    deep.take([(NOON_MS, failure())] * 3, {}, NOON_MS)
    deep.note_told([replace(failure(), job="another")])
    assert len(deep.take([], {"j": [NOON_MS]}, NOON_MS + UNTOLD_MS + 1)) == 2
    assert deep.dropped == {"too many failures": 1}


def test_what_flink_has_no_metric_for_is_left_to_rest() -> None:
    told = tables([Values(BUSY | {"task_status": 3, "numRecordsIn": 1}, Place("v", 0))])
    event = replace(report(), tables=told)
    [left] = left_to_rest([event], frozenset({"tm-1"}))
    assert isinstance(left, MetricReport)
    assert left.tables == (Table(names=("task_status",), places=(Place("v", 0),), numbers=(3,)),)
    assert left_to_rest([event], frozenset({"tm-2"})) == [event]
