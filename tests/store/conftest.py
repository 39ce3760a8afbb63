"""Stores for tests: every implementation, each of a place of its own, closed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drsquirrel.store.interface import Retention, Store
from drsquirrel.store.sqlite import SqliteStore
from tests.store.made import Opener
from tests.store.server import Server

IMPLEMENTATIONS = ("sqlite", "postgresql")


@pytest.fixture(params=IMPLEMENTATIONS)
def opener(request: pytest.FixtureRequest) -> Iterator[Opener]:
    if request.param == "sqlite":
        yield SqliteStore
        return
    server: Server = request.getfixturevalue("postgres")
    yield server.open
    server.take_back()


@pytest.fixture
def store(opener: Opener, tmp_path: Path) -> Iterator[Store]:
    opened = opener(tmp_path / "data", Retention())
    yield opened
    opened.close()
