"""Watching real Flink clusters in real time."""

import asyncio
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType

from drsquirrel.collect.flink_rest.client import FlinkClient
from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round

EVERY_S = 10.3
"""Flink brings its metrics up to date after more than 10 s."""
REQUEST_TIMEOUT_S = 20.0
"""The machine that tests may have much else to do."""
PAYMENTS = ["--rate", "400", "--payload", "2000", "--sink", "pause:8333"]
SHIPMENTS = ["--rate", "400", "--enrich", "reject:500"]


class RealClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def rounds_of(
    url: str,
    limit: int,
    *,
    enough: Callable[[list[Round]], bool] = lambda _: False,
    before: Mapping[int, Callable[[], object]] = MappingProxyType({}),
) -> list[Round]:
    """Rounds until they are `enough`, or `limit` of them.

    `before` holds what is done, in a thread, before the round of that number (from 0).
    """
    settings = PollSettings(request_timeout_s=REQUEST_TIMEOUT_S)
    found: list[Round] = []
    async with FlinkClient(url, settings=settings) as client:
        watch = ClusterWatch("lab", client, RealClock(), settings, str.strip)
        while len(found) < limit and not enough(found):
            if len(found) in before:
                await asyncio.to_thread(before[len(found)])
            if found:
                took_s = found[-1].took_ms / 1000
                await asyncio.sleep(EVERY_S - min(EVERY_S, took_s))
            found.append(await watch.round())
    return found
