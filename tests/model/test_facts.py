"""Names as they are kept."""

from drsquirrel.model.facts import NAME_CHARACTERS, bounded


def test_a_name_that_is_too_long_shows_that_it_goes_on() -> None:
    longest = "x" * NAME_CHARACTERS
    assert bounded(longest) == longest
    assert bounded(longest + "y") == longest + "…"


def test_what_flink_cut_off_a_name_is_still_a_part_of_what_is_kept_of_it() -> None:
    name = "select " * 1_000
    for told in (10, NAME_CHARACTERS, NAME_CHARACTERS + 1, len(name)):
        assert bounded(name).startswith(bounded(name[:told]))
