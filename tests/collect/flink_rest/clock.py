"""A clock that stands until somebody sleeps."""

import asyncio


class HandClock:
    """Starts at `now_ms`; sleeping passes its time at once."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms
        self.slept_s: list[float] = []

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.pass_ms(round(seconds * 1000))
        await asyncio.sleep(0)

    def pass_ms(self, duration_ms: int) -> None:
        self._now_ms += duration_ms
