"""One failure of which two tell: Flink's REST, and a process with the plugin."""

from drsquirrel.model.event import FailureEvent
from drsquirrel.model.signature import sign

TWIN_MS, ALIKE_TWIN_MS = 500, 2_000
"""So far apart are the times at which two tell of one failure; further where it looks the same."""


def is_twin(failure: FailureEvent, told: FailureEvent) -> bool:
    """Whether it is the failure of which REST tells. Of a long trace each may keep another part."""
    apart_ms = abs(failure.time_ms - told.time_ms)
    if failure.job != told.job or apart_ms > ALIKE_TWIN_MS:
        return False
    return apart_ms <= TWIN_MS or (failure.signature or sign(failure.throwable)) == told.signature
