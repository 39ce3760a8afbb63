"""What YARN tells of a job's application, on its page and in the list."""

import pytest
from playwright.sync_api import expect

from tests.show.page.conftest import OpenPage

pytestmark = pytest.mark.browser


def test_a_job_on_yarn_shows_whose_it_is_and_its_containers(open_page: OpenPage) -> None:
    page = open_page("/jobs/payments-fraud")
    section = page.locator("section", has=page.locator("#yarn"))
    for text in ("user flink", "queue root.default", "launched 09:10", "RUNNING"):
        expect(section).to_contain_text(text)
    rows = section.locator("tbody tr")
    expect(rows.nth(1)).to_contain_text("832 MB")
    expect(rows.nth(1).locator("td").first).to_have_text("RUNNING")
    expect(rows.nth(2).locator("td").first).to_have_text(
        "ended, exit code -104 (physical memory) says the NodeManager"
    )
    expect(rows.nth(3).locator("td").first).to_have_text("ended, its exit code is not known")


def test_a_job_of_another_cluster_has_no_such_section(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    expect(page.locator("#data")).to_be_visible()
    expect(page.locator("#yarn")).to_have_count(0)


def test_applications_that_have_ended_are_one_line_of_the_list(open_page: OpenPage) -> None:
    page = open_page("/")
    line = page.locator(".banner", has_text="YARN application has ended")
    expect(line).to_contain_text("application_1795435612914_0007")
    expect(line).not_to_contain_text("does not answer")
