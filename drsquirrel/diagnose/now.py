"""The newest minutes of a run, measured together: what holds now."""

from collections.abc import Mapping
from dataclasses import dataclass

from drsquirrel.diagnose.inquiry import Inquiry
from drsquirrel.diagnose.minute import RunMinute, run_minute
from drsquirrel.diagnose.reading import Line, ScopeKey, lines, recent


@dataclass(frozen=True)
class Now:
    """The newest rollups of the run, measured over about the last minute."""

    minute: RunMinute
    of_scope: Mapping[ScopeKey, list[Line]]

    @property
    def counted_ms(self) -> int | None:
        """When the newest counters of a subtask were read."""
        return max(
            (
                found[-1].readings[-1].time_ms
                for key, found in self.of_scope.items()
                if key.vertex and not key.operator
            ),
            default=None,
        )


def now_of(inquiry: Inquiry, now_ms: int) -> Now | None:
    """What the newest minutes say; None where nothing came in."""
    newest = recent(inquiry.rollups, now_ms)
    return Now(run_minute(newest, inquiry.facts), lines(newest)) if newest else None
