"""What fold makes of events: readable examples, one per promise of its rollups."""

from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drsquirrel.model import event as wire
from drsquirrel.model.event import (
    ChangeEvent,
    CheckpointEvent,
    FailureEvent,
    LogEvent,
    Values,
)
from drsquirrel.model.snapshot import Reading, Seen, Subject, Track, TrackKey
from drsquirrel.watch.fold import fold, fold_bytes
from drsquirrel.watch.limit import Limits
from tests.watch.made import MINUTE_MS, NOON_MS, TRACE, folded, only, origin, report, subtask

RUN = Subject(cluster="prod", job="j")
NOON = NOON_MS // MINUTE_MS


def test_a_minute_keeps_first_and_last_and_of_gauges_low_and_high():
    reports = [
        report(n, NOON_MS + 10_000 * n, subtask(busy_ms=100 * n, input_queue_buffers=queue))
        for n, queue in enumerate([4, 9, 2, 5])
    ]
    assert only(*reports).tracks == (
        Track(
            TrackKey("tm-1", "e", "v", 0, "", "", 0),
            first=(Reading(NOON_MS, 0, {"busy_ms": 0, "input_queue_buffers": 4}),),
            last=(Reading(NOON_MS + 30_000, 3, {"busy_ms": 300, "input_queue_buffers": 5}),),
            low={"input_queue_buffers": 2},
            high={"input_queue_buffers": 9},
        ),
    )


def test_every_metric_has_its_own_first_and_last():
    early, late = subtask(busy_ms=1, idle_ms=1), subtask(idle_ms=2, bytes_in=2)
    (track,) = only(report(1, NOON_MS, early), report(2, NOON_MS + 1, late)).tracks
    assert track.first == (
        Reading(NOON_MS, 1, {"busy_ms": 1, "idle_ms": 1}),
        Reading(NOON_MS + 1, 2, {"bytes_in": 2}),
    )
    assert track.last == (
        Reading(NOON_MS, 1, {"busy_ms": 1}),
        Reading(NOON_MS + 1, 2, {"bytes_in": 2, "idle_ms": 2}),
    )


def test_a_metric_that_only_one_report_has_is_kept():
    reports = [
        report(n, NOON_MS + n, subtask(**values))
        for n, values in enumerate([{"busy_ms": 1}, {"busy_ms": 2, "idle_ms": 7}, {"busy_ms": 3}])
    ]
    (track,) = only(*reports).tracks
    assert Reading(NOON_MS + 1, 1, {"idle_ms": 7}) in track.first + track.last


def test_every_start_of_a_job_is_a_subject_of_its_own():
    starts = [replace(report(1, NOON_MS), start_ms=start_ms) for start_ms in (5, 3)]
    assert [rollup.subject.start_ms for rollup in folded(*starts)] == [3, 5]


def test_of_two_claims_to_one_place_in_time_the_extremes_stay():
    (track,) = only(
        *(report(1, NOON_MS, subtask(busy_ms=n, idle_ms=9 - n)) for n in (5, 3, 4))
    ).tracks
    assert track.first[0].values == {"busy_ms": 3, "idle_ms": 4}
    assert track.last[0].values == {"busy_ms": 5, "idle_ms": 6}


@pytest.mark.parametrize(
    ("times", "first", "last"),
    [((0, 0, 1), (4, 4), (6, 3)), ((0, 1, 1), (4, 5), (6, 4))],
)
def test_two_claims_to_one_end_are_seen_in_any_order(times, first, last):
    reports = [
        report(time, NOON_MS + time, subtask(busy_ms=busy, idle_ms=9 - busy))
        for time, busy in zip(times, (4, 5, 6), strict=True)
    ]
    for order in permutations(reports):
        (track,) = only(*order).tracks
        assert track.first[0].values == dict(zip(("busy_ms", "idle_ms"), first, strict=True))
        assert track.last[0].values == dict(zip(("busy_ms", "idle_ms"), last, strict=True))


def test_attempts_and_processes_are_tracks_of_their_own():
    reports = [
        report(1, NOON_MS, subtask(attempt=attempt, busy_ms=1), epoch=epoch)
        for attempt in (0, 1)
        for epoch in ("e", "f")
    ]
    assert len(only(*reports).tracks) == 4


def test_the_minute_is_that_of_the_source_time():
    a, b = folded(report(1, NOON_MS - 1), report(2, NOON_MS))
    assert (a.minute, b.minute) == (NOON - 1, NOON)


