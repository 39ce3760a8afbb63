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
def opener(request: pytest.FixtureRequest) -> Opener:
    if request.param == "sqlite":
        return SqliteStore
    server: Server = request.getfixturevalue("postgres")
    return server.open


@pytest.fixture
def store(opener: Opener, tmp_path: Path) -> Iterator[Store]:
    opened = opener(tmp_path / "data", Retention())
    yield opened
    opened.close()
