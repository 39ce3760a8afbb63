"""Bundles: what a part of a stream says of many groups, in one place.

With more processes than a batch has messages there is little to fold, and a piece of one report is
three times as large as the report. So where there are few of a process they pass as they came, and
are folded with the others of their minute; and what is alike lies together, where it packs well.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from zlib import crc32

import msgspec
from msgspec import Struct

from drsquirrel.model.event import MetricReport
from drsquirrel.model.snapshot import MINUTE_MS, WINDOW_MS, Snapshot
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.piece import (
    GROUP_CHARACTERS,
    KNOWN_GROUPS,
    Arrived,
    Group,
    group_about,
    joined,
    pieces,
)
from drsquirrel.watch.remember import remembered

AFTER_MS = 15_000
"""So much later than a window closes it has surely been told, where no partition is silent."""
FEW = 4
"""Up to so many reports of a process take less to pass on than their piece."""


class Piece(Struct, frozen=True, array_like=True, gc=False):
    """A piece, and of which slice of a run it is."""

    slice: int
    snapshot: Snapshot


class Bundle(Struct, frozen=True, array_like=True, gc=False):
    """What is known of the groups of one bucket."""

    reports: tuple[Arrived, ...] = ()
    """Those that had few of their process beside them."""
    pieces: tuple[Piece, ...] = ()
    arrived_ms: int = 0
    """When the last of it arrived, where it is of one minute."""


_encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Bundle).decode


def _characters(group: Group, _: int) -> int:
    return len(group.cluster) + len(group.job) + len(group.container)


@remembered(KNOWN_GROUPS, _characters, GROUP_CHARACTERS)
def bucket_of(group: Group, buckets: int) -> int:
    """The bucket of a group, of so many."""
    return crc32("\0".join(map(str, group)).encode()) % buckets


def closes_ms(bucket: int, buckets: int, now_ms: int) -> int:
    """When the window of a bucket closes that is open now. Each of the buckets has its own: all at
    once they would keep a job busy for many seconds, in which it takes no checkpoint."""
    return now_ms - (now_ms - bucket * WINDOW_MS // buckets) % WINDOW_MS + WINDOW_MS


def joins_ms(bucket: int, buckets: int, now_ms: int) -> int:
    """When what came of a bucket is joined next, by the clock on the wall: each minute, and not
    just before its window is told, which joins as well."""
    closes = closes_ms(bucket, buckets, now_ms - AFTER_MS) + AFTER_MS
    return closes - (closes - 1 - now_ms) // MINUTE_MS * MINUTE_MS


def bundles(
    arrived: Iterable[Arrived], buckets: int, limits: Limits = LIMITS
) -> tuple[dict[tuple[int, int], Bundle], Counter[str]]:
    """The bundle of each bucket and minute of arrival, and what was dropped, by reason."""
    together: dict[tuple[str, str, str, int], list[Arrived]] = {}
    for one in arrived:
        origin = one.event.origin
        key = origin.cluster, one.event.job, origin.container, one.minute
        together.setdefault(key, []).append(one)
    latest_ms: dict[tuple[int, int], int] = defaultdict(int)
    few: dict[tuple[int, int], list[Arrived]] = defaultdict(list)
    foldable: list[Arrived] = []
    for (*_, minute), several in together.items():
        place = bucket_of(several[0].group, buckets), minute
        latest_ms[place] = max(latest_ms[place], *(one.arrival_ms for one in several))
        if len(several) <= FEW and all(isinstance(one.event, MetricReport) for one in several):
            few[place] += several
        else:
            foldable += several
    folded, dropped = pieces(foldable, limits)
    found: dict[tuple[int, int], list[Piece]] = defaultdict(list)
    for (group, minute), piece in folded.items():
        found[bucket_of(group, buckets), minute].append(Piece(group.slice, piece))
    return {
        place: Bundle(tuple(few[place]), tuple(found[place]), latest_ms[place])
        for place in {**few, **found}
    }, dropped


def unbundled(
    bundles: Iterable[Bundle], limits: Limits = LIMITS
) -> tuple[dict[tuple[Group, int], list[Snapshot]], Counter[str]]:
    """The pieces of each group and window in some bundles, and what was dropped, by reason."""
    found: dict[tuple[Group, int], list[Snapshot]] = defaultdict(list)
    arrived: list[Arrived] = []
    for bundle in bundles:
        arrived += bundle.reports
        for piece in bundle.pieces:
            snapshot = piece.snapshot
            group = group_about(snapshot.subject, piece.slice)
            found[group, snapshot.window_ms].append(snapshot)
    folded, dropped = pieces(arrived, limits)
    for (group, _), snapshot in folded.items():
        found[group, snapshot.window_ms].append(snapshot)
    return found, dropped


def bundled(found: dict[tuple[Group, int], list[Snapshot]], limits: Limits = LIMITS) -> Bundle:
    """The pieces of each group and window joined, in one bundle."""
    return Bundle(
        pieces=tuple(
            Piece(group.slice, joined(parts, limits)) for (group, _), parts in found.items()
        )
    )


def encode(bundle: Bundle, limits: Limits = LIMITS) -> tuple[bytes, Counter[str]]:
    """A bundle as `decode` takes it, and what was dropped, by reason. Numbers that are larger than
    any of Flink's cannot be encoded: they are folded away."""
    try:
        return _encode(bundle), Counter()
    except OverflowError:
        found, dropped = unbundled([bundle], limits)
        return _encode(bundled(found, limits)), dropped
