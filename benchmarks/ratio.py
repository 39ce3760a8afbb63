"""Ratios of what was measured in turns."""

import statistics
from collections.abc import Sequence


def spread(ratios: Sequence[float]) -> list[float]:
    """Median, least, most."""
    return [round(x, 2) for x in (statistics.median(ratios), min(ratios), max(ratios))]
