"""What tests of whole looks need beside the simulated Flink: clocks, and a job that fails."""

import asyncio
import time

from tests.collect.flink_rest.clock import HandClock
from tests.collect.flink_rest.simulated import SimulatedJob

PAUSE_S = 2.0
"""Nobody sleeps longer within a round."""
NPE = "java.lang.NullPointerException: no address\n\tat com.acme.Parse.map(Parse.java:7)\n"


class WallClock(HandClock):
    """The time of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class RoundsClock(HandClock):
    """Virtual time that stands still after `rounds` pauses between rounds."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = 0
        self.enough = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if seconds > PAUSE_S:
            self.rounds -= 1
            if self.rounds <= 0:
                self.enough.set()
                await asyncio.Event().wait()
        await super().sleep(seconds)


def failing(job: SimulatedJob, times: int, now_ms: int) -> None:
    """The job fails by one exception, and runs again, so many times in the last minutes."""
    for i in range(times):
        failed_ms = now_ms - (times - i) * 10_000
        job.exceptions.insert(
            0,
            {
                "exceptionName": "java.lang.NullPointerException",
                "stacktrace": NPE,
                "timestamp": failed_ms,
                "taskName": "enrich (1/2)",
                "endpoint": "tm-0:1",
                "taskManagerId": "tm-0",
            },
        )
        job.restart(failed_ms + 2_000)
