"""Rollups form a semilattice: any order, split or repetition of the same events, the same bytes."""

import random
from functools import reduce

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drsquirrel.model.event import Event
from drsquirrel.model.snapshot import Rollup, Subject, encoder
from drsquirrel.watch.fold import fold
from drsquirrel.watch.limit import LIMITS, Limits
from drsquirrel.watch.merge import merge
from tests.watch.made import ARRIVALS, HOSTILE, THREE_ARRIVALS

Known = dict[tuple[Subject, int], Rollup]
EITHER = st.sampled_from([LIMITS, HOSTILE])


def folded(arrivals: list[tuple[int, Event]], limits: Limits) -> Known:
    return {(r.subject, r.minute): r for r in fold(arrivals, limits).rollups}


def together(a: Known, b: Known, limits: Limits) -> Known:
    both = {k: merge(a[k], b[k], limits) for k in a.keys() & b.keys()}
    return {**a, **b, **both}


def as_bytes(known: Known) -> list[bytes]:
    return sorted(map(encoder.encode, known.values()))


@settings(max_examples=3 * settings.default.max_examples)
@given(ARRIVALS, EITHER, st.integers(0, 2**32), st.integers(1, 4))
def test_any_order_split_and_repetition_gives_the_same_bytes(arrivals, limits, seed, batches):
    whole = as_bytes(folded(arrivals, limits))
    shuffled = arrivals + arrivals[::2]
    random.Random(seed).shuffle(shuffled)
    assert as_bytes(folded(shuffled, limits)) == whole
    parts = [folded(shuffled[i::batches], limits) for i in range(batches)]
    assert as_bytes(reduce(lambda a, b: together(a, b, limits), parts)) == whole


@settings(max_examples=3 * settings.default.max_examples)
@given(THREE_ARRIVALS, EITHER)
def test_merging_is_associative_commutative_and_idempotent(three, limits):
    a, b, c = (folded(arrivals, limits) for arrivals in three)
    ab = together(a, b, limits)
    assert as_bytes(together(ab, c, limits)) == as_bytes(
        together(a, together(b, c, limits), limits)
    )
    assert as_bytes(ab) == as_bytes(together(b, a, limits))
    assert as_bytes(together(ab, b, limits)) == as_bytes(ab)
    assert as_bytes(together(a, a, limits)) == as_bytes(a)


@given(ARRIVALS, EITHER)
def test_a_rollup_reads_back_as_it_was_written(arrivals, limits):
    for rollup in folded(arrivals, limits).values():
        assert msgspec.json.decode(encoder.encode(rollup), type=Rollup) == rollup


def test_rollups_of_two_minutes_are_not_merged():
    subject = Subject(cluster="prod", job="j")
    with pytest.raises(ValueError, match="one subject and one minute"):
        merge(Rollup(subject=subject, minute=1), Rollup(subject=subject, minute=2))
