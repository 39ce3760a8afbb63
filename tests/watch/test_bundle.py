"""Bundles: however batched and joined, what lies in them is what one process makes of it."""

from collections import Counter, defaultdict
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from drsquirrel.model.event import LogEvent
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Snapshot, encoder
from drsquirrel.watch.bundle import (
    FEW,
    Bundle,
    bucket_of,
    bundled,
    bundles,
    closes_ms,
    decode,
    encode,
    joins_ms,
    unbundled,
)
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.piece import Arrived, Group, joined
from tests.watch.made import HOSTILE, NOON_MS, origin, report, subtask
from tests.watch.test_piece import ARRIVED, of_one_process

BUCKETS = 3


def again(bundle: Bundle, limits: Limits = LIMITS) -> Bundle:
    """As it comes over a wire."""
    return decode(encode(bundle, limits)[0])


def told(found: dict[tuple[Group, int], list[Snapshot]], limits: Limits) -> list[bytes]:
    """Every snapshot as one process tells it, which knows of no slices."""
    parts = defaultdict(list)
    for (_, window_ms), pieces in found.items():
        parts[pieces[0].subject, window_ms] += pieces
    return [encoder.encode(joined(parts[key], limits)) for key in sorted(parts)]


@given(
    st.lists(ARRIVED, max_size=12),
    st.randoms(),
    st.integers(1, 4),
    st.sampled_from([LIMITS, HOSTILE]),
)
def test_what_lies_in_bundles_is_what_one_process_makes_of_it(
    arrived: list[Arrived], random: Random, batches: int, limits: Limits
) -> None:
    of_bucket: dict[int, list[Bundle]] = defaultdict(list)
    for batch in range(batches):
        for (bucket, _), bundle in bundles(arrived[batch::batches], BUCKETS, limits)[0].items():
            of_bucket[bucket] += random.choice(
                [[again(bundle, limits)], [again(bundle, limits), bundle]]
            )
    found: dict[tuple[Group, int], list[Snapshot]] = {}
    for bucket, several in of_bucket.items():
        half = random.randrange(len(several) + 1)
        once = bundled(unbundled(several[:half], limits)[0], limits)
        groups, _ = unbundled([again(once, limits), *several[half:]], limits)
        assert {bucket_of(group, BUCKETS) for group, _ in groups} <= {bucket}
        found |= groups
    assert told(found, limits) == [encoder.encode(s) for s in of_one_process(arrived, limits)]


def test_few_reports_of_a_process_pass_as_they_came_and_more_are_folded():
    line = LogEvent(
        origin=origin(9, "tm-3"), time_ms=NOON_MS, job="k", level="WARN", logger="a.B", message="x"
    )
    few = [report(n, container="tm-2") for n in range(FEW)]
    many = [report(n) for n in range(FEW + 1)]
    found, _ = bundles([Arrived(NOON_MS, NOON_MS, event) for event in (*few, *many, line)], 1)
    [bundle] = found.values()
    assert [one.event for one in bundle.reports] == few
    assert [piece.snapshot.reports_seen for piece in bundle.pieces] == [FEW + 1, 0]


def test_a_bundle_is_of_one_minute_of_arrival_and_what_is_dropped_is_counted_once():
    told = [
        Arrived(NOON_MS + minute * MINUTE_MS, NOON_MS, report(n, NOON_MS, subtask(nonsense=n)))
        for n, minute in enumerate([0] * (FEW + 1) + [1])
    ]
    found, dropped = bundles(told, 1)
    assert {minute - NOON_MS // MINUTE_MS for _, minute in found} == {0, 1}
    assert dropped == {"unknown metric": FEW + 1}
    assert unbundled(found.values())[1] == {"unknown metric": 1}


def test_a_number_larger_than_any_of_flinks_is_dropped_alone_and_counted():
    told = [report(n, NOON_MS, subtask(busy_ms=n, idle_ms=2**70 * n)) for n in range(2)]
    [bundle] = bundles([Arrived(NOON_MS, NOON_MS, one) for one in told], 1)[0].values()
    encoded, dropped = encode(bundle)
    [piece] = decode(encoded).pieces
    [track] = piece.snapshot.rollups[0].tracks
    assert dropped == {"no usable number": 1} and piece.snapshot.reports_seen == 2
    assert [one.values for one in track.last] == [{"idle_ms": 0}, {"busy_ms": 1}]


def test_joined_bundles_hold_one_piece_of_each_group_and_window():
    reports = [Arrived(NOON_MS + n, NOON_MS + n, report(n, NOON_MS + n)) for n in range(6)]
    parts = [bundle for one in reports for bundle in bundles([one], 1)[0].values()]
    assert [len(part.reports) for part in parts] == [1] * 6
    once = bundled(unbundled(parts)[0])
    assert (once.reports, len(once.pieces), once.pieces[0].snapshot.reports_seen) == ((), 1, 6)


def test_buckets_close_their_windows_of_five_minutes_one_after_the_other():
    buckets, at_ms = 128, NOON_MS + 1
    ends = [closes_ms(bucket, buckets, at_ms) for bucket in range(buckets)]
    assert all(at_ms < end <= at_ms + WINDOW_MS for end in ends) and len({*ends}) == buckets
    for bucket, end in enumerate(ends):
        assert closes_ms(bucket, buckets, end - 1) == end
        assert closes_ms(bucket, buckets, end) == end + WINDOW_MS


def test_buckets_are_joined_each_minute_one_after_the_other_and_never_just_before_they_close():
    buckets, now_ms = 128, NOON_MS + 1
    first = [joins_ms(bucket, buckets, now_ms) for bucket in range(buckets)]
    assert all(now_ms < joins <= now_ms + MINUTE_MS for joins in first)
    assert max(Counter(joins // 1_000 for joins in first).values()) <= 3
    for bucket, joins in enumerate(first):
        assert joins_ms(bucket, buckets, joins - 1) == joins
        assert joins_ms(bucket, buckets, joins) == joins + MINUTE_MS
        assert closes_ms(bucket, buckets, joins) - joins >= 45_000 - 1
