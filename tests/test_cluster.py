"""What is asked of a cluster and kept of it, put together from the settings."""

import pytest

from drsquirrel.cluster import shortener


@pytest.mark.parametrize("pattern", ["", "-[0-9]{8}"])
def test_of_a_jobs_name_that_is_too_long_the_beginning_is_kept(pattern: str) -> None:
    shorten = shortener(pattern)
    name = "insert-into_" + "default_catalog.default_database.orders," * 200
    kept = shorten(name)
    assert kept == name[:1_000] + "…"
    assert shorten(kept) == kept, "a stored name is taken for the same job"
    assert shorten("x" * 1_000) == "x" * 1_000


def test_a_name_is_measured_without_what_the_pattern_cuts_off() -> None:
    assert shortener("-[0-9]{8}")("x" * 1_000 + "-20260101") == "x" * 1_000
