"""What was told is remembered within a bound."""

import tracemalloc

from drsquirrel.collect.flink_rest.told import Told


def test_a_thing_is_new_once() -> None:
    told = Told(10)
    assert [told.is_new(thing) for thing in "abab"] == [True, True, False, False]


def test_what_was_not_told_for_longest_is_forgotten_first() -> None:
    told = Told(2)
    for thing in "abac":
        told.is_new(thing)
    assert [told.is_new("a"), told.is_new("c"), told.is_new("b")] == [False, False, True]


def test_what_is_told_may_be_long_and_is_not_kept() -> None:
    told = Told(5_000)
    tracemalloc.start()
    for number in range(1_000):
        assert told.is_new(f"{number}" + "x" * 10_000)
    kept_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept_bytes < 1_000_000
