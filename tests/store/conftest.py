"""Stores for tests: every implementation, in a directory of its own, closed at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from drsquirrel.store.interface import Retention, Store
from drsquirrel.store.sqlite import SqliteStore
from tests.store.made import Opener

IMPLEMENTATIONS: dict[str, Opener] = {"sqlite": SqliteStore}


@pytest.fixture(params=IMPLEMENTATIONS)
def opener(request: pytest.FixtureRequest) -> Opener:
    return IMPLEMENTATIONS[request.param]


@pytest.fixture
def store(opener: Opener, tmp_path: Path) -> Iterator[Store]:
    opened = opener(tmp_path / "data", Retention())
    yield opened
    opened.close()
