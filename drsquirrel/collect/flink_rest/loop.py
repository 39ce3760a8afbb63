"""The endless loop over the rounds of one cluster; each cluster has its own, so none waits."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.model.clock import Clock

logger = logging.getLogger(__name__)
SHORTEST_PAUSE_S = 0.1
CACHED_S = 3.5
"""Flink answers what it was asked for less long ago from its caches of 3 s."""
SOON_S = 1.0
"""What has just happened stands in Flink's answers by then."""


async def watch_cluster(
    watch: ClusterWatch,
    emit: Callable[[Round], Awaitable[None]],
    clock: Clock,
    settings: PollSettings,
    chance: Callable[[], float] = random.random,
    woken: asyncio.Event | None = None,
) -> None:
    """Make round after round until cancelled; `chance` draws from [0, 1).

    Where something has happened, `woken` is set and the next round comes early, but no two in a
    row: a job that fails again and again is asked twice as often, not more.
    """
    failed = 0
    is_early = False
    while True:
        if woken is not None:
            woken.clear()
        began_ms = clock.now_ms()
        try:
            found = await watch.round()
            failed = 0 if found.answered else failed + 1
            await emit(found)
        except Exception:
            # What nobody thought of must not end the watching; the log says where it broke.
            logger.exception("a round of cluster %s broke off", watch.cluster)
            failed += 1
            watch.tell_again()
        took_s = (clock.now_ms() - began_ms) / 1000
        seconds = max(SHORTEST_PAUSE_S, pause_s(settings, failed, chance()) - took_s)
        if woken is None or is_early or failed:
            is_early = False
            await clock.sleep(seconds)
        else:
            is_early = await _pause_until(woken, clock, seconds)


async def _pause_until(woken: asyncio.Event, clock: Clock, seconds: float) -> bool:
    """Pause for so long, or until shortly after being woken; whether that was."""
    began_ms = clock.now_ms()
    if not woken.is_set():
        pause, wake = asyncio.create_task(clock.sleep(seconds)), asyncio.create_task(woken.wait())
        try:
            await asyncio.wait((pause, wake), return_when=asyncio.FIRST_COMPLETED)
        finally:
            wake.cancel()
            if not pause.done():
                pause.cancel()
        if not woken.is_set():
            pause.result()  # which raises what it raised
            return False
    waited_s = (clock.now_ms() - began_ms) / 1000
    await clock.sleep(max(0.0, min(max(SOON_S, CACHED_S - waited_s), seconds - waited_s)))
    return True


def pause_s(settings: PollSettings, failed: int, chance: float) -> float:
    """From the start of one round to the start of the next, after so many failed ones in a row.

    Doubled for each failed one. Jitter only adds while all is well, since Flink has to have time
    to bring its metrics up to date; after failures it spreads over half the pause.
    """
    if failed == 0:
        return settings.interval_s * (1 + settings.jitter_share * (0.2 + 0.8 * chance))
    longest = max(settings.interval_s, settings.backoff_max_s)
    doubled = min(longest, settings.interval_s * 2.0 ** min(failed, 16))
    return doubled * (0.5 + 0.5 * chance)
