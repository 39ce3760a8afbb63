"""What all tests share: how those with a real Flink are spread, and patience with slow machines."""

import pytest
from hypothesis import settings

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
