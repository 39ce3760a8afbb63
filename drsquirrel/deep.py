"""The deep tier: what processes with the plugin send, made ready for the desk.

A message names a job by Flink's JobID; which start of it is meant is known from elsewhere. Where a
process sends its own metrics, what REST read of the same metrics is older, and left out. Of
failures REST knows more (the task, its container, what failed with it): they wait for it, and are
told where it does not tell them.
"""

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from drsquirrel.model.event import (
    CheckpointEvent,
    ConfigEvent,
    ContainerEvent,
    Event,
    FailureEvent,
    LogEvent,
    Message,
    MetricReport,
    Table,
    encoder,
)
from drsquirrel.model.metric import BY_NAME
from drsquirrel.model.throwable import cut
from drsquirrel.model.twin import Twins
from drsquirrel.watch.limit import LIMITS

FRESH_MS = 30_000
"""Who reports every 10 s and was not heard of for so long does not report any more."""
WAITS_MS = 60_000
WAITING_MAX = 10_000
WAITING_BYTES = 64 << 20
"""Messages about runs that nobody has listed yet: for so long, and so many of a cluster. Metrics
leave half of the room to what tells why a run did not begin well."""
PROCESSES_MAX = 10_000
"""Of one cluster that are known to report; of more, those heard of longest ago are forgotten."""
LATE_MS = 120_000
"""What was read so long after it came, as after a stop of ours, does not tell of now."""
EARLY_MS = 5_000
"""A message may be so much older than the start of its run: two clocks differ."""
Arrival = tuple[int, Event]
UNTOLD_MS = 25_000
"""REST, which is asked every 10 s, has told of a failure by then."""
REMEMBERED = 1_000
FURTHEST_MS = 24 * 3_600_000
"""A checkpoint that is told of now was not triggered before that."""
LINE_TEXTS = ("message", "throwable", "logger", "thread", "task", "host")
NUMBER_BYTES, PLACE_BYTES, MESSAGE_BYTES = 40, 250, 1_000
"""In memory, about."""


def usable(arrivals: Iterable[tuple[int, Message]], now_ms: int) -> list[tuple[int, Message]]:
    """What may be taken in: nothing that comes from the future."""
    return [(max(0, min(arrival_ms, now_ms)), message) for arrival_ms, message in arrivals]


def moment(arrival_ms: int, event: Event) -> int:
    """When it was, as `fold` has it: as told, or where that is far from its arrival, then. Only a
    checkpoint is told of when it is over."""
    late_ms = arrival_ms - event.time_ms
    longest_ms = FURTHEST_MS if isinstance(event, CheckpointEvent) else LIMITS.skew_ms
    return event.time_ms if -LIMITS.skew_ms <= late_ms <= longest_ms else arrival_ms


def as_folded(arrival_ms: int, event: Event) -> Event:
    """The event with the time under which it is folded; a line no longer than the plugin's."""
    time_ms = moment(arrival_ms, event)
    event = event if time_ms == event.time_ms else replace(event, time_ms=time_ms)
    if isinstance(event, LogEvent):
        told = {name: getattr(event, name) for name in LINE_TEXTS}
        if max(map(len, told.values())) > LIMITS.text_chars:
            event = replace(event, **{k: cut(text, LIMITS.text_chars) for k, text in told.items()})
    return event


def heard_alone(
    hear: Callable[[list[Any]], list[Event]], arrivals: Iterable[Any], dropped: Counter[str]
) -> list[Event]:
    """What is ready of these, heard one by one; what breaks who hears it is lost alone."""
    found: list[Event] = []
    for arrival in arrivals:
        try:
            found += hear([arrival])
        except Exception:
            dropped["it broke what takes it"] += 1
    return found


def size_of(event: Event) -> int:
    """About how many bytes it takes in memory."""
    size = MESSAGE_BYTES + len(encoder.encode(event))
    if isinstance(event, MetricReport):
        for table in event.tables:
            size += NUMBER_BYTES * len(table.numbers) + PLACE_BYTES * len(table.places)
    return size


