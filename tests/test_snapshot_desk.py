"""A desk behind the watcher says what one says that hears processes itself."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from msgspec.structs import replace

from drsquirrel.collect.kafka.snapshots import told
from drsquirrel.deep import WAITS_MS
from drsquirrel.diagnose.known import PLUGIN
from drsquirrel.model.event import CheckpointEvent, MetricReport
from drsquirrel.model.facts import RunSeen
from drsquirrel.model.report import Report
from drsquirrel.model.snapshot import MINUTE_MS, Snapshot, Subject, decoder, encoder
from drsquirrel.rules.load import load
from drsquirrel.snapshot_desk import SENDING_MS, WAITING_MAX, SnapshotDesk
from drsquirrel.watch.bundle import bucket_of, closes_ms
from drsquirrel.watch.piece import Arrived, joined, pieces
from tests.diagnose.seen import CLUSTER, JOB, NOON_MS
from tests.diagnose.sim import Sim
from tests.diagnose.test_story import make_calm, make_slow
from tests.test_deep import Deep
from tests.test_desk import found, seen
from tests.watch.made import origin, report, subtask

BUCKETS = 48


@dataclass
class Behind(Deep):
    """What processes send is told at the end of each window, which is not the same for all, in
    pieces."""

    desk: SnapshotDesk = field(default_factory=lambda: SnapshotDesk(load()))

    def __post_init__(self) -> None:
        super().__post_init__()
        self._arrived: list[Arrived] = []
        self.desk.listens = True

    def send(self, messages: list[MetricReport]) -> None:
        over = [a for a in self._arrived if self._closed_ms(a) <= self.clock_ms]
        parts = list(pieces(over)[0].values())
        whole = {p.subject: joined(q for q in parts if q.subject == p.subject) for p in parts}
        for snapshot in (*parts, *whole.values()):  # and once more
            self.tell(snapshot)
        self._arrived = [a for a in self._arrived if self._closed_ms(a) > self.clock_ms]
        self._arrived += [Arrived(self.clock_ms, self.clock_ms, m) for m in messages]

    def _closed_ms(self, one: Arrived) -> int:
        return closes_ms(bucket_of(one.group, BUCKETS), BUCKETS, one.arrival_ms)

    def tell(self, snapshot: object) -> None:
        read = decoder.decode(encoder.encode(snapshot))
        self.desk.hear(CLUSTER, told(read, self.clock_ms), self.clock_ms)


def slow(sim: Sim) -> None:
    make_slow(sim)


def skewed(sim: Sim) -> None:
    sim.set("source", busy=0.05, pressured=0.9, per_s=550)
    sim.set("map", subtasks=(0,), busy=0.99, per_s=1_000)
    sim.set("map", subtasks=(1,), busy=0.1, per_s=100)
    sim.pending_per_s = 300


def collecting(sim: Sim) -> None:
    make_slow(sim)
    sim.gc["tm-1"] = 0.5


def summary(made: Report) -> tuple[object, ...]:
    return (
        made.verdict,
        made.headline,
        [(c.code, c.confidence, c.culprit.vertex, c.culprit.subtasks) for c in made.causes],
        [(c.code, c.outcome) for c in made.checks],
    )


@pytest.mark.parametrize("happens", [make_calm, slow, skewed, collecting])
def test_the_diagnosis_is_that_of_one_process(happens: Callable[[Sim], None]) -> None:
    deep, behind = Deep(), Behind()
    deep.desk.listens = True
    for sim in (deep, behind):
        sim.run(600)
        happens(sim)
        sim.run(900)
    assert summary(behind.reports[-1]) == summary(deep.reports[-1])
    at_once = [r.verdict for r in behind.reports[60:70]]
    assert at_once == [r.verdict for r in deep.reports[60:70]], "REST tells meanwhile"


def test_it_says_how_old_the_snapshots_are_and_of_whom_they_tell() -> None:
    sim = Behind()
    sim.run(900)
    sources = {s.name: s for s in sim.reports[-1].data.sources}
    assert sources[PLUGIN].says == "3 of 3 processes of this run send their metrics and logs."
    assert sources[PLUGIN].state == "fresh"
    sim._arrived.clear()
    sim.send = lambda messages: None  # type: ignore[method-assign]
    assert sim.run(1800).data.sources[-1].state == "stale"


def desk() -> SnapshotDesk:
    made = SnapshotDesk(load())
    made.add_cluster(CLUSTER, 10_000, dumps_allowed=False)
    return made


def hear(at: SnapshotDesk, *events: MetricReport | CheckpointEvent, now_ms: int = NOON_MS) -> None:
    arrived = [Arrived(now_ms, e.time_ms, e) for e in events]
    for piece in pieces(arrived)[0].values():
        at.hear(CLUSTER, told(piece, now_ms), now_ms)


def of_job(sequence: int, time_ms: int, job: str = JOB) -> MetricReport:
    event = report(sequence, time_ms, subtask(numRecordsIn=sequence), job=job)
    return replace(event, origin=replace(event.origin, cluster=CLUSTER))


def minutes(at: SnapshotDesk, start_ms: int) -> list[int]:
    subject = Subject(cluster=CLUSTER, job=JOB, start_ms=start_ms)
    return [m - NOON_MS // MINUTE_MS for m in sorted(at._hours.of(subject))]


def run(start_ms: int, state: str = "RUNNING") -> RunSeen:
    return replace(seen(JOB, state), start_ms=start_ms)


def test_what_is_told_before_its_run_is_listed_waits_and_holds_the_offsets() -> None:
    at = desk()
    hear(at, of_job(1, NOON_MS))
    assert at.waiting() == {CLUSTER: NOON_MS} and minutes(at, NOON_MS) == []
    at.take(CLUSTER, found(run(NOON_MS), at_ms=NOON_MS + 1_000))
    at.hear(CLUSTER, [], NOON_MS + 2_000)
    assert at.waiting() == {} and minutes(at, NOON_MS) == [0]


def test_what_waits_for_a_run_that_nobody_lists_is_dropped_in_the_end() -> None:
    at, silent = desk(), desk()
    for one in (at, silent):
        hear(one, of_job(1, NOON_MS))
    at.take(CLUSTER, found(at_ms=NOON_MS + WAITS_MS))
    at.hear(CLUSTER, [], NOON_MS + WAITS_MS)
    assert at.waiting() == {CLUSTER: NOON_MS}
    for one in (at, silent):
        one.hear(CLUSTER, [], NOON_MS + WAITS_MS + 1)
    assert at.waiting() == {} and at.dropped["unknown run"] == 1
    assert silent.waiting() == {CLUSTER: NOON_MS}, "its JobManager may be told of a window later"
    silent.hear(CLUSTER, [], NOON_MS + SENDING_MS + 1)
    assert silent.waiting() == {} and silent.dropped["unknown run"] == 1


def test_too_much_that_waits_stops_the_reading() -> None:
    at = desk()
    assert not at.is_full()
    at._waits = WAITING_MAX
    hear(at, of_job(1, NOON_MS))
    assert at.is_full()
    at.take(CLUSTER, found(run(NOON_MS), at_ms=NOON_MS + 1_000))
    at.hear(CLUSTER, [], NOON_MS + 2_000)
    assert not at.is_full()


def test_a_minute_is_of_the_start_that_was_the_last_before_its_end() -> None:
    at = desk()
    later_ms = NOON_MS + 10 * MINUTE_MS
    at.take(CLUSTER, found(run(NOON_MS, "FAILED"), run(later_ms), at_ms=later_ms + 60_000))
    hear(
        at,
        of_job(1, NOON_MS - MINUTE_MS),
        of_job(2, NOON_MS + MINUTE_MS),
        of_job(3, later_ms + 30_000),
        now_ms=later_ms + 60_000,
    )
    assert (minutes(at, NOON_MS), minutes(at, later_ms)) == ([-1, 1], [10])


def test_minutes_that_cannot_have_been_are_dropped_and_late_ones_counted() -> None:
    at = desk()
    at.take(CLUSTER, found(run(NOON_MS - 3 * 3_600_000), at_ms=NOON_MS))
    event = of_job(1, NOON_MS + 10 * MINUTE_MS)
    [piece] = pieces([Arrived(event.time_ms, event.time_ms, event)])[0].values()
    at.hear(CLUSTER, told(piece, NOON_MS), NOON_MS)
    assert at.dropped["of the future"] == 1
    event = of_job(1, NOON_MS - 2 * 3_600_000)
    [piece] = pieces([Arrived(event.time_ms, event.time_ms, event)])[0].values()
    at.hear(CLUSTER, told(piece, NOON_MS), NOON_MS)
    assert at.late_total == 1
    event = of_job(1, NOON_MS - 25 * 3_600_000)
    [piece] = pieces([Arrived(event.time_ms, event.time_ms, event)])[0].values()
    at.hear(CLUSTER, told(piece, NOON_MS), NOON_MS)
    assert (at.late_total, at.dropped["too late"]) == (2, 1)


def test_what_waits_is_counted_though_it_holds_no_tracks() -> None:
    at = desk()
    [rollup] = [
        p.rollups[0] for p in pieces([Arrived(NOON_MS, NOON_MS, of_job(1, NOON_MS))])[0].values()
    ]
    bare = Snapshot(
        subject=rollup.subject,
        window_ms=NOON_MS,
        rollups=(replace(rollup, tracks=(), seen=(), skewed=(("t", "e", 1),)),) * (WAITING_MAX + 1),
        reports_seen=0,
        reports_expected=None,
    )
    at.hear(CLUSTER, [(NOON_MS, bare)], NOON_MS)
    assert at.is_full()


def test_events_come_alone_and_are_not_told_twice() -> None:
    at = desk()
    at.take(CLUSTER, found(run(NOON_MS), at_ms=NOON_MS))
    checkpoint = CheckpointEvent(
        origin=origin(7, cluster=CLUSTER), time_ms=NOON_MS, job=JOB, id=7, status="COMPLETED"
    )
    [piece] = pieces([Arrived(NOON_MS, NOON_MS, checkpoint)])[0].values()
    assert [type(what) for _, what in told(piece, NOON_MS)] == [CheckpointEvent]
    ready = [at.hear(CLUSTER, told(piece, NOON_MS), NOON_MS) for _ in range(2)]
    assert [[e.start_ms for e in events] for events in ready] == [[NOON_MS], [NOON_MS]]
    rollup = at._hours.of(Subject(cluster=CLUSTER, job=JOB, start_ms=NOON_MS))[NOON_MS // MINUTE_MS]
    assert [c.id for c in rollup.checkpoints] == [7]


def test_who_is_in_no_snapshot_any_more_is_forgotten_when_others_are() -> None:
    at = desk()
    at.take(CLUSTER, found(run(NOON_MS), at_ms=NOON_MS))
    hear(at, of_job(1, NOON_MS))
    other = of_job(2, NOON_MS + SENDING_MS + MINUTE_MS)
    other = replace(other, origin=replace(other.origin, container="tm-2"))
    hear(at, other, now_ms=other.time_ms)
    assert [*at._sending(at.clusters[CLUSTER], {})] == ["tm-2"]


def test_what_is_late_goes_to_its_minute_and_to_no_other() -> None:
    at = desk()
    now_ms = NOON_MS + 20 * MINUTE_MS
    at.take(CLUSTER, found(run(NOON_MS), at_ms=now_ms))
    hear(at, of_job(1, NOON_MS), of_job(3, NOON_MS + 5 * MINUTE_MS), now_ms=now_ms)
    subject = Subject(cluster=CLUSTER, job=JOB, start_ms=NOON_MS)
    before = dict(at._hours.of(subject))
    late = of_job(2, NOON_MS + 30_000)
    [piece] = pieces([Arrived(NOON_MS + 30_000, late.time_ms, late)])[0].values()
    at.hear(CLUSTER, told(piece, now_ms), now_ms)
    after = at._hours.of(subject)
    assert [m for m in after if after[m] is not before[m]] == [NOON_MS // MINUTE_MS]
    [seen_now] = after[NOON_MS // MINUTE_MS].seen
    assert (seen_now.first, seen_now.last) == (1, 2)
