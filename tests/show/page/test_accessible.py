"""Everybody can use the page: axe finds nothing, the keyboard goes everywhere."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.show.page.conftest import OpenPage

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
CONTRAST = {"type": "rule", "values": ["color-contrast"]}
"""What dark colours may change."""
PATHS = [
    "/",
    "/?q=nothing-like-it",
    "/jobs/orders-enrichment",
    "/jobs/clicks-by-country",
    "/jobs/clicks-sessionize",
    "/jobs/prices-cdc",
    "/jobs/just-found",
    "/jobs/hostile",
    "/jobs/no-such-job",
    "/rules/checkpoint-slow",
]


def violations(page: Page, only: object = None) -> list[str]:
    page.evaluate(AXE.read_text())
    told = {"runOnly": only or {"type": "tag", "values": TAGS}}
    result = page.evaluate("options => axe.run(document, options)", told)
    return [
        f"{v['id']}: {node['html'][:150]} {node['failureSummary']}"
        for v in result["violations"]
        for node in v["nodes"]
    ]


@pytest.mark.parametrize(("scheme", "only"), [("light", None), ("dark", CONTRAST)])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing(open_page: OpenPage, path: str, scheme: str, only: object) -> None:
    page = open_page(path, scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    assert violations(page, only) == []


@pytest.mark.parametrize("path", ["/", "/jobs/orders-enrichment"])
def test_axe_finds_nothing_on_a_phone_and_in_the_help(open_page: OpenPage, path: str) -> None:
    page = open_page(path, width=390, height=844)
    assert violations(page) == []
    page.keyboard.press("?")
    assert violations(page) == []


def tab_to(page: Page, selector: str, most: int = 60) -> None:
    """Presses Tab until the focus is there; every stop on the way must be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        outline = focused.evaluate("e => getComputedStyle(e).outlineStyle")
        assert outline != "none", focused.evaluate("e => e.outerHTML.slice(0, 200)")
        if focused.evaluate("(e, s) => e.matches(s)", selector):
            return
    pytest.fail(f"Tab never came to {selector}")


def test_the_keyboard_alone_goes_from_the_list_to_an_explanation_and_back(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    tab_to(page, ".skip", most=1)
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    tab_to(page, "tbody a[href='/jobs/orders-enrichment']")
    page.keyboard.press("Enter")
    expect(page.locator(".verdict")).to_be_visible()
    expect(page.locator("main")).to_be_focused()
    tab_to(page, ".minutes")
    page.keyboard.press("ArrowDown")
    tab_to(page, ".check summary")
    page.keyboard.press("Enter")
    expect(page.locator(".check details[open]")).to_have_count(1)
    tab_to(page, ".check a[href='/rules/operator-saturated']")
    page.keyboard.press("Enter")
    expect(page.locator(".rule h1")).to_have_text("An operator works at its limit")
    page.go_back()
    # The focus is where it was: the reader goes on from there.
    expect(page.locator("a[href='/rules/operator-saturated']:focus")).to_be_in_viewport()
    page.go_back()
    expect(page.locator("tbody a[href='/jobs/orders-enrichment']")).to_be_focused()


def test_no_stop_of_the_keyboard_is_a_trap(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment")
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return
    pytest.fail("Tab did not come to the end of the page")


def test_the_help_opens_and_closes_by_key_and_shortcuts_can_be_turned_off(
    open_page: OpenPage,
) -> None:
    page = open_page("/")
    help_dialog = page.get_by_role("dialog", name="Keys and signs")
    page.keyboard.press("?")
    expect(help_dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(help_dialog).to_be_hidden()
    page.get_by_role("button", name="Help").click()
    page.get_by_role("switch", name="Single-key shortcuts").press("Space")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("p")
    expect(help_dialog).to_be_hidden()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.reload()
    page.keyboard.press("?")
    expect(help_dialog).to_be_hidden()


def test_a_question_mark_typed_into_the_filter_is_text(open_page: OpenPage) -> None:
    page = open_page("/")
    page.locator("#filter").focus()
    page.keyboard.type("?/p")
    expect(page.locator("#filter")).to_have_value("?/p")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_colours_follow_the_system_until_one_is_chosen_and_the_choice_is_kept(
    open_page: OpenPage,
) -> None:
    page = open_page("/", scheme="dark")
    html = page.locator("html")
    expect(html).to_have_attribute("data-mantine-color-scheme", "dark")
    page.get_by_role("button", name="Colours: as the system").click()
    expect(html).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    expect(html).to_have_attribute("data-mantine-color-scheme", "light")
    page.get_by_role("button", name="Colours: light").click()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()


def test_forced_colours_keep_the_kinds_of_minutes_apart(open_page: OpenPage) -> None:
    page = open_page("/jobs/orders-enrichment", forced_colors="active")
    style = "e => getComputedStyle(e)"
    fill = page.locator("#high-minute .high-fill").evaluate(f"{style}.fill")
    page_colour = page.locator("body").evaluate(f"{style}.backgroundColor")
    hatch = page.locator("#some-minute .some-hatch").evaluate(f"{style}.stroke")
    assert fill != page_colour != hatch
    assert violations(page) == []


def test_nothing_moves_for_who_asked_for_less_motion(open_page: OpenPage) -> None:
    page = open_page("/", reduced_motion="reduce")
    moving = page.locator("*").evaluate_all(
        "all => all.filter(e => parseFloat(getComputedStyle(e).transitionDuration) > 0"
        " || getComputedStyle(e).animationName !== 'none').length"
    )
    assert moving == 0
