"""What all tests share: how those with a real Flink are spread, and patience with slow machines."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from demo.broker import Broker
from demo.plugin import build
from demo.postgres import OLDEST, programs
from tests.store.server import Server

FLINK_TIMEOUT_S = 600

# A slow example on a busy machine is no failure.
settings.register_profile("busy machine", deadline=None)
settings.load_profile("busy machine")


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """A real Kafka broker, one for all tests of a process."""
    need_maven()
    with Broker() as broker:
        yield broker


@pytest.fixture(scope="session")
def jar() -> Path:
    """The plugin for Flink, built from its sources."""
    need_maven()
    return build()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL server, one for all tests of a process."""
    if programs() is None:
        missing(f"no PostgreSQL {OLDEST} or newer is here: it is not tested as the database")
    with Server() as server:
        yield server


def need_maven() -> None:
    if shutil.which("mvn") is None or shutil.which("javac") is None:
        missing("no Maven or no JDK is here: Kafka and the plugin are not tested")


def missing(told: str) -> NoReturn:
    """In CI nothing may be missing."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    raise AssertionError


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A file's tests with a real Flink share its clusters, all that want a broker share one: each
    such group is one worker's, and xdist looks for it right after this. And time for them."""
    for item in items:
        flink = item.get_closest_marker("flink") is not None
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("kafka"))
        elif flink:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if flink and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(FLINK_TIMEOUT_S))
