"""What was not measured stays unknown, and nobody takes it for a no by accident."""

import operator
from collections.abc import Callable

import pytest

from drsquirrel.model.unknown import Unknown

UNKNOWN = Unknown("no heap samples")


@pytest.mark.parametrize(
    "use",
    [operator.lt, operator.le, operator.gt, operator.ge, operator.add, operator.sub, operator.mul],
)
def test_every_comparison_and_sum_with_it_is_unknown(use: Callable[..., object]) -> None:
    assert use(UNKNOWN, 0.8) is UNKNOWN
    assert use(0.8, UNKNOWN) is UNKNOWN


def test_it_is_neither_true_nor_false() -> None:
    with pytest.raises(TypeError, match="neither true nor false: no heap samples"):
        bool(UNKNOWN > 0.8)


def test_two_of_the_same_reason_are_the_same() -> None:
    assert len({UNKNOWN, Unknown("no heap samples"), Unknown("another")}) == 2
    assert repr(UNKNOWN) == "Unknown('no heap samples')"