class DeepTier:
    """Of one cluster. What it drops is counted in `dropped`, by reason."""

    def __init__(self, dropped: Counter[str]) -> None:
        self.dropped = dropped
        self._heard_ms: dict[str, int] = {}
        """When a report of a process came last, by our clock; the oldest first."""
        self.waits_ms = WAITS_MS
        self._waiting: deque[tuple[int, int, Event, int]] = deque()
        """Since when, its arrival, what is about a run that is not known yet, and its size."""
        self.waiting_jobs: Counter[str] = Counter()
        """Whom those are about that wait."""
        self._waiting_bytes = 0
        self._untold: deque[tuple[int, int, FailureEvent, int]] = deque()
        """Likewise, failures of which REST has not told yet."""
        self._untold_bytes = 0
        self._told: deque[FailureEvent] = deque(maxlen=REMEMBERED)
        """By REST."""

    def take(
        self,
        arrivals: Iterable[tuple[int, Message]],
        starts: Mapping[str, Collection[int]],
        now_ms: int,
        untold_ms: int = UNTOLD_MS,
    ) -> list[Arrival]:
        """What can be folded now, of these and of those that waited.

        `starts` tells by JobID when the known runs of it began; `untold_ms`, for how long failures
        wait for REST.
        """
        found: list[Arrival] = []
        for since_ms, arrival_ms, event, size in self._let_go(starts, now_ms):
            self._put(arrival_ms, event, starts, since_ms, now_ms, found, size)
        for arrival_ms, message in arrivals:
            self._hear(message, arrival_ms, now_ms)
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

    def _hear(self, message: Message, arrival_ms: int, now_ms: int) -> None:
        container = message.origin.container
        if isinstance(message, MetricReport):
            heard_ms = now_ms if now_ms - arrival_ms <= LATE_MS else arrival_ms
            self._heard_ms[container] = max(heard_ms, self._heard_ms.pop(container, heard_ms))
            if len(self._heard_ms) > PROCESSES_MAX:
                del self._heard_ms[next(iter(self._heard_ms))]
        elif isinstance(message, ContainerEvent) and message.what == "goodbye":
            self._heard_ms.pop(container, None)

    def _wait_for_rest(self, now_ms: int, arrival_ms: int, failure: FailureEvent) -> None:
        if len(self._untold) < WAITING_MAX and self._untold_bytes < WAITING_BYTES:
            size = size_of(failure)
            self._untold.append((now_ms, arrival_ms, failure, size))
            self._untold_bytes += size
        else:
            self.dropped["too many failures"] += 1

    def _not_told_by_rest(self, before_ms: int) -> list[tuple[int, FailureEvent]]:
        """Those that have waited since before then; what REST told of is dropped."""
        found: list[tuple[int, FailureEvent]] = []
        if not self._untold or self._untold[0][0] >= before_ms:
            return found
        told = Twins(self._told)
        while self._untold and self._untold[0][0] < before_ms:
            _, arrival_ms, failure, size = self._untold.popleft()
            self._untold_bytes -= size
            if failure in told:
                self.dropped["told by REST"] += 1
            else:
                found.append((arrival_ms, failure))
        return found

    def _let_go(
        self, starts: Mapping[str, Collection[int]], now_ms: int
    ) -> Iterable[tuple[int, int, Event, int]]:
        """Those that waited of which something may have changed: all where a run was listed, else
        those that have waited for too long."""
        is_listed = not self.waiting_jobs.keys().isdisjoint(starts)
        for _ in range(len(self._waiting)):
            if not is_listed and now_ms - self._waiting[0][0] <= self.waits_ms:
                return
            waited = self._waiting.popleft()
            _, _, event, size = waited
            self._waiting_bytes -= size
            self.waiting_jobs[event.job] -= 1
            if not self.waiting_jobs[event.job]:
                del self.waiting_jobs[event.job]
            yield waited

    def _put(
        self,
        arrival_ms: int,
        event: Event,
        starts: Mapping[str, Collection[int]],
        since_ms: int,
        now_ms: int,
        found: list[Arrival],
        size: int = 0,
    ) -> None:
        """`size` is that of an event that has waited already."""
        if not event.job:
            found.append((arrival_ms, event))
            return
        known = starts.get(event.job, ())
        time_ms = moment(arrival_ms, event) + EARLY_MS
        before = [ms for ms in known if ms <= time_ms]
        if before or len(known) == 1:  # with one run a clock that is off decides nothing
            found.append((arrival_ms, replace(event, start_ms=max(before or known))))
        elif now_ms - since_ms > self.waits_ms or not self._has_room(event):
            self.dropped["unknown run"] += 1
        else:
            size = size or size_of(event)
            self._waiting.append((since_ms, arrival_ms, event, size))
            self.waiting_jobs[event.job] += 1
            self._waiting_bytes += size

    def _has_room(self, event: Event) -> bool:
        share = 2 if isinstance(event, MetricReport) else 1
        return (
            len(self._waiting) < WAITING_MAX // share
            and self._waiting_bytes < WAITING_BYTES // share
        )


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
