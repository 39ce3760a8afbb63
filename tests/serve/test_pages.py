"""The entity tags."""

import pytest

from drsquirrel.serve.pages import Rendered

PAGE = Rendered(b"{}", "a1")


@pytest.mark.parametrize("sent", ['"a1"', 'W/"a1"', '"b", "a1"', '"b",W/"a1"', "*"])
def test_a_page_is_known_by_its_tag_in_any_form_of_the_header(sent: str) -> None:
    assert PAGE.is_in(sent)


@pytest.mark.parametrize("sent", [None, "", "a1", '"a"', '"a11"', '"A1"', ",", '"a1'])
def test_a_page_is_not_known_by_another_tag(sent: str | None) -> None:
    assert not PAGE.is_in(sent)