def test_a_report_without_a_job_is_about_its_container():
    heap = Values({"Status.JVM.Memory.Heap.Used": 7})
    rollup = only(report(1, NOON_MS, heap, job=""))
    assert rollup.subject == Subject(cluster="prod", container="tm-1")
    assert rollup.tracks[0].high == {"heap_used_bytes": 7}


def test_seen_are_the_sequence_numbers_of_reports_without_holes_between_them():
    reports = [report(n, NOON_MS) for n in (7, 3, 4, 5, 3)] + [report(1, NOON_MS, epoch="f")]
    assert only(*reports).seen == (
        Seen("tm-1", "e", 3, 5),
        Seen("tm-1", "e", 7, 7),
        Seen("tm-1", "f", 1, 1),
    )


def test_what_a_limit_leaves_out_is_flagged():
    reports = [report(n, NOON_MS, subtask(n, busy_ms=1)) for n in (0, 1, 2, 5)]
    rollup = only(*reports, limits=Limits(reports_per_minute=2, tracks_per_minute=3))
    assert rollup.seen == (Seen("tm-1", "e", 0, 1),)
    assert [track.key.subtask for track in rollup.tracks] == [0, 1, 2]
    assert rollup.overflowed == ("seen", "tracks")
    assert only(*reports, limits=Limits(reports_per_minute=4)).overflowed == ()


@pytest.mark.parametrize("off_ms", [-86_400_000, -60_001, 60_001, 86_400_000])
def test_a_wrong_clock_is_noted_and_not_believed(off_ms):
    arrival_ms = NOON_MS + 30_000
    result = fold([(arrival_ms, report(1, arrival_ms + off_ms, subtask(busy_ms=1)))])
    (rollup,) = result.rollups
    assert rollup.minute == NOON
    assert rollup.tracks[0].first[0].time_ms == arrival_ms
    assert rollup.skewed == (("tm-1", "e", abs(off_ms)),)


def test_of_a_wrong_clock_the_largest_distance_is_kept():
    reports = [(NOON_MS, report(n, NOON_MS + n * 1_000_000)) for n in (1, 3, 2)]
    assert fold(reports).rollups[0].skewed == (("tm-1", "e", 3_000_000),)


@pytest.mark.parametrize("late_ms", [-60_000, 60_000])
def test_a_minute_of_delay_is_no_wrong_clock(late_ms):
    assert only(report(1, NOON_MS), late_ms=late_ms).skewed == ()


def failure(producer: str = "flink-rest", **more: object) -> FailureEvent:
    told = {"time_ms": NOON_MS, "job": "j", "throwable": TRACE, "signature": "", **more}
    return FailureEvent(origin=origin(producer=producer), **told)


def checkpoint(status: str = "IN_PROGRESS", **more: object) -> CheckpointEvent:
    told = {"time_ms": NOON_MS, "job": "j", "id": 7, **more}
    return CheckpointEvent(origin=origin(), status=status, **told)


def test_what_is_read_from_a_history_may_be_old():
    day_ms = 86_400_000
    assert only(failure("flink-rest"), late_ms=day_ms).minute == NOON
    assert only(failure("plugin"), late_ms=day_ms).skewed == (("tm-1", "e", day_ms),)
    assert only(checkpoint(), late_ms=day_ms).checkpoints[0].time_ms == NOON_MS


def test_no_history_tells_of_the_future():
    rollup = only(failure(), late_ms=-61_000)
    assert rollup.minute == NOON - 2
    assert rollup.failures[0].time_ms == NOON_MS - 61_000
    assert rollup.skewed == (("tm-1", "e", 61_000),)


def test_a_failure_is_signed_where_its_producer_did_not():
    assert only(failure()).failures[0].signature.endswith("IllegalStateException at Enrich.map")
    assert only(failure(signature="mine")).failures[0].signature == "mine"


def test_one_failure_told_twice_is_one_and_more_knowledge_wins():
    more = failure(host="h", vertex="v")
    assert only(failure(), more, failure()).failures == only(more).failures
    assert len(only(failure(), failure(task="map")).failures) == 2


def test_a_later_state_of_a_checkpoint_replaces_an_earlier_one():
    begun, done = checkpoint(duration_ms=9), checkpoint("COMPLETED", ended_ms=NOON_MS)
    failed = checkpoint("FAILED", ended_ms=NOON_MS + 1)
    assert only(done, failed, begun).checkpoints == (done,)
    assert only(failed, begun).checkpoints == (failed,)
    later = replace(failed, ended_ms=NOON_MS + 2)
    assert only(later, failed).checkpoints == (later,)
    known = replace(failed, alignment_ms=0)
    assert only(failed, known).checkpoints == (known,)


