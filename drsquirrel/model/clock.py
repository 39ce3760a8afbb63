"""Time, as an argument: nothing that judges reads a clock of its own."""

from typing import Protocol


class Clock(Protocol):
    """Tells and passes time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of this clock."""
        ...
