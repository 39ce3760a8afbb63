"""A simulated Flink at a clock that stands until somebody sleeps."""

from collections.abc import AsyncIterator

import pytest

from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.simulated import Simulated, simulated


@pytest.fixture
async def flink() -> AsyncIterator[Simulated]:
    async with simulated(HandClock()) as flink:
        yield flink
