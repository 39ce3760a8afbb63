"""Pieces of a snapshot: cut anywhere and joined in any order they are what one process makes."""

from collections import Counter, defaultdict
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from drsquirrel.model.event import Event, LogEvent
from drsquirrel.model.snapshot import WINDOW_MS, Snapshot, Subject, decoder, encoder
from drsquirrel.watch.fold import Folded, fold
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.piece import HELD, SLICES, Arrived, Group, fitting, joined, pieces
from drsquirrel.watch.window import Windows
from tests.watch.made import EVENTS, HOSTILE, NOON_MS, origin, report, subtask

ARRIVED = st.builds(
    Arrived,
    arrival_ms=st.integers(0, 900).map(lambda seconds: NOON_MS + 1_000 * seconds),
    told_ms=st.integers(-90, 90).map(lambda seconds: NOON_MS + 1_000 * seconds),
    event=st.one_of(*EVENTS.values()),
)


def group_of(event: Event) -> Group:
    return Arrived(NOON_MS, NOON_MS, event).group


def of_one_process(arrived: list[Arrived], limits: Limits) -> list[Snapshot]:
    windows = Windows(limits)
    for one in arrived:
        windows.add(
            one.arrival_ms, fold([(one.told_ms, replace(one.event, start_ms=0))], limits).rollups
        )
    return windows.grown(NOON_MS)


@given(
    st.lists(ARRIVED, max_size=12),
    st.randoms(),
    st.integers(1, 4),
    st.sampled_from([LIMITS, HOSTILE]),
)
def test_pieces_joined_are_the_snapshots_of_one_process(
    arrived: list[Arrived], random: Random, batches: int, limits: Limits
) -> None:
    by_minute: dict[tuple[Group, int], list[Snapshot]] = defaultdict(list)
    for batch in range(batches):
        for key, piece in pieces(arrived[batch::batches], limits)[0].items():
            by_minute[key] += random.choice([[piece], [piece, piece]])
    by_window: dict[tuple[Subject, int], list[Snapshot]] = defaultdict(list)
    for of_minute in random.sample([*by_minute.values()], len(by_minute)):
        random.shuffle(of_minute)
        one = joined(of_minute, limits)
        by_window[one.subject, one.window_ms].append(one)
    found = [encoder.encode(joined(by_window[key], limits)) for key in sorted(by_window)]
    assert found == [encoder.encode(s) for s in of_one_process(arrived, limits)]


def test_a_large_run_is_several_groups_and_a_process_is_one():
    containers = [f"tm-{n}" for n in range(100)]
    of_run = {group_of(report(container=c)) for c in containers}
    assert {g.slice for g in of_run} == {*range(SLICES)} and len(of_run) == SLICES
    assert {group_of(report(job="", container=c)).container for c in containers} == {*containers}


def test_the_groups_of_pieces_are_those_of_their_events():
    events: list[Event] = [
        report(n, container=f"tm-{n}", job=j) for n in range(9) for j in ("j", "")
    ]
    found, _ = pieces(Arrived(NOON_MS, NOON_MS, event) for event in events)
    assert {group for group, _ in found} == {group_of(event) for event in events}


def test_what_is_dropped_is_counted_and_a_start_is_left_open():
    told = report(1, NOON_MS, subtask(nonsense=1, busy_ms=2))
    found, dropped = pieces([Arrived(NOON_MS, NOON_MS, replace(told, start_ms=7))])
    [piece] = found.values()
    assert (piece.subject.start_ms, piece.window_ms) == (0, NOON_MS // WINDOW_MS * WINDOW_MS)
    assert dropped == {"unknown metric": 1}


def test_a_snapshot_that_is_too_large_is_told_in_pieces():
    reports = [report(n, NOON_MS, subtask(n, busy_ms=n)) for n in range(64)]
    later = [report(n, NOON_MS + 60_000, subtask(1, busy_ms=n)) for n in range(64, 70)]
    lines = [
        LogEvent(
            origin=origin(99), time_ms=NOON_MS, job="j", level="WARN", logger="a.B", message=text
        )
        for text in ("a" * 2_000, "b" * 2_000)
    ]
    found, _ = pieces(Arrived(NOON_MS, NOON_MS, event) for event in (*reports, *later, *lines))
    parts = [*found.values()]
    whole = encoder.encode(joined(parts))
    assert [*fitting(parts, len(whole))] == [whole]
    for most_bytes in (len(whole) - 1, 3_000):
        told = [*fitting(parts, most_bytes)]
        assert len(told) > 1 and max(map(len, told)) <= most_bytes
        cut = [decoder.decode(one) for one in told]
        assert encoder.encode(joined(cut)) == whole
        assert sum(one.reports_seen for one in cut) == 70


def test_a_job_of_a_thousand_taskmanagers_is_told_whole_and_in_pieces_that_can_be_sent():
    reports = [
        report(1, NOON_MS, *(subtask(n, busy_ms=n) for n in range(20)), container=f"tm-{c}")
        for c in range(1_000)
    ]
    found, _ = pieces(Arrived(NOON_MS, NOON_MS, event) for event in reports)
    assert len(found) == SLICES
    told = [one for piece in found.values() for one in fitting([piece], 200_000)]
    assert max(map(len, told)) <= 200_000
    containers = Counter[str]()
    for one in told:
        [rollup] = decoder.decode(one).rollups
        containers.update(track.key.container for track in rollup.tracks)
    assert containers == {f"tm-{c}": 20 for c in range(1_000)}
    assert sum(decoder.decode(one).reports_seen for one in told) == 1_000


def test_what_no_snapshot_can_hold_is_said_to_be_left_out():
    line = LogEvent(
        origin=origin(99), time_ms=NOON_MS, job="j", level="WARN", logger="a.B", message="x" * 9_000
    )
    events = [line, report(1, NOON_MS, subtask(1, busy_ms=1))]
    [piece] = pieces(Arrived(NOON_MS, NOON_MS, event) for event in events)[0].values()
    [lean] = fitting([piece], 1_000)
    [rollup] = decoder.decode(lean).rollups
    assert rollup.overflowed == HELD and not rollup.logs


def test_an_event_that_breaks_what_folds_it_takes_no_other_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def breaking(arrivals: list[tuple[int, Event]], limits: Limits) -> Folded:
        if any(event.origin.sequence == 13 for _, event in arrivals):
            raise ZeroDivisionError
        return fold(arrivals, limits)

    told = [Arrived(NOON_MS, NOON_MS, report(n, NOON_MS, subtask(busy_ms=n))) for n in (12, 13, 14)]
    without, _ = pieces([told[0], told[2]])
    monkeypatch.setattr("drsquirrel.watch.piece.fold", breaking)
    assert pieces(told) == (without, {"it broke what takes it": 1})
