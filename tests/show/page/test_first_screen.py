"""What is seen without scrolling, and in which order things stand."""

import pytest
from playwright.sync_api import Locator, expect

from tests.show.page.conftest import OpenPage

pytestmark = pytest.mark.browser


def within(locator: Locator, height: int = 800) -> bool:
    box = locator.bounding_box()
    return box is not None and box["y"] >= 0 and box["y"] + box["height"] <= height


def test_verdict_first_action_and_first_failed_check_are_seen_without_scrolling(
    open_page: OpenPage,
) -> None:
    page = open_page("/jobs/orders-enrichment")
    for seen in (
        page.get_by_role("heading", level=1),
        page.get_by_text("Failing for 22 min"),
        page.locator(".failed li").first,
        page.locator(".advice li").first,
        page.locator(".evidence").first,
        page.locator(".graph .culprit"),
        page.locator(".facts").get_by_text("6 s old"),
    ):
        expect(seen).to_be_visible()
        assert within(seen), seen


def test_the_sentence_and_what_failed_are_seen_first_on_a_phone(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment", width=390, height=844)
    assert within(page.get_by_role("heading", level=1), 844)
    assert within(page.locator(".failed li").last, 844)


def test_the_sections_stand_in_the_order_of_their_weight(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    titles = page.locator("main h2").all_inner_texts()
    order = [
        "The way of the data",
        "What to do",
        "Why we think so",
        "Also seen",
        "The last hour on one clock",
        "Checks",
        "Data",
    ]
    assert [t.split("\n")[0][: len(o)] for t, o in zip(titles, order, strict=True)] == order


def test_the_name_in_the_sentence_is_code_and_isolated(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    expect(page.locator("h1 code bdi")).to_have_text("Sink: warehouse")
    expect(page).to_have_title("Failing: orders-enrichment · Dr. Squirrel")


def test_an_advice_shows_key_old_and_new_value_reason_and_copies_the_line(
    open_page: OpenPage,
) -> None:
    page = open_page("/jobs/orders-enrichment", permissions=["clipboard-read", "clipboard-write"])
    first = page.locator(".advice > li").first
    expect(first).to_contain_text("Change Write in larger batches")
    expect(first.locator("s")).to_have_text("100")
    expect(first).to_contain_text("Expect: busy below 70 % within two minutes")
    first.get_by_role("button", name="copy").click()
    expect(first.get_by_role("button")).to_have_text("copied")
    line = page.evaluate("navigator.clipboard.readText()")
    assert line == "sink.buffer-flush.max-rows: 2000"


def test_checks_stand_failed_first_and_passed_ones_are_folded(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    marks = page.locator(".check > .mark").all_inner_texts()
    assert [mark.strip() for mark in marks] == ["Fail", "Fail", "Fail", "Warn", "Error"]
    summaries = page.locator(".folded summary .mark").all_inner_texts()
    assert summaries == ["Not assessed (1)", "Pass (5)", "Not applicable (1)"]
    expect(page.get_by_text("It will be assessed after 10 minutes")).to_be_visible()
    expect(page.locator(".folded li", has_text="restart-loop")).to_be_hidden()


def test_a_failed_check_carries_value_threshold_evidence_why_and_fix(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    page.locator(".failed a").first.click()
    check = page.locator("#check-source-lag-growing")
    expect(check).to_be_in_viewport()
    expect(check.locator(".check-value")).to_contain_text("3.7 min")
    expect(check.locator(".check-value")).to_contain_text("fails from 3 min behind")
    expect(check.get_by_role("img")).to_have_attribute("aria-label", "Records wait in the source, "
        "minute by minute: from 0.2 to 3.56")  # fmt: skip
    check.locator("summary").click()
    for text in ("+41,000 a minute", "Why it matters", "How to fix it", "When to ignore it"):
        expect(check.get_by_text(text, exact=True)).to_be_visible()


def test_a_healthy_job_has_the_same_page(open_page: OpenPage) -> None:
    page = open_page("/jobs/prices-cdc")
    expect(page.get_by_role("heading", level=1)).to_contain_text("The job is healthy")
    expect(page.locator("section", has=page.locator("#do"))).to_contain_text("Nothing.")
    expect(page.locator(".evidence")).to_contain_text("60 of 60")
    expect(page.get_by_role("slider")).to_have_count(5)


def test_a_page_of_one_run_shows_its_report(open_page: OpenPage) -> None:
    page = open_page("/runs/run-3")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Restart loop")


def test_an_incident_that_goes_on_is_told_apart_from_one_that_is_over(open_page: OpenPage) -> None:
    page = open_page("/jobs/clicks-sessionize")
    lines = page.locator(".two .also li")
    expect(lines.last).to_contain_text("Goes on14:02 – now: com.acme.Parser.parse throws")
    expect(lines.first).to_contain_text("Incident, over")
