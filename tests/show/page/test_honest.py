"""What is not known is never shown as well; states differ without colour."""

import pytest
from msgspec import structs
from playwright.sync_api import Page, expect

from drsquirrel.model.report import Culprit, Incident, JobList, Report
from drsquirrel.model.verdict import Verdict
from tests.show.page.building import MADE_MS, MINUTE_MS, at, row
from tests.show.page.cases import healthy, restart_loop
from tests.show.page.conftest import OpenPage
from tests.show.page.served import Served

pytestmark = pytest.mark.browser

GOOD_WORDS = ("Pass", "Healthy", "passes", "all clear")


def colour(page: Page, selector: str) -> str:
    return page.locator(selector).first.evaluate("e => getComputedStyle(e).color")


@pytest.mark.parametrize("job", ["just-found", "inventory-sync"])
def test_nothing_passes_and_nothing_is_healthy_where_inputs_are_missing(
    open_page: OpenPage, job: str
) -> None:
    page = open_page(f"/jobs/{job}")
    text = page.locator("main").inner_text()
    assert not [word for word in GOOD_WORDS if word in text]
    expect(page.locator("main .good")).to_have_count(0)
    expect(page.locator(".verdict .mark")).to_contain_text("Unknown")
    expect(page.locator(".folded summary .mark")).to_have_text(["Not assessed (12)"])


def test_numbers_that_were_not_seen_are_no_zeros(open_page: OpenPage) -> None:
    page = open_page("/jobs/clicks-sessionize")
    expect(page.locator(".graph li").first).to_contain_text("not seen")
    assert "0 %" not in page.locator(".graph").inner_text()


def test_an_unknown_job_says_what_hinders_us_from_knowing(open_page: OpenPage) -> None:
    page = open_page("/jobs/inventory-sync")
    expect(page.locator("section", has=page.locator("#do"))).to_contain_text("Connection refused")


def show(site: Served, report: Report) -> None:
    site.pages.show([report], JobList(made_ms=MADE_MS, jobs=[row(report)], clusters=[]))


def test_what_is_not_seen_now_is_not_said_to_go_on(open_page: OpenPage, site: Served) -> None:
    loop = structs.replace(restart_loop(), verdict=Verdict.UNKNOWN)
    old = structs.replace(loop.data, age_ms=4 * MINUTE_MS)
    show(site, structs.replace(loop, data=old))
    also = open_page(f"/jobs/{loop.job.id}").locator("section", has_text="Also seen")
    expect(also).to_contain_text("– 13:59, when it was last seen")
    expect(also).not_to_contain_text("now")
    expect(also).not_to_contain_text("Goes on")


def test_a_state_that_was_not_told_is_said_to_be_so(open_page: OpenPage, site: Served) -> None:
    heard = healthy()
    show(site, structs.replace(heard, run=structs.replace(heard.run, state="UNKNOWN")))
    page = open_page(f"/jobs/{heard.job.id}")
    expect(page.locator("section", has=page.locator("#data-title"))).to_contain_text(
        "its state was not told"
    )


def test_what_is_over_and_explained_is_not_called_unrecognised(
    open_page: OpenPage, site: Served
) -> None:
    incident = Incident(
        began_ms=at(13, 55), ended_ms=at(13, 56), cause="user-exception", title="It threw",
        culprit=Culprit(),
    )  # fmt: skip
    warned = structs.replace(healthy(), verdict=Verdict.WARNING, incidents=[incident])
    show(site, warned)
    page = open_page(f"/jobs/{warned.job.id}")
    expect(page.locator("section", has=page.locator("#do"))).to_contain_text("its cause is known")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_unknown_never_has_the_colour_of_good(open_page: OpenPage, scheme: str) -> None:
    page = open_page("/", scheme=scheme)
    colours = {
        word: colour(page, f"td .mark:text-is('{word}')")
        for word in ("Failing", "Warning", "Unknown", "Healthy", "Ended")
    }
    assert colours["Unknown"] not in (colours["Healthy"], colours["Failing"], colours["Warning"])


def test_verdicts_and_outcomes_each_have_a_shape_and_a_word_of_their_own(
    open_page: OpenPage,
) -> None:
    def shapes(page: Page, selector: str) -> dict[str, str]:
        return dict(
            page.locator(selector).evaluate_all(
                "marks => marks.map(m => [m.textContent.replace(/ \\(.*/, ''),"
                " m.querySelector('svg').innerHTML])"
            )
        )

    verdicts = shapes(open_page("/"), "td .mark")
    outcomes = shapes(open_page("/jobs/orders-enrichment"), ".checks .mark")
    assert len(verdicts) == len(set(verdicts.values())) == 5
    assert len(outcomes) == len(set(outcomes.values())) == 6


def test_an_ended_job_is_neither_good_nor_bad(open_page: OpenPage) -> None:
    page = open_page("/jobs/nightly-export")
    expect(page.locator(".verdict .mark")).to_contain_text("Ended 43 min ago")
    expect(page.locator("main :is(.good, .bad, .warn)")).to_have_count(0)
