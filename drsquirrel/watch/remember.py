"""Results that are remembered within bounds, though whoever sends messages chooses what they are
asked with."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def remembered(
    most: int, weigh: Callable[..., int], heaviest: int
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Remember up to `most` results by their arguments, of which none weigh more than `heaviest`:
    those that do are worked out each time. When there is no more room all are forgotten."""

    def bounded(function: Callable[P, R]) -> Callable[P, R]:
        known: dict[object, R] = {}

        @wraps(function)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return known[args]
            except KeyError:
                found = function(*args, **kwargs)
            if weigh(*args, **kwargs) <= heaviest:
                if len(known) >= most:
                    known.clear()
                known[args] = found
            return found

        return asked

    return bounded
