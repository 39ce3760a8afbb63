"""The log lines of a run's processes, on its page."""

import pytest
from playwright.sync_api import Page, expect

from drsquirrel.model.report import LogList
from tests.show.page.conftest import OpenPage
from tests.show.page.served import LOG_LINES, Served
from tests.show.page.test_accessible import violations

pytestmark = pytest.mark.browser

JOB = "/jobs/clicks-sessionize"
TITLE = "Warnings, errors, and infos with a stack trace, newest first"


def opened(page: Page) -> Page:
    page.get_by_text(TITLE).click()
    return page


def test_lines_are_asked_for_when_they_are_looked_at_and_tell_what_they_were(
    open_page: OpenPage,
) -> None:
    page = open_page(JOB)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert not [url for url in asked if url.endswith("/logs")]
    lines = opened(page).locator(".lines > li")
    expect(lines).to_have_count(2)
    assert [url for url in asked if url.endswith("/logs")]
    for text in ("ERROR", "com.shop.Parse", "× 3", "no `price`", "parse (1/2)#7 · tm-1"):
        expect(lines.first).to_contain_text(text)
    lines.first.get_by_text("Stack trace").click()
    expect(lines.first).to_contain_text("    at com.shop.Parse.map(Parse.java:31)")
    expect(lines.last).to_contain_text("12 more of its kind were too many to be sent")


def test_what_a_line_holds_is_text(open_page: OpenPage) -> None:
    last = opened(open_page(JOB)).locator(".lines > li").last
    expect(last).to_contain_text("<img src=x onerror=alert(1)>\\u202eslow")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_in_open_lines_and_nothing_is_wider_than_the_page(
    open_page: OpenPage, scheme: str, width: int
) -> None:
    page = opened(open_page(JOB, scheme=scheme, width=width))
    page.locator(".lines details").first.locator("summary").click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_no_lines_and_more_lines_are_told(open_page: OpenPage, site: Served) -> None:
    site.pages.log_list = LogList(lines=[], complete=True)
    expect(opened(open_page(JOB)).get_by_text("None was sent")).to_be_visible()
    site.pages.log_list = LogList(lines=LOG_LINES, complete=False)
    expect(opened(open_page(JOB)).get_by_text("only the newest 2 are shown")).to_be_visible()


def test_where_no_process_sends_its_lines_there_is_no_list_of_them(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    expect(page.locator("#logs")).to_have_count(0)
