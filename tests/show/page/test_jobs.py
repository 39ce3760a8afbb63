"""The list of jobs: worst first, filtered by the address, honest about silent clusters."""

import pytest
from playwright.sync_api import expect

from drsquirrel.model.report import JobList, YarnRow
from tests.show.page.building import MADE_MS, cluster, row
from tests.show.page.cases import healthy
from tests.show.page.conftest import OpenPage
from tests.show.page.served import Served
from tests.show.page.slow_sink import slow_sink

pytestmark = pytest.mark.browser


def test_a_row_says_state_job_what_is_wrong_the_hour_rate_and_age(open_page: OpenPage) -> None:
    page = open_page("/")
    first = page.locator("tbody tr").first
    for text in (
        "Failing",
        "for 22 min",
        "orders-enrichment",
        "prod-eu",
        "The sink Sink: warehouse answers too slowly",
        "Likely.",
        "32K",
        "6 s old",
        "21 of 60 minutes high",
    ):
        expect(first).to_contain_text(text)
    first.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("answers too slowly")


def test_clusters_that_do_not_answer_are_named_on_top(open_page: OpenPage) -> None:
    page = open_page("/")
    banners = page.locator(".banner").all_inner_texts()
    assert banners[0].startswith("Cluster stage does not answer for 4 min, last at 13:59.")
    assert "Connection refused" in banners[0]
    assert banners[1].startswith("Cluster test is being connected")
    table = page.locator("table").bounding_box()
    banner = page.locator(".banner").last.bounding_box()
    assert table is not None and banner is not None and banner["y"] < table["y"]


def test_filters_stand_in_the_address_and_back_works(open_page: OpenPage) -> None:
    page = open_page("/")
    page.get_by_role("button", name="4 failing").click()
    page.get_by_role("combobox", name="Cluster").select_option("prod-eu")
    page.keyboard.press("/")
    page.keyboard.type("SINK")
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url.endswith("/?verdict=failing&cluster=prod-eu&q=SINK")
    page.locator("tbody a").click()
    expect(page.locator(".verdict")).to_be_visible()
    page.go_back()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("button", name="4 failing")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("#filter")).to_have_value("SINK")


def test_what_is_no_filter_is_taken_out_of_the_address_with_a_notice(open_page: OpenPage) -> None:
    page = open_page("/?verdict=failing,green&sort=name")
    expect(page.get_by_text("Left out of the address")).to_contain_text("verdict=green, sort")
    assert page.url.endswith("/?verdict=failing")
    expect(page.locator("tbody tr")).to_have_count(4)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("Left out of the address")).to_have_count(0)


def test_no_match_says_so_and_leads_back(open_page: OpenPage) -> None:
    page = open_page("/?q=nothing-like-it")
    expect(page.locator("main h2")).to_have_text("No job matches")
    page.get_by_role("button", name="Show all jobs").click()
    expect(page.locator("tbody tr")).to_have_count(10)


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("answering", "demo is there and runs no job"),
        ("heard", "demo is heard and has told of no job so far"),
        ("connecting", "No cluster has answered so far"),
        ("silent", "No cluster has answered so far"),
        (None, "No cluster is watched"),
    ],
)
def test_an_empty_list_says_why(
    open_page: OpenPage, site: Served, state: str | None, says: str
) -> None:
    clusters = [cluster("demo", state, "", None)] if state else []
    site.pages.show([], JobList(made_ms=MADE_MS, jobs=[], clusters=clusters))
    page = open_page("/")
    expect(page.locator(".state")).to_contain_text(says)
    expect(page.locator("table")).to_have_count(0)