def test_changes_are_kept_in_the_order_of_time():
    changes = [
        ChangeEvent(origin=origin(), time_ms=NOON_MS + n, what="job-state", job="j", subject=state)
        for n, state in enumerate(["RUNNING", "FAILING", "RESTARTING"])
    ]
    assert only(*changes[::-1], *changes).changes == tuple(changes)


def log(sequence: int = 1, **more: object) -> LogEvent:
    told = {"time_ms": NOON_MS, "level": "WARN", "logger": "a.B", "message": "took 5 ms", **more}
    return LogEvent(origin=origin(sequence), **told)


def test_equal_log_lines_are_counted_once_each():
    lines = [
        log(1),
        log(2, time_ms=NOON_MS + 9, message="took 8 ms", count=5),
        log(3, time_ms=NOON_MS - 0, message="took 7 ms"),
    ]
    (summary,) = only(*lines, *lines).logs
    assert (summary.count, summary.first_ms, summary.last_ms) == (7, NOON_MS, NOON_MS + 9)
    assert summary.sample == "took 5 ms"
    assert summary.signature.endswith("B: took # ms")
    assert not summary.more


def test_the_severest_lines_are_kept_first():
    lines = [log(n, level=level) for n, level in enumerate(["INFO", "WARN", "FATAL", "ERROR"])]
    rollup = only(*lines, limits=Limits(signatures_per_minute=2))
    assert [summary.level for summary in rollup.logs] == ["FATAL", "ERROR"]
    assert rollup.overflowed == ("logs",)


def test_more_lines_of_one_kind_than_are_kept_are_flagged_in_it():
    (summary,) = only(*map(log, range(5)), limits=Limits(lines_per_signature=3)).logs
    assert (summary.count, summary.more) == (3, True)


def test_a_log_line_with_a_throwable_is_signed_by_it_and_shows_it():
    (summary,) = only(log(throwable=TRACE)).logs
    assert summary.signature == only(failure()).failures[0].signature
    assert summary.sample == f"took 5 ms\n{TRACE}"


def test_long_texts_are_cut():
    (found,) = only(failure(throwable="x" * 500), limits=Limits(text_chars=99)).failures
    assert len(found.throwable) == 99


def test_messages_from_a_wire_give_the_same_as_events():
    events = [report(1, NOON_MS, subtask(busy_ms=1)), failure(), checkpoint(), log()]
    batch = [(NOON_MS, wire.encoder.encode(event)) for event in events]
    assert fold_bytes(batch).rollups == fold([(NOON_MS, event) for event in events]).rollups


@pytest.mark.parametrize(
    "poison",
    [
        b"",
        b"\xff",
        b"null",
        b"{}",
        b'{"type":"metrics"}',
        b'{"type":"unheard of"}',
        b'{"type":"log","message":"\xff"}',
        b'{"type":"metrics","x":' + b"[" * 500_000,
        wire.encoder.encode(report(1, NOON_MS, subtask(busy_ms=1))).replace(b":1}", b':"1"}'),
        wire.encoder.encode(report(1, NOON_MS, subtask(busy_ms=1))).replace(b":1}", b":1e999}"),
    ],
)
def test_a_poison_message_is_counted_and_stops_nothing(poison):
    good = wire.encoder.encode(report(1, NOON_MS))
    result = fold_bytes([(NOON_MS, poison), (NOON_MS, good)])
    assert len(result.rollups) == 1
    assert result.dropped == {"malformed": 1}


def test_what_is_too_long_or_from_a_newer_producer_is_counted():
    newer = replace(report(1, NOON_MS), origin=origin(schema=99))
    batch = [(NOON_MS, wire.encoder.encode(newer)), (NOON_MS, b" " * 1_000)]
    result = fold_bytes(batch, Limits(message_bytes=999))
    assert result.rollups == []
    assert result.dropped == {"newer schema": 1, "too long": 1}


@given(st.lists(st.binary() | st.just(b'{"type":"metrics","origin":{}}')))
def test_any_bytes_fold(messages):
    result = fold_bytes([(NOON_MS, message) for message in messages])
    assert result == type(result)([], Counter({"malformed": len(messages)} if messages else {}))
