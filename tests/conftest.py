"""What all tests share: how those with a real Flink are spread, and patience with slow machines."""

import pytest
from hypothesis import settings

FLINK_TIMEOUT_S = 600

# A slow example on a busy machine is no failure.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A worker for all tests of a folder that start Flink clusters, so one at a time; and time."""
    for item in items:
        if item.get_closest_marker("flink"):
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(item.path.parent.name))
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(FLINK_TIMEOUT_S))
