"""The plugin's memory is bounded, whatever is said to it (R9)."""

from pathlib import Path

import pytest

from tests.plugin.harness import LOG4J
from tests.plugin.intruder import SAID_S, compiled, intruder

MIB = 1 << 20
NOBODY = "kafka.bootstrap.servers=127.0.0.1:1"
SMALL_HEAP = ("-Xmx80m", "-XX:+ExitOnOutOfMemoryError")
"""For 16 MiB that wait, as much that Kafka's client may hold, and what is kept to compare with."""
SHORT = ["messages 100000", "tasks 50000"]
LONG = [
    *("messages 1000000", "throwables 200000", "threads 20000", "tasks 1000000"),
    *("long-messages 10000", "long-throwables 5000", "long-threads 5000", "long-tasks 5000"),
]
TO_US_ALONE = f"{LOG4J}rootLogger.appenderRef.out.level = OFF\n"


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("classes"))


@pytest.mark.parametrize("flood", SHORT)
def test_a_flood_of_what_was_never_there_before_stays_within_its_memory(
    jar: Path, classes: Path, tmp_path: Path, flood: str
) -> None:
    assert last_words(jar, classes, tmp_path, flood) == ["said", "done"]


@pytest.mark.alone
@pytest.mark.timeout(900)
@pytest.mark.parametrize("flood", LONG)
def test_a_long_flood_stays_within_its_memory_too(
    jar: Path, classes: Path, tmp_path: Path, flood: str
) -> None:
    assert last_words(jar, classes, tmp_path, flood) == ["said", "done"]


def last_words(jar: Path, classes: Path, folder: Path, flood: str, *more: str) -> list[str]:
    """Of who floods while Kafka is refused, so that everything waits that may."""
    options = ("cluster=x", NOBODY, "log-window-lines=10000", *more)
    with intruder(
        jar, classes, folder, flood, *options, log4j=TO_US_ALONE, jvm_args=SMALL_HEAP
    ) as java:
        said = [java.line(SAID_S)]
        if said == ["said"]:
            java.say("close")
            said.append(java.line(SAID_S))
    return said


@pytest.mark.alone
def test_where_more_may_wait_than_there_is_memory_the_same_flood_is_the_end(
    jar: Path, classes: Path, tmp_path: Path
) -> None:
    more = "queue-bytes=1073741824"
    [said] = last_words(jar, classes, tmp_path, "long-throwables 4000", more)
    assert "OutOfMemoryError" in said
