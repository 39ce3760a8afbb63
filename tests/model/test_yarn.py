"""Containers of YARN: which are over, and which are kept."""

from msgspec.structs import replace

from drsquirrel.model.kill import Kill
from drsquirrel.model.yarn import (
    ENDED_MAX,
    GONE,
    LISTED_MAX,
    YarnContainer,
    YarnFacts,
    in_report,
    with_ended,
)

FACTS = YarnFacts(application="application_1_0001", taken_ms=1)


def container(number: int, **more: object) -> YarnContainer:
    return replace(YarnContainer(id=f"container_1_0001_01_{number:06d}"), **more)


def test_a_container_is_over_once_its_end_or_its_absence_was_told() -> None:
    assert not container(1, state="RUNNING").is_over
    assert container(1, exit_code=0).is_over
    assert container(1, kill=Kill(why="signal")).is_over
    assert container(1, state=GONE).is_over


def test_ended_containers_that_yarn_has_forgotten_stay_the_latest_first() -> None:
    before = (container(2, state=GONE), container(3, exit_code=143), container(4))
    now = replace(FACTS, containers=(container(5), container(3, exit_code=-104)))
    kept = with_ended(now, before)
    assert [(c.id[-1], c.exit_code) for c in kept.containers] == [
        ("5", None),
        ("3", -104),
        ("2", None),
    ]
    assert [c.id[-1] for c in kept.alive] == ["5"]
    assert not kept.is_over and replace(kept, ended_ms=5).is_over


def test_of_very_many_ended_containers_the_latest_stay() -> None:
    kept = with_ended(FACTS, [container(i, state=GONE) for i in range(ENDED_MAX + 7)])
    assert len(kept.containers) == ENDED_MAX
    assert kept.containers[-1].id.endswith("000007")


def test_a_report_lists_some_of_those_that_run_and_all_that_have_ended() -> None:
    alive = [container(i) for i in range(LISTED_MAX + 3)]
    facts = replace(FACTS, containers=(*alive, container(99, exit_code=1)))
    listed = in_report(facts)
    assert (len(listed.alive), listed.unlisted) == (LISTED_MAX, 3)
    assert listed.containers[-1].exit_code == 1
    assert in_report(listed).unlisted == 0
