"""How long work takes, by the wall and in CPU."""

import time
from collections.abc import Callable, Iterable
from statistics import median, quantiles
from typing import NamedTuple


class Took(NamedTuple):
    """How long some work took, in ms, and how much of it was CPU of the thread that waited."""

    wall: float
    cpu: float


def took(work: Callable[[], object]) -> Took:
    wall_s, cpu_s = time.perf_counter(), time.thread_time()
    work()
    return Took((time.perf_counter() - wall_s) * 1_000, (time.thread_time() - cpu_s) * 1_000)


def spread(found: Iterable[Took]) -> dict[str, float]:
    """The middle one, and what 99 of 100 stay below: of fewer than 100, the longest."""
    wall, cpu = zip(*found, strict=True)
    p99 = quantiles(wall, n=100)[-1] if len(wall) >= 100 else max(wall)
    return {"p50": round(median(wall), 2), "p99": round(p99, 2), "cpu": round(median(cpu), 2)}
