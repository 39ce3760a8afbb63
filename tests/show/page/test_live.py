"""The page while time goes by: it asks again, tells changes politely, knows when it is cut off."""

from collections.abc import Callable

import msgspec
import pytest
from playwright.sync_api import Page, expect

from drsquirrel.model.report import Report
from drsquirrel.model.verdict import Verdict
from tests.show.page.building import row
from tests.show.page.conftest import OpenPage
from tests.show.page.fixtures import job_list, reports
from tests.show.page.served import Served

pytestmark = pytest.mark.browser

NEXT_POLL_MS = 8_000


def recovered(site: Served) -> None:
    """From now on the job with the slow sink is healthy and stands last."""
    made = list(reports().values())
    sink = made.pop(0)
    well: Report = msgspec.structs.replace(
        sink, verdict=Verdict.HEALTHY, headline="It keeps up again", causes=[]
    )
    made.append(well)
    jobs = msgspec.structs.replace(job_list(), jobs=[row(report) for report in made])
    site.pages.show(made, jobs)


def first_job(page: Page) -> str:
    return page.locator("tbody tr .job-cell a").first.inner_text()


def test_a_change_of_the_verdict_is_shown_and_announced(open_page: OpenPage, site: Served) -> None:
    page = open_page("/jobs/orders-enrichment")
    recovered(site)
    expect(page.locator("h1")).to_have_text("It keeps up again", timeout=NEXT_POLL_MS)
    expect(page.locator("body > div > p[aria-live=polite]")).to_have_text(
        "orders-enrichment is now healthy, was failing."
    )
    expect(page).to_have_title("Healthy: orders-enrichment · Dr. Squirrel")


def test_rows_do_not_move_under_the_pointer_and_move_when_it_leaves(
    open_page: OpenPage, site: Served
) -> None:
    page = open_page("/")
    page.locator("tbody tr").nth(1).hover()
    recovered(site)
    expect(page.locator("tbody tr").first).to_contain_text("Healthy", timeout=NEXT_POLL_MS)
    assert first_job(page) == "orders-enrichment"
    page.mouse.move(1, 1)
    expect(page.locator("tbody tr .job-cell a").first).to_have_text("clicks-sessionize")


def test_rows_do_not_move_under_the_focus(open_page: OpenPage, site: Served) -> None:
    page = open_page("/")
    page.locator("tbody a").first.focus()
    recovered(site)
    expect(page.locator("tbody tr").first).to_contain_text("Healthy", timeout=NEXT_POLL_MS)
    assert first_job(page) == "orders-enrichment"


def test_a_paused_page_neither_asks_nor_moves(open_page: OpenPage, site: Served) -> None:
    page = open_page("/")
    page.keyboard.press("p")
    expect(page.get_by_role("button", name="Paused")).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    clock = page.locator(".zone").inner_text()
    recovered(site)
    page.wait_for_timeout(NEXT_POLL_MS)
    assert asked == []
    assert page.locator(".zone").inner_text() == clock
    assert "Failing" in page.locator("tbody tr").first.inner_text()
    page.get_by_role("button", name="Paused").click()
    page.mouse.move(1, 1)
    expect(page.locator("tbody tr .job-cell a").first).to_have_text(
        "clicks-sessionize", timeout=NEXT_POLL_MS
    )


def test_a_server_that_does_not_answer_leaves_the_last_answer_marked_with_its_age(
    open_page: OpenPage, site: Served
) -> None:
    page = open_page("/jobs/orders-enrichment")
    site.stop()
    banner = page.locator(".banner.stale")
    expect(banner).to_contain_text("Dr. Squirrel does not answer since 14:03", timeout=NEXT_POLL_MS)
    expect(banner).to_contain_text("it may no longer be true")
    expect(page.get_by_role("button", name="No answer")).to_be_visible()
    expect(page.locator("h1")).to_contain_text("answers too slowly")


def test_a_server_that_never_answered_is_an_error_with_a_way_on(
    open_page: OpenPage, site: Served
) -> None:
    page = open_page("/rules/hot-key")
    site.stop()
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("heading", name="Dr. Squirrel does not answer")).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/jobs/no-such-job", "This job is not known."),
        ("/runs/no-such-run", "This run is not known."),
        ("/rules/no-such-rule", "This rule is not known."),
        ("/nowhere/at/all", "There is no such page"),
    ],
)
def test_what_does_not_exist_is_said_in_words(open_page: OpenPage, path: str, says: str) -> None:
    page = open_page(path)
    expect(page.get_by_role("heading", name=says)).to_be_visible()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.locator("main").get_by_role("link", name="All jobs").click()
    expect(page.locator("table")).to_be_visible()


def test_loading_has_the_shape_of_the_page_and_says_so(open_page: OpenPage) -> None:
    page = open_page("/rules/hot-key")
    page.unroute_all(behavior="ignoreErrors")
    page.route("**/api/v1/jobs", lambda route: None)
    page.get_by_role("link", name="Jobs").click()
    expect(page.get_by_role("status")).to_contain_text("Loading jobs…")
    expect(page.locator(".mantine-Skeleton-root").first).to_be_visible()


def test_times_follow_the_zone_that_was_chosen(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment", timezone_id="Asia/Kolkata")
    sentence = page.locator(".say")
    incident = page.locator(".also time").first
    expect(sentence).to_contain_text("turned busy at 13:41 UTC")
    expect(incident).to_have_text("13:12")
    page.keyboard.press("z")
    expect(sentence).to_contain_text("turned busy at 19:11, one minute")
    expect(page.locator(".verdict p.soft")).to_contain_text("between 19:10 and 19:11.")
    expect(incident).to_have_text("18:42")
    title = incident.get_attribute("title") or ""
    assert "13:12:00 UTC" in title and "18:42:00 Asia/" in title
    page.reload()
    expect(page.get_by_role("button", name="local")).to_be_visible()


GOOD_CLS = 0.1
"""By the Core Web Vitals."""
CLS = """() => new Promise(done => {
  new PerformanceObserver(list => done(
    list.getEntries().reduce((sum, entry) => sum + (entry.hadRecentInput ? 0 : entry.value), 0)
  )).observe({type: 'layout-shift', buffered: true});
  setTimeout(() => done(0), 500);
})"""


def everything_recovered(site: Served) -> None:
    """From now on all jobs are healthy and stand in the opposite order."""
    made = [
        msgspec.structs.replace(
            report, verdict=Verdict.HEALTHY, headline=f"It keeps up again, {n}", causes=[]
        )
        for n, report in enumerate(reports().values())
    ]
    jobs = msgspec.structs.replace(job_list(), jobs=[row(report) for report in reversed(made)])
    site.pages.show(made, jobs)


@pytest.mark.parametrize("change", [everything_recovered, recovered])
def test_what_is_read_hardly_moves_when_jobs_change(
    open_page: OpenPage, site: Served, change: Callable[[Served], None]
) -> None:
    page = open_page("/")
    page.wait_for_timeout(500)
    change(site)
    expect(page.locator("main")).to_contain_text("It keeps up again", timeout=NEXT_POLL_MS)
    page.wait_for_timeout(500)
    moved = page.evaluate(CLS)
    assert moved < GOOD_CLS
