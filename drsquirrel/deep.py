"""The deep tier: what processes with the plugin send, made ready for the desk.

A message names a job by Flink's JobID; which start of it is meant is known from elsewhere. Where a
process sends its own metrics, what REST read of the same metrics is older, and left out. Of
failures REST knows more (the task, its container, what failed with it): they wait for it, and are
told where it does not tell them.
"""

from collections import Counter, deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from msgspec.structs import replace

from drsquirrel.model.event import (
    ConfigEvent,
    ContainerEvent,
    Event,
    FailureEvent,
    Message,
    MetricReport,
    Table,
)
from drsquirrel.model.metric import BY_NAME
from drsquirrel.model.signature import sign

FRESH_MS = 30_000
"""Who reports every 10 s and was not heard of for so long does not report any more."""
WAITS_MS = 60_000
WAITING_MAX = 10_000
"""Messages about runs that nobody has listed yet: for so long, and so many of a cluster."""
PROCESSES_MAX = 10_000
"""Of one cluster that are known to report; of more, those heard of longest ago are forgotten."""
EARLY_MS = 5_000
"""A message may be so much older than the start of its run: two clocks differ."""
Arrival = tuple[int, Event]
UNTOLD_MS = 25_000
"""REST, which is asked every 10 s, has told of a failure by then."""
TWIN_MS, ALIKE_TWIN_MS = 500, 2_000
"""So far apart are the times at which two tell of one failure; further where it looks the same."""
REMEMBERED = 1_000


class DeepTier:
    """Of one cluster. What it drops is counted in `dropped`, by reason."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.dropped = dropped
        self._heard_ms: dict[str, int] = {}
        """When a report of a process came last, by our clock; the oldest first."""
        self._waiting: deque[tuple[int, int, Event]] = deque()
        """Since when, its arrival, and what is about a run that is not known yet."""
        self._untold: deque[tuple[int, int, FailureEvent]] = deque()
        """Likewise, failures of which REST has not told yet."""
        self._told: deque[FailureEvent] = deque(maxlen=REMEMBERED)
        """By REST."""

    def take(
        self,
        arrivals: Iterable[tuple[int, Message]],
        starts: Mapping[str, Sequence[int]],
        now_ms: int,
        untold_ms: int = UNTOLD_MS,
    ) -> list[Arrival]:
        """What can be folded now, of these and of those that waited.

        `starts` tells by JobID when the known runs of it began; `untold_ms`, for how long failures
        wait for REST.
        """
        found: list[Arrival] = []
        for since_ms, arrival_ms, event in self._let_go():
            self._put(arrival_ms, event, starts, since_ms, now_ms, found)
        for arrival_ms, message in arrivals:
            self._hear(message, now_ms)
            if isinstance(message, FailureEvent):
                self._wait_for_rest(now_ms, arrival_ms, message)
            elif not isinstance(message, ContainerEvent | ConfigEvent):
                self._put(arrival_ms, message, starts, now_ms, now_ms, found)
        for arrival_ms, failure in self._not_told_by_rest(now_ms - untold_ms):
            self._put(arrival_ms, failure, starts, now_ms, now_ms, found)
        return found

    def note_told(self, events: Iterable[Event]) -> None:
        """Remember the failures of which REST tells."""
        self._told += [event for event in events if isinstance(event, FailureEvent)]

    def waiting_since_ms(self) -> int | None:
        """Since when the oldest waits of what is held back; None if nothing is."""
        # Both are in the order in which they began to wait.
        oldest = [held[0][0] for held in (self._waiting, self._untold) if held]
        return min(oldest, default=None)

    def reporting(self, now_ms: int) -> dict[str, int]:
        """The processes that send their metrics themselves, and when each was heard last."""
        return {c: ms for c, ms in self._heard_ms.items() if now_ms - ms <= FRESH_MS}

    def _hear(self, message: Message, now_ms: int) -> None:
        container = message.origin.container
        if isinstance(message, MetricReport):
            self._heard_ms.pop(container, None)
            self._heard_ms[container] = now_ms
            if len(self._heard_ms) > PROCESSES_MAX:
                del self._heard_ms[next(iter(self._heard_ms))]
        elif isinstance(message, ContainerEvent) and message.what == "goodbye":
            self._heard_ms.pop(container, None)

    def _wait_for_rest(self, now_ms: int, arrival_ms: int, failure: FailureEvent) -> None:
        if len(self._untold) < WAITING_MAX:
            self._untold.append((now_ms, arrival_ms, failure))
        else:
            self.dropped["too many failures"] += 1

    def _not_told_by_rest(self, before_ms: int) -> list[tuple[int, FailureEvent]]:
        """Those that have waited since before then; what REST told of is dropped."""
        found = []
        while self._untold and self._untold[0][0] < before_ms:
            _, arrival_ms, failure = self._untold.popleft()
            if any(_is_twin(failure, told) for told in self._told):
                self.dropped["told by REST"] += 1
            else:
                found.append((arrival_ms, failure))
        return found

    def _let_go(self) -> list[tuple[int, int, Event]]:
        waited = [*self._waiting]
        self._waiting.clear()
        return waited

    def _put(
        self,
        arrival_ms: int,
        event: Event,
        starts: Mapping[str, Sequence[int]],
        since_ms: int,
        now_ms: int,
        found: list[Arrival],
    ) -> None:
        if not event.job or event.start_ms:
            found.append((arrival_ms, event))
            return
        known = starts.get(event.job, ())
        before = [ms for ms in known if ms <= event.time_ms + EARLY_MS]
        if before or len(known) == 1:  # with one run a clock that is off decides nothing
            found.append((arrival_ms, replace(event, start_ms=max(before or known))))
        elif now_ms - since_ms > WAITS_MS or len(self._waiting) >= WAITING_MAX:
            self.dropped["unknown run"] += 1
        else:
            self._waiting.append((since_ms, arrival_ms, event))


def _is_twin(failure: FailureEvent, told: FailureEvent) -> bool:
    """Whether it is the failure of which REST tells. Of a long trace each may keep another part."""
    apart_ms = abs(failure.time_ms - told.time_ms)
    if failure.job != told.job or apart_ms > ALIKE_TWIN_MS:
        return False
    return apart_ms <= TWIN_MS or sign(failure.throwable) == told.signature


def left_to_rest(events: Iterable[Event], reporting: Collection[str]) -> list[Event]:
    """What REST brought, without the metrics that processes send themselves.

    What Flink has no metric for (states, heartbeats) comes over REST alone.
    """
    return [
        replace(event, tables=tuple(_ours(table) for table in event.tables))
        if isinstance(event, MetricReport) and event.origin.container in reporting
        else event
        for event in events
    ]


def _ours(table: Table) -> Table:
    """The columns under names of ours."""
    kept = [n for n, name in enumerate(table.names) if name in BY_NAME]
    width = len(table.names)
    return Table(
        names=tuple(table.names[n] for n in kept),
        places=table.places,
        numbers=tuple(
            table.numbers[row * width + n] for row in range(len(table.places)) for n in kept
        ),
    )
