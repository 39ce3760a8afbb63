"""The endless loop over the rounds of one cluster; each cluster has its own, so none waits."""

import logging
import random
from collections.abc import Awaitable, Callable

from drsquirrel.collect.flink_rest.settings import PollSettings
from drsquirrel.collect.flink_rest.watch import ClusterWatch, Round
from drsquirrel.model.clock import Clock

logger = logging.getLogger(__name__)
SHORTEST_PAUSE_S = 0.1


async def watch_cluster(
    watch: ClusterWatch,
    emit: Callable[[Round], Awaitable[None]],
    clock: Clock,
    settings: PollSettings,
    chance: Callable[[], float] = random.random,
) -> None:
    """Make round after round until cancelled; `chance` draws from [0, 1)."""
    failed = 0
    while True:
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
        await clock.sleep(max(SHORTEST_PAUSE_S, pause_s(settings, failed, chance()) - took_s))


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
