"""The log lines of a run's processes, on its page."""

import pytest
from msgspec import structs
from playwright.sync_api import Page, expect

from drsquirrel.model.report import LogLine, LogList
from tests.show.page.conftest import OpenPage
from tests.show.page.served import LOG_LINES, Served
from tests.show.page.test_accessible import violations
from tests.show.page.test_live import NEXT_POLL_MS

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
    for text in ("14:03:19.000", "ERROR", "× 3", "no `price`", "parse (1/2)#7 · tm-1"):
        expect(lines.first).to_contain_text(text)
    lines.first.get_by_text("Stack trace").click()
    expect(lines.first).to_contain_text("    at com.shop.Parse.map(Parse.java:31)")
    expect(lines.last).to_contain_text("12 more of its kind were too many to be sent")


def more_lines(number: int) -> list[LogLine]:
    """Newer than the others, the newest first, of the JobManager's process."""
    line = structs.replace(LOG_LINES[0], container="", task="", message="x" * 300)
    return [structs.replace(line, time_ms=line.time_ms + i) for i in range(number, 0, -1)]


def test_what_is_open_stays_open_when_newer_lines_come(open_page: OpenPage, site: Served) -> None:
    page = opened(open_page(JOB))
    page.locator(".lines details summary").click()
    site.pages.log_list = LogList(lines=[*more_lines(2), *LOG_LINES], complete=True)
    lines = page.locator(".lines > li")
    expect(lines).to_have_count(4, timeout=NEXT_POLL_MS)
    expect(lines.nth(0)).to_contain_text("JobManager")
    expect(lines.nth(2)).to_contain_text("    at com.shop.Parse.map(Parse.java:31)")
    expect(page.locator(".lines details[open]")).to_have_count(1)


@pytest.mark.parametrize("width", [1280, 390])
def test_of_many_lines_some_are_shown_whole_and_the_others_when_asked_for(
    open_page: OpenPage, site: Served, width: int
) -> None:
    site.pages.log_list = LogList(lines=more_lines(40), complete=False)
    page = opened(open_page(JOB, width=width))
    expect(page.locator(".lines > li")).to_have_count(30)
    message = page.locator(".lines pre").first
    assert message.evaluate("e => e.scrollWidth <= e.clientWidth")
    assert message.evaluate("e => e.tabIndex") == -1
    expect(page.get_by_text("There are older ones")).to_have_count(0)
    page.get_by_role("button", name="Show 10 older lines").click()
    expect(page.locator(".lines > li")).to_have_count(40)
    expect(page.get_by_text("only the newest 40 are shown")).to_be_visible()


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
    expect(opened(open_page(JOB)).get_by_text("None has come")).to_be_visible()
    site.pages.log_list = LogList(lines=LOG_LINES, complete=False)
    expect(opened(open_page(JOB)).get_by_text("only the newest 2 are shown")).to_be_visible()


def test_where_no_process_sends_its_lines_there_is_no_list_of_them(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    expect(page.locator("#logs")).to_have_count(0)