@pytest.mark.parametrize(
    ("state", "url", "says"),
    [
        (
            "heard",
            None,
            "Cluster demo does not answer over REST for 4 min, last at 13:59. It is heard. http",
        ),
        ("silent", "", "Cluster demo tells nothing of its jobs. It is heard. Until it does, "),
        ("heard", "", ""),
    ],
)
def test_of_a_cluster_that_is_heard_what_is_missing_is_told(
    open_page: OpenPage, site: Served, state: str, url: str | None, says: str
) -> None:
    told = cluster("demo", state, "It is heard.", MADE_MS - 240_000, url)
    site.pages.show([], JobList(made_ms=MADE_MS, jobs=[row(healthy())], clusters=[told]))
    banners = open_page("/").locator(".banner").all_inner_texts()
    assert [text.startswith(says) for text in banners] == [True] * bool(says), banners
    assert any("nothing new is known" in text for text in banners) is (state == "silent")


def test_an_address_that_the_sentence_names_is_told_once(open_page: OpenPage, site: Served) -> None:
    told = cluster("demo", "silent", "Cannot reach http://demo.example:8081.", None)
    site.pages.show([], JobList(made_ms=MADE_MS, jobs=[row(healthy())], clusters=[told]))
    assert open_page("/").locator(".banner").inner_text().count("http://demo") == 1


def test_why_a_cluster_is_not_heard_is_left_to_what_is_said_of_kafka(
    open_page: OpenPage, site: Served
) -> None:
    listed = JobList(
        made_ms=MADE_MS,
        jobs=[row(healthy())],
        clusters=[cluster("demo", "silent", "Is the plugin in it?", None, "")],
        kafka_says="No Kafka broker answers.",
    )
    site.pages.show([], listed)
    banners = open_page("/").locator(".banner")
    expect(banners.first).to_contain_text("No Kafka broker answers.")
    expect(banners.last).to_have_text(
        "Cluster demo tells nothing of its jobs. Until it does, nothing new is known of them."
    )


def test_trouble_with_kafka_is_told_above_the_list(open_page: OpenPage, site: Served) -> None:
    says = "No Kafka broker answers at `kafka:9092`: refused."
    listed = JobList(
        made_ms=MADE_MS,
        jobs=[row(healthy())],
        clusters=[cluster("demo", "answering")],
        kafka_says=says,
    )
    site.pages.show([], listed)
    expect(open_page("/").locator(".banner")).to_contain_text("No Kafka broker answers")


@pytest.mark.parametrize(
    ("found", "yarn_says", "says"),
    [
        (0, "", "On YARN runs no application of Flink."),
        (None, "Cannot reach http://rm:8088.", "No application of Flink was found on YARN so far."),
    ],
)
def test_where_nothing_is_found_on_yarn_it_says_whether_yarn_answers(
    open_page: OpenPage, site: Served, found: int | None, yarn_says: str, says: str
) -> None:
    row_ = YarnRow(url="http://rm:8088", found=found, says=yarn_says)
    site.pages.show([], JobList(made_ms=MADE_MS, jobs=[], clusters=[], yarns=[row_]))
    page = open_page("/")
    expect(page.locator(".state")).to_contain_text(says)
    banner = page.locator(".banner.silent")
    expect(banner).to_have_count(1 if yarn_says else 0)
    if yarn_says:
        expect(banner).to_contain_text(f"YARN http://rm:8088 is found. {yarn_says}")


def test_two_live_runs_of_one_job_are_told(open_page: OpenPage, site: Served) -> None:
    rows = [row(slow_sink(), live_runs=2), row(healthy())]
    clusters = [cluster("prod-eu", "answering")]
    site.pages.show([], JobList(made_ms=MADE_MS, jobs=rows, clusters=clusters))
    page = open_page("/")
    expect(page.locator("tbody tr").first).to_contain_text("2 live runs, the worst shown")


def test_a_phone_shows_the_rows_as_cards_that_are_still_a_table(open_page: OpenPage) -> None:
    page = open_page("/", width=390, height=844)
    expect(page.get_by_role("table", name="Jobs, worst first")).to_be_visible()
    expect(page.get_by_role("cell").first).to_be_visible()
    expect(page.locator("thead")).to_be_hidden()
