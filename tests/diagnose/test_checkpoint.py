"""Checkpoints: which count, which failed in a row, which is under way."""

import pytest

from drsquirrel.diagnose.checkpoint import REFUSALS, checkpoints_of, ended_ms, patience_ms
from drsquirrel.model.case import CheckpointsNow
from drsquirrel.model.event import CheckpointEvent, Origin
from drsquirrel.model.facts import CheckpointSettings
from drsquirrel.model.snapshot import Rollup
from tests.diagnose.made import RUN

ORIGIN = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0)


def event(id_: int, status: str = "COMPLETED", **values: object) -> CheckpointEvent:
    told: dict[str, object] = {"time_ms": id_ * 1000, **values}
    return CheckpointEvent(origin=ORIGIN, job="j", id=id_, status=status, **told)  # type: ignore[arg-type]


def of(*events: CheckpointEvent) -> CheckpointsNow:
    """Each event in a minute of its own, the last first."""
    rollups = [Rollup(subject=RUN, minute=i, checkpoints=(e,)) for i, e in enumerate(events)]
    return checkpoints_of(reversed(rollups), 5)


def test_failures_count_since_the_last_completed_one() -> None:
    found = of(
        event(1, "FAILED"), event(2, duration_ms=300), event(3, "FAILED"), event(4, "FAILED")
    )
    assert (len(found.failed), found.failures_in_row) == (3, 2)
    assert (found.last_completed_ms, found.running_since_ms) == (2300, 5)
    assert of(event(1, "FAILED"), event(2)).failures_in_row == 0
    assert of().last_completed_ms is None


def test_what_became_of_a_checkpoint_counts_whatever_is_read_first() -> None:
    for events in ([event(1, "IN_PROGRESS"), event(1)], [event(1), event(1, "IN_PROGRESS")]):
        found = of(*events)
        assert len(found.completed) == 1 and found.in_progress is None


def test_the_newest_open_one_is_under_way() -> None:
    found = of(event(1, "IN_PROGRESS"), event(2), event(3, "IN_PROGRESS"), event(4, "IN_PROGRESS"))
    assert found.in_progress is not None and found.in_progress.id == 4


@pytest.mark.parametrize("words", REFUSALS)
def test_what_flink_does_not_count_as_a_failure_is_none(words: str) -> None:
    assert of(event(1, "FAILED", failure=f"CheckpointException: {words}.")).failed == ()


def test_a_savepoint_is_no_checkpoint() -> None:
    found = of(event(1, "FAILED", savepoint=True), event(2, savepoint=True))
    assert found.failed == found.completed == ()


def test_a_failure_that_expired_counts() -> None:
    assert of(event(1, "FAILED", failure="Checkpoint expired before completing.")).failures_in_row


def test_a_checkpoint_ends_as_told_else_after_its_duration() -> None:
    assert ended_ms(event(1, ended_ms=7)) == 7
    assert ended_ms(event(1, duration_ms=5)) == 1005
    assert ended_ms(event(1)) == 1000


def test_patience_is_the_longer_of_interval_and_timeout_times_what_is_tolerated() -> None:
    def patience(tolerable: int) -> int:
        settings = CheckpointSettings(interval_ms=10, timeout_ms=60, tolerable_failures=tolerable)
        return patience_ms(settings)

    assert [patience(n) for n in (0, 3, 8, 1_000_000)] == [120, 300, 600, 600]
