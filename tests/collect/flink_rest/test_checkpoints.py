"""Which vertex of a checkpoint is looked at."""

from drsquirrel.collect.flink_rest.answer import CheckpointDetails, CheckpointTask
from drsquirrel.collect.flink_rest.checkpoints import slowest

WAY = ["source", "step", "sink"]


def details(**tasks: tuple[int, int]) -> CheckpointDetails:
    """From (missing subtasks, duration) per vertex."""
    return CheckpointDetails(
        id=1,
        tasks={
            vertex: CheckpointTask(
                end_to_end_duration=duration, num_subtasks=4, num_acknowledged_subtasks=4 - missing
            )
            for vertex, (missing, duration) in tasks.items()
        },
    )


def test_of_those_that_did_not_acknowledge_it_is_the_first_on_the_barriers_way() -> None:
    found = slowest(details(sink=(4, 900), step=(1, 10), source=(0, 5)), WAY)
    assert found == "step"


def test_where_all_acknowledged_it_is_the_one_that_took_longest() -> None:
    assert slowest(details(sink=(0, 20), step=(0, 900), source=(0, 5)), WAY) == "step"


def test_without_details_it_is_none() -> None:
    assert slowest(details(), WAY) == ""
