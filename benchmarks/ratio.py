"""Ratios of what was measured in turns."""

import math
import statistics
from collections.abc import Sequence


def spread(ratios: Sequence[float]) -> list[float]:
    """Median, least, most."""
    return [round(x, 2) for x in (statistics.median(ratios), min(ratios), max(ratios))]


def interval(found: Sequence[float]) -> dict[str, float]:
    """The geometric mean of paired ratios, and where it is with 95 %."""
    logs = [math.log(ratio) for ratio in found]
    mean = statistics.fmean(logs)
    margin = 0.0
    if len(logs) > 1:
        margin = t_95(len(logs) - 1) * statistics.stdev(logs) / math.sqrt(len(logs))
    low, high = math.exp(mean - margin), math.exp(mean + margin)
    return {"mean": round(math.exp(mean), 4), "low": round(low, 4), "high": round(high, 4)}


def t_95(freedom: int) -> float:
    """Student's t for 95 % on both sides, by the first terms of its series (Hill 1970)."""
    z = statistics.NormalDist().inv_cdf(0.975)
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third
