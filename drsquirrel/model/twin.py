"""One failure of which two tell: Flink's REST, and a process with the plugin."""

from collections import defaultdict
from collections.abc import Iterable

from drsquirrel.model.event import FailureEvent
from drsquirrel.model.signature import sign

TWIN_MS, ALIKE_TWIN_MS = 500, 2_000
"""So far apart are the times at which two tell of one failure; further where it looks the same."""


class Twins:
    """The failures of which REST tells, among which another's may have its twin."""

    def __init__(self, told: Iterable[FailureEvent]) -> None:
        self._near: dict[tuple[str, int], list[FailureEvent]] = defaultdict(list)
        """By job, and by the spans of time in which the twin can be."""
        for event in told:
            span = event.time_ms // ALIKE_TWIN_MS
            for near in (span - 1, span, span + 1):
                self._near[event.job, near].append(event)

    def __contains__(self, failure: FailureEvent) -> bool:
        near = self._near.get((failure.job, failure.time_ms // ALIKE_TWIN_MS), ())
        return any(_is_twin(failure, told) for told in near)


def _is_twin(failure: FailureEvent, told: FailureEvent) -> bool:
    """Of a long trace each may keep another part."""
    apart_ms = abs(failure.time_ms - told.time_ms)
    if apart_ms > ALIKE_TWIN_MS:
        return False
    return apart_ms <= TWIN_MS or (failure.signature or sign(failure.throwable)) == told.signature
