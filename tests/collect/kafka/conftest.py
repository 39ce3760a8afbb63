"""The topics of one test."""

import pytest

from demo.broker import Broker
from tests.collect.kafka.topic import Topic


@pytest.fixture
def topic(broker: Broker, request: pytest.FixtureRequest) -> Topic:
    return Topic(broker, f"{abs(hash(request.node.name))}-")
