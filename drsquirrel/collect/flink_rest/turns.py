"""Who is asked about in this round when there is not room for all: the suspicious, then the rest
in turns; pure."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Candidate(Generic[K]):
    """Something to ask about: what it costs in requests, and how suspicious it is (0: not)."""

    key: K
    cost: int = 1
    suspicion: float = 0.0


def in_turn(
    candidates: Iterable[Candidate[K]], budget: int, last_covered: Callable[[K], int]
) -> list[K]:
    """The keys to ask about with this many requests.

    Up to half of them go to the most suspicious ones. The rest goes to those that were covered
    longest ago (`last_covered`: a round's number, less for earlier), so nobody waits for ever.
    """
    waiting = sorted(candidates, key=lambda c: last_covered(c.key))
    chosen: list[K] = []
    suspicious = sorted((c for c in waiting if c.suspicion > 0), key=lambda c: -c.suspicion)
    left = budget - _take(suspicious, budget // 2, chosen)
    _take([c for c in waiting if c.key not in set(chosen)], left, chosen)
    return chosen


def _take(candidates: list[Candidate[K]], budget: int, chosen: list[K]) -> int:
    spent = 0
    for candidate in candidates:
        if spent + candidate.cost <= budget:
            chosen.append(candidate.key)
            spent += candidate.cost
    return spent
