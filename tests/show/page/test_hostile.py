"""Names from data are text: they run nothing, reorder nothing, hide nothing, break no layout."""

import pytest
from playwright.sync_api import expect

from tests.show.page.conftest import OpenPage

pytestmark = pytest.mark.browser

PATHS = ["/", "/jobs/hostile", "/runs/run-9"]


@pytest.mark.parametrize("path", PATHS)
def test_nothing_of_a_name_is_run_or_becomes_markup(open_page: OpenPage, path: str) -> None:
    page = open_page(path)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    assert page.evaluate("window.pwned") is None
    strange = "main :is(script, style, iframe, object, img, [onerror], [onload])"
    expect(page.locator(strange)).to_have_count(0)
    hrefs = page.locator("main a").evaluate_all("links => links.map(a => a.protocol)")
    assert set(hrefs) == {"http:"}


def test_names_are_shown_to_the_letter_with_their_invisible_characters(
    open_page: OpenPage,
) -> None:
    text = open_page("/jobs/hostile").locator("main").inner_text()
    assert "<script>window.pwned=1</script>" in text
    assert "safe\\u202egnp.exe\\u202c" in text
    assert "a\\u0000b\\u001b[31mred\\u200bwidth" in text
    assert not {"\u202e", "\u202c", "\u200b", "\u001b", "\u2028"} & set(text)


def test_every_name_is_isolated_from_the_direction_around_it(open_page: OpenPage) -> None:
    page = open_page("/jobs/hostile")
    alone = page.locator("main").evaluate(
        """main => {
            const walk = document.createTreeWalker(main, NodeFilter.SHOW_TEXT);
            const found = [];
            while (walk.nextNode()) {
                const node = walk.currentNode;
                if (/[\\u0600-\\u06ff]/.test(node.data) && !node.parentElement.closest("bdi"))
                    found.push(node.data);
            }
            return found;
        }"""
    )
    # Titles joined for an overview are plain text; everything else is isolated.
    assert alone == []


@pytest.mark.parametrize("job", ["hostile", "orders-enrichment", "the-big-one", "just-found"])
@pytest.mark.parametrize("width", [390, 320, 1280])
def test_no_page_scrolls_sideways(open_page: OpenPage, job: str, width: int) -> None:
    page = open_page(f"/jobs/{job}", width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("path", ["/", "/rules/checkpoint-slow", "/nowhere"])
def test_neither_do_the_list_and_the_explanation(open_page: OpenPage, path: str) -> None:
    page = open_page(path, width=390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
