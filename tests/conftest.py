"""What all tests share: how those with a real Flink are spread, and patience with slow machines."""

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from demo import watcher
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


def need_pyflink() -> None:
    if not watcher.PYTHON.exists():
        missing("no Python 3.11 or 3.12 with PyFlink is here: the watcher is not tested")


def missing(told: str) -> NoReturn:
    """In CI nothing may be missing."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(told)
    raise AssertionError


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--passed", metavar="FILE", help="leave out what it lists, and add to it")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A long run that was interrupted goes on."""
    report = yield
    if (file := item.config.getoption("--passed")) and report.when == "call" and report.passed:
        with Path(file).open("a", encoding="utf-8") as passed:
            passed.write(f"{item.nodeid}\n")
    return report


def leave_out_what_passed(config: pytest.Config, items: list[pytest.Item]) -> None:
    file = config.getoption("--passed")
    passed = set(Path(file).read_text("utf-8").splitlines()) if file and Path(file).exists() else ()
    if out := [item for item in items if item.nodeid in passed]:
        items[:] = [item for item in items if item.nodeid not in passed]
        config.hook.pytest_deselected(items=out)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A file's tests with a real Flink share its clusters, all that want a broker share one: each
    such group is one worker's, and xdist looks for it right after this. And time for them."""
    leave_out_what_passed(config, items)
    for item in items:
        flink = item.get_closest_marker("flink") is not None
        if "broker" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("kafka"))
        elif flink:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if flink and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(FLINK_TIMEOUT_S))
