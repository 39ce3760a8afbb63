"""Takes thread dumps of TaskManagers, only where that is harmless: DIAGNOSIS.md section 3.

A dump stops the whole JVM for a moment, for seconds in one of tens of thousands of threads, and
that has cost TaskManagers their lives (FLINK-39984).
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from msgspec import Struct

from drsquirrel.enrich.look_up import Get
from drsquirrel.enrich.stack import samples_of
from drsquirrel.model.clock import Clock
from drsquirrel.model.facts import JobFacts, ThreadSample
from drsquirrel.model.report import Action

DUMPS_PER_TASKMANAGER = 4
"""Eight samples of a vertex with one subtask on each of two TaskManagers."""
DUMPS_FOR_ALL = 12
"""A run that began after a dump has nothing of it; but a TaskManager bears only so many."""
DUMPS_PERIOD_MS = 600_000
TASKMANAGERS = 2
APART_S = 1.3
APART_MS = 1_000
THREADS_MAX = 500
GC_SHARE_MAX = 0.2
HEARTBEAT_AGE_MAX_MS = 12_000
UP_MIN_MS = 60_000
SLOW_MS = 1_000
HANGS_S = 3.0
"""So long an answer is awaited; then the TaskManager is left alone for good."""
BUDGET_MS = 20_000
CHECKPOINT_POLL_S = 1.0
REMEMBERED_MAX = 1_000


class TaskManagerNow(Struct, frozen=True, kw_only=True):
    """What decides whether a TaskManager may be dumped; None is unknown."""

    container: str
    threads: int | None
    heartbeat_age_ms: int | None
    up_ms: int | None
    """For how long all tasks of the run have been running."""
    gc_share: float | None
    """Share of the time in which collectors stopped it; None if they do not stop the world."""


class Dumped(Struct, frozen=True, kw_only=True):
    """One dump that was taken, or begun."""

    container: str
    time_ms: int
    took_ms: int
    failed: bool = False
    """No answer came: it may hang, and is never asked again."""


def refusal(
    at: TaskManagerNow,
    dumped: Sequence[Dumped],
    now_ms: int,
    *,
    allowed: bool,
    in_flight: bool,
    checkpoint_near_timeout: bool | None,
) -> str:
    """Why no dump of this TaskManager may be taken now; "" if it may.

    `dumped` are the dumps of this cluster; `in_flight` tells that one is being taken now.
    """
    own = [d for d in dumped if d.container == at.container]
    recent = [d for d in own if now_ms - d.time_ms < DUMPS_PERIOD_MS]
    of_run = [d for d in recent if now_ms - d.time_ms <= (at.up_ms or 0)]
    reasons = (
        (not allowed, "thread dumps are forbidden by the setting thread_dumps"),
        (in_flight, "another thread dump of this cluster is being taken"),
        (any(d.failed for d in own), "an earlier thread dump of it did not come back"),
        (any(d.took_ms > SLOW_MS for d in recent), "its last thread dump took more than 1 s"),
        (
            len(of_run) >= DUMPS_PER_TASKMANAGER or len(recent) >= DUMPS_FOR_ALL,
            f"it had {len(recent)} thread dumps in the last 10 min",
        ),
        (
            any(now_ms - d.time_ms < APART_MS for d in recent),
            "its last thread dump was less than 1 s ago",
        ),
        (at.threads is None, "it is not known how many threads it has"),
        ((at.threads or 0) > THREADS_MAX, f"it has {at.threads} threads, more than {THREADS_MAX}"),
        (at.heartbeat_age_ms is None, "it is not known when it was last heard of"),
        ((at.heartbeat_age_ms or 0) > HEARTBEAT_AGE_MAX_MS, "it has been silent for over 12 s"),
        ((at.gc_share or 0) >= GC_SHARE_MAX, "it spends much of its time collecting garbage"),
        (at.up_ms is None or at.up_ms < UP_MIN_MS, "its tasks have run for less than 60 s"),
        (checkpoint_near_timeout is None, "it is not known how long a checkpoint has run"),
        (checkpoint_near_timeout is True, "a checkpoint has run for half of its time-out"),
    )
    return next((reason for holds, reason in reasons if holds), "")


class ThreadDumps:
    """Takes the dumps of one cluster; remembers them to keep the limits."""

    def __init__(self, get: Get, clock: Clock, *, allowed: bool) -> None:
        self._get = get
        self._clock = clock
        self._allowed = allowed
        self._dumped: deque[Dumped] = deque(maxlen=REMEMBERED_MAX)
        self._in_flight = False
        self.refused = ""
        """Why the last call ended before its dumps were complete; "" if it did not."""

    async def take(
        self, facts: JobFacts, taskmanagers: Sequence[TaskManagerNow]
    ) -> tuple[list[ThreadSample], list[Action]]:
        """Up to 4 dumps of up to 2 TaskManagers: the threads of this run, and what was done.

        Takes some seconds. Whatever the cluster does is told by the actions and `refused`.
        """
        samples: list[ThreadSample] = []
        actions: list[Action] = []
        self.refused = ""
        deadline_ms = self._clock.now_ms() + BUDGET_MS
        for series in range(DUMPS_PER_TASKMANAGER):
            if series:
                await self._clock.sleep(APART_S)
            for at in taskmanagers[:TASKMANAGERS]:
                self.refused = await self._why_not(facts, at, deadline_ms)
                if self.refused:
                    return samples, actions
                found, action = await self._dump(facts, at.container)
                samples += found
                actions.append(action)
                if self._dumped[-1].failed or action.took_ms > SLOW_MS:
                    self.refused = f"the last thread dump: {action.result}"
                    return samples, actions
        return samples, actions

    async def _why_not(self, facts: JobFacts, at: TaskManagerNow, deadline_ms: int) -> str:
        """The refusal; checkpoints are asked for only where nothing else refuses."""
        why = self._refusal(at, checkpoint_near_timeout=False)
        if why or self._clock.now_ms() >= deadline_ms:
            return why or "the series took too long"
        return self._refusal(at, checkpoint_near_timeout=await self._checkpoint_near_timeout(facts))

    def _refusal(self, at: TaskManagerNow, *, checkpoint_near_timeout: bool | None) -> str:
        return refusal(
            at,
            self._dumped,
            self._clock.now_ms(),
            allowed=self._allowed,
            in_flight=self._in_flight,
            checkpoint_near_timeout=checkpoint_near_timeout,
        )

    async def _checkpoint_near_timeout(self, facts: JobFacts) -> bool | None:
        """Whether a checkpoint has run for half of its time-out: a pause could make it expire.

        Under backpressure one is nearly always in flight, and that is when dumps are needed; one
        that has just begun can bear a pause of a fraction of a second.
        """
        if facts.checkpoints is None:
            return False
        try:
            answer = await self._get.get(f"/jobs/{facts.job}/checkpoints")
            open_ones = [c for c in answer["history"] if c["status"] == "IN_PROGRESS"]
            begun_ms = min((int(c["trigger_timestamp"]) for c in open_ones), default=None)
        except Exception:
            # Whatever failed: what is not known is taken for danger.
            return None
        if begun_ms is None:
            return False
        return self._clock.now_ms() - begun_ms > facts.checkpoints.timeout_ms / 2

    async def _dump(self, facts: JobFacts, container: str) -> tuple[list[ThreadSample], Action]:
        began_ms = self._clock.now_ms()
        self._in_flight = True
        samples: list[ThreadSample] = []
        failed = False
        try:
            path = f"/taskmanagers/{container}/thread-dump"
            answer = await asyncio.wait_for(self._get.get(path), HANGS_S)
            samples, threads = samples_of(answer, container, began_ms, facts)
            result = f"{threads} threads, {len(samples)} of them run tasks"
        except TimeoutError:
            failed, result = True, f"no answer in {HANGS_S:g} s"
        except Exception as error:
            failed, result = True, str(error) or type(error).__name__
        finally:
            self._in_flight = False
        took_ms = self._clock.now_ms() - began_ms
        self._dumped.append(
            Dumped(container=container, time_ms=began_ms, took_ms=took_ms, failed=failed)
        )
        action = Action(
            time_ms=began_ms,
            what="thread dump",
            container=container,
            took_ms=took_ms,
            result=result,
        )
        return samples, action
