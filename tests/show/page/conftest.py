"""A real Chromium, and the fixtures behind the real server, for each test."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.show.page.served import PAGE_DIR, Served, served

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file: its loop must end before asynchronous tests run."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        # In CI nothing may be missing.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Chromium is installed")
    if not (PAGE_DIR / "index.html").exists():
        pytest.fail("the page is not built: `make page` builds it")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def site() -> Iterator[Served]:
    """The fixtures behind the real server."""
    with served() as running:
        yield running


@pytest.fixture
def open_page(browser: Browser, site: Served) -> Iterator[OpenPage]:
    """Opens a path of the site and waits until its content is there."""
    contexts = []

    def open_path(
        path: str, *, width: int = 1280, height: int = 800, scheme: str = "light", **more: object
    ) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,  # type: ignore[arg-type]
            **more,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(site.url + path)
        page.wait_for_selector("main .card")
        return page

    yield open_path
    for context in contexts:
        context.close()
