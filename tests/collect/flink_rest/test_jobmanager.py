"""What the JobManager's configuration tells a watcher."""

import pytest

from drsquirrel.collect.flink_rest.answer import Option
from drsquirrel.collect.flink_rest.jobmanager import JobManagerWatch, duration_ms
from drsquirrel.model.facts import Heartbeats


@pytest.mark.parametrize(
    ("written", "expected_ms"),
    [
        ("10000", 10_000),
        ("10 s", 10_000),
        ("30s", 30_000),
        ("1 min", 60_000),
        ("250 ms", 250),
        ("1 h", 3_600_000),
        ("0", 0),
        ("", 10_000),
        ("soon", 10_000),
        ("5 fortnights", 10_000),
        ("-3 s", 10_000),
    ],
)
def test_a_duration_is_read_as_flink_writes_it(written: str, expected_ms: int) -> None:
    assert duration_ms(written, 10_000) == expected_ms


def test_it_tells_how_long_a_heartbeat_may_stay_away_as_it_was_last_configured() -> None:
    watch = JobManagerWatch()
    assert watch.facts("c").heartbeats == Heartbeats(interval_ms=10_000, timeout_ms=50_000)
    told = {"heartbeat.interval": "30 s", "heartbeat.timeout": "180000"}
    watch.is_another(Option(key=key, value=value) for key, value in told.items())
    assert watch.facts("c").heartbeats == Heartbeats(interval_ms=30_000, timeout_ms=180_000)
    watch.is_another([])
    assert watch.facts("c").heartbeats == Heartbeats(interval_ms=30_000, timeout_ms=180_000)
    watch.is_another([Option(key="rest.port", value="8081")])
    assert watch.facts("c").heartbeats == Heartbeats()


def test_a_process_that_does_not_tell_its_folder_is_taken_for_the_same() -> None:
    watch = JobManagerWatch()
    told = [Option(key="web.tmpdir", value="/tmp/a")]
    other = [Option(key="web.tmpdir", value="/tmp/b")]
    assert [watch.is_another(o) for o in (told, told, [], told, other, other)] == [
        False,
        False,
        False,
        False,
        True,
        False,
    ]
