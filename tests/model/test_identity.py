"""Ids are the same everywhere, short, and different for different things."""

import re

import pytest

from drsquirrel.model.identity import container_id, job_id, run_id


def test_ids_are_those_of_the_first_release() -> None:
    assert run_id("prod", "0" * 32, 1_800_000_000_000) == "7e75636b934b"
    assert job_id("prod", "orders") == "26d814cabf40"
    assert container_id("prod", "tm-1") == "c97791bab761"


@pytest.mark.parametrize("name", ["", "orders", "Bestellungen über alles", "a\0b", "x" * 9999])
def test_an_id_is_twelve_hex_digits_whatever_the_name(name: str) -> None:
    assert re.fullmatch("[0-9a-f]{12}", job_id("prod", name))


def test_no_two_things_share_an_id_because_of_where_a_name_ends() -> None:
    ids = [job_id("ab", "c"), job_id("a", "bc"), container_id("ab", "c"), job_id("ab\0", "c")]
    ids += [run_id("a", "b", 12), run_id("a", "b1", 2), job_id('a","b', "c"), job_id("a", 'b","c')]
    assert len(set(ids)) == len(ids)
