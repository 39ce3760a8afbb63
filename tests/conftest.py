"""What all tests share: real parts that may be missing, and how tests are spread over workers."""

import os
import shutil

import pytest
from hypothesis import settings

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
FLINK_TIMEOUT_S = 600

# A slow example on a busy machine is no failure.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One Flink cluster at a time where a test does not say otherwise, and time for it."""
    for item in items:
        if item.get_closest_marker("flink"):
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group("flink"))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(FLINK_TIMEOUT_S))


def missing(part: str) -> None:
    """Skips the test, or fails it where everything has to be there."""
    if os.environ.get("CI"):
        pytest.fail(f"{part}; in CI nothing may be missing")
    pytest.skip(part)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium, for Playwright's executable_path."""
    found = next((path for name in CHROMIUM if (path := shutil.which(name))), None)
    if found is None:
        missing("no Chromium is installed")
    return str(found)
