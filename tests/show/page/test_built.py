"""The built page: small, at home only, and made from what stands in the repository."""

import gzip
import hashlib
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.show.page.fixtures import FOLDER, documents
from tests.show.page.served import PAGE_DIR, Served

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path
    for path in (ROOT / "web" / "src").rglob("*.ts*")
    if path.name != "schema.ts" and ".test." not in path.name
)
KIB = 1024


def zipped_bytes(pattern: str) -> int:
    files = list(PAGE_DIR.glob(pattern))
    assert files, "the page is not built: `make page` builds it"
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)


@pytest.mark.browser
def test_the_page_stays_within_its_budget() -> None:
    assert zipped_bytes("assets/*.js") <= 200 * KIB
    assert zipped_bytes("assets/*.css") <= 40 * KIB


@pytest.mark.browser
def test_no_request_leaves_the_server_and_no_policy_is_broken(
    browser: Browser, site: Served
) -> None:
    page = browser.new_page()
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
    for path in ("/", "/jobs/orders-enrichment", "/jobs/hostile", "/rules/hot-key"):
        page.goto(site.url + path)
        expect(page.locator("main .card").first).to_be_visible()
    page.keyboard.press("?")
    page.close()
    assert errors == []
    assert {url for url in asked if not url.startswith(f"{site.url}/")} == set()


@pytest.mark.browser
def test_the_page_needs_no_inline_style_or_script(browser: Browser, site: Served) -> None:
    page = browser.new_page()
    broken: list[str] = []
    page.on("console", lambda m: broken.append(m.text) if m.type == "error" else None)

    def strictly(route: object) -> None:
        response = route.fetch()  # type: ignore[attr-defined]
        headers = {**response.headers, "content-security-policy": "default-src 'self'"}
        route.fulfill(response=response, headers=headers)  # type: ignore[attr-defined]

    page.route("**/jobs/orders-enrichment", strictly)
    page.goto(f"{site.url}/jobs/orders-enrichment")
    expect(page.locator(".verdict")).to_be_visible()
    page.locator(".minutes[tabindex='0']").focus()
    page.close()
    assert broken == []


@pytest.mark.browser
def test_an_unchanged_report_is_not_sent_again(browser: Browser, site: Served) -> None:
    page = browser.new_page()
    statuses: list[int] = []
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on(
        "Network.responseReceivedExtraInfo",
        lambda event: statuses.append(event["statusCode"]),
    )
    page.goto(f"{site.url}/jobs/orders-enrichment")
    expect(page.locator(".verdict")).to_be_visible()
    page.wait_for_timeout(6_000)
    page.close()
    assert 304 in statuses


def test_the_fixtures_are_what_the_structs_make() -> None:
    made = documents()
    assert {path.name for path in FOLDER.iterdir()} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_bytes() != text]
    assert stale == [], "`python -m tests.show.page.fixtures` writes them"


def test_the_types_are_generated_from_the_present_api() -> None:
    api = (ROOT / "schema" / "openapi.json").read_bytes()
    note, types = (ROOT / "web/src/data/schema.ts").read_bytes().split(b"\n", 1)
    stamp = hashlib.sha256(api + types).hexdigest()
    assert note.decode().endswith(stamp), "`npm ci && npm run schema` in web/tools writes them"


def test_no_source_writes_markup_or_names_another_server() -> None:
    banned = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://")
    found = {
        f"{path.name}: {line.strip()}"
        for path in SOURCES
        for line in path.read_text().splitlines()
        if banned.search(line) and "make run FLINK=" not in line
    }
    assert found == set()


def test_no_source_is_longer_than_the_house_allows() -> None:
    assert [p.name for p in SOURCES if len(p.read_text().splitlines()) > 400] == []


def test_versions_are_pinned_and_the_lock_names_no_registry() -> None:
    for folder in ("web", "web/tools"):
        package = (ROOT / folder / "package.json").read_text()
        assert not re.search(r'"[~^><*]|"latest"', package)
        lock = (ROOT / folder / "package-lock.json").read_text()
        assert '"resolved"' not in lock
        assert "ignore-scripts=true" in (ROOT / folder / ".npmrc").read_text()
