"""Which of two that tell of a failure tell of the same."""

import pytest

from drsquirrel.model.event import FailureEvent, Origin
from drsquirrel.model.signature import sign
from drsquirrel.model.twin import ALIKE_TWIN_MS, TWIN_MS, Twins

NOON_MS = 1_760_000_040_000
NPE = "java.lang.NullPointerException: no address\n\tat com.acme.Parse.map(Parse.java:7)\n"
OTHER = "java.lang.Error: another"


def failure(time_ms: int, throwable: str = NPE, job: str = "j") -> FailureEvent:
    return FailureEvent(
        origin=Origin(cluster="c", producer="flink-rest", epoch="e", sequence=1),
        time_ms=time_ms,
        job=job,
        throwable=throwable,
        signature=sign(throwable),
    )


@pytest.mark.parametrize("sign_of_time", [1, -1])
@pytest.mark.parametrize(
    ("apart_ms", "throwable", "is_twin"),
    [
        (TWIN_MS, OTHER, True),
        (TWIN_MS + 1, OTHER, False),
        (ALIKE_TWIN_MS, NPE, True),
        (ALIKE_TWIN_MS + 1, NPE, False),
        (2 * ALIKE_TWIN_MS, NPE, False),
    ],
)
@pytest.mark.parametrize("at_ms", [NOON_MS, NOON_MS + 1, NOON_MS + ALIKE_TWIN_MS - 1])
def test_those_that_are_near_in_time_or_look_the_same_are_one(
    at_ms: int, apart_ms: int, throwable: str, is_twin: bool, sign_of_time: int
) -> None:
    told = Twins([failure(at_ms + sign_of_time * apart_ms, throwable)])
    assert (failure(at_ms) in told) is is_twin


def test_those_of_two_jobs_are_two() -> None:
    assert failure(NOON_MS) not in Twins([failure(NOON_MS, job="another")])
