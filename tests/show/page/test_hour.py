"""The last hour on one clock: one line through all rows, by pointer and by keys."""

import pytest
from msgspec import structs
from playwright.sync_api import Page, expect

from drsquirrel.model.report import JobList
from tests.show.page.building import MADE_MS, MINUTE_MS, at, row
from tests.show.page.cases import healthy
from tests.show.page.conftest import OpenPage
from tests.show.page.served import Served

pytestmark = pytest.mark.browser


def minute(page: Page) -> int:
    return int(page.locator(".strips").evaluate("e => e.style.getPropertyValue('--minute')"))


def test_a_minute_pointed_at_is_told_for_all_rows(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    row = page.locator(".minutes").nth(2)
    row.scroll_into_view_if_needed()
    box = row.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 39.5 / 60, box["y"] + 8)
    assert minute(page) == 39
    readout = page.locator(".readout")
    expect(readout).to_have_text("13:43 high: price-lookup · some: enrich · 32K records/s")
    expect(readout).to_have_attribute("aria-live", "polite")
    page.mouse.move(2, 2)
    expect(page.locator(".pointed")).to_have_count(0)


def test_the_keys_move_through_minutes_and_rows_with_one_tab_stop(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    stops = page.locator(".minutes[tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    # The first row's worst minute.
    assert minute(page) == 50
    page.keyboard.press("ArrowLeft")
    assert minute(page) == 49
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    assert minute(page) == 0
    expect(page.locator(".readout")).to_have_text("13:04 not seen: restarts · 41K records/s")
    page.keyboard.press("End")
    assert minute(page) == 59
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    focused = page.locator(".minutes:focus")
    expect(focused).to_have_attribute("aria-label", "restarts: none; 4 min not seen; "
        "0 of 60 minutes high, 4 not seen")  # fmt: skip
    expect(focused).to_have_attribute("aria-valuetext", "14:03 clear")
    expect(stops).to_have_count(1)


def test_the_row_that_was_first_and_the_culprit_are_marked(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    expect(page.locator(".row", has_text="price-lookup").locator(".tag")).to_have_text("first")
    expect(page.locator(".row", has_text="warehouse").locator(".tag")).to_have_text("culprit")
    names = page.locator(".group").first.locator(".row-name bdi").all_inner_texts()
    assert names == ["Source: orders", "enrich", "price-lookup", "Sink: warehouse"]


def test_kinds_of_minutes_differ_by_pattern_and_not_only_by_colour(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")

    def style(kind: str, name: str) -> str:
        found = page.locator(f".minutes path.{kind}").first
        return str(found.evaluate(f"e => getComputedStyle(e).{name}"))

    assert "#some-minute" in style("some", "fill")
    assert "#high-minute" in style("high", "fill")
    assert style("unseen", "strokeDasharray") != "none"
    expect(page.locator("#some-minute .some-hatch")).to_have_count(1)
    expect(page.locator("#high-minute .high-glyph")).to_have_count(1)


def test_two_hundred_rows_stay_within_their_budget_of_nodes(open_page: OpenPage) -> None:
    page = open_page("/jobs/the-big-one")
    calm = page.get_by_role("button", name="Show 180 calm rows as well")
    expect(page.locator(".row")).to_have_count(20)
    calm.click()
    expect(page.locator(".row")).to_have_count(200)
    drawn = page.locator(".minutes svg, .minutes svg *").count()
    assert drawn <= 200 * 3 + 17, "an svg and two paths a row, a third for some"
    assert page.locator(".strips *").count() <= 200 * 10


def test_a_long_graph_shows_the_surroundings_of_the_culprit(open_page: OpenPage) -> None:
    page = open_page("/jobs/the-big-one")
    names = page.locator(".graph .node-name bdi").all_inner_texts()
    assert names == [f"operator {i}" for i in range(117, 124)]
    page.get_by_role("button", name="Show all 200 vertices").click()
    expect(page.locator(".graph li")).to_have_count(200)


def test_the_graph_says_its_edges_in_words(open_page: OpenPage) -> None:
    page = open_page("/jobs/clicks-by-country")
    join = page.locator(".graph li", has_text="join").first
    expect(join).to_contain_text("after clicks and impressions")
    expect(join).to_contain_text("busy 20 % · waiting 40 %")


@pytest.mark.parametrize("minute", [54, 55, 59])
def test_no_time_below_the_strips_is_wider_than_a_phone(
    open_page: OpenPage, site: Served, minute: int
) -> None:
    report = healthy()
    from_ms = at(14, 0) - at(14, 0) % MINUTE_MS - minute * MINUTE_MS
    hour = structs.replace(report.hour, from_ms=from_ms)
    jobs = JobList(made_ms=MADE_MS, jobs=[row(report)], clusters=[])
    site.pages.show([structs.replace(report, hour=hour)], jobs)
    page = open_page(f"/jobs/{report.job.id}", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
