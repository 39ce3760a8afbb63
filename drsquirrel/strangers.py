"""What applications of YARN send before they have been found there waits for that."""

from collections import Counter, deque
from collections.abc import Iterable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from drsquirrel.deep import WAITS_MS, heard_alone
from drsquirrel.desk import Desk
from drsquirrel.model.event import Event

WAITING_BYTES = 8 << 20
"""Beyond, what comes is dropped. In memory it is some ten times as much."""
NAMES_MAX = 10_000
FORGOTTEN_MS = 600_000
"""Where there are so many, who has sent nothing for so long makes room."""
_encode = msgspec.json.Encoder().encode


class Waiting(NamedTuple):
    """What was read of a cluster that nobody watches, and its size."""

    since_ms: int
    arrival: Any
    size: int


class Strangers:
    """In front of a desk: passes on what is of its clusters. What is dropped is counted there."""

    def __init__(self, desk: Desk) -> None:
        self.dropped: Counter[str] = desk.dropped
        self._desk = desk
        self._waiting: dict[str, deque[Waiting]] = {}
        self._bytes = 0
        self._heard_ms: dict[str, tuple[int, int]] = {}
        """When each was first heard of, and last."""
        self._began_ms: int | None = None
        self._now_ms = 0

    @property
    def kafka_says(self) -> str:
        return self._desk.kafka_says

    @kafka_says.setter
    def kafka_says(self, says: str) -> None:
        self._desk.kafka_says = says

    def names(self) -> frozenset[str]:
        """The clusters of which something waits. Any thread may ask."""
        return frozenset(self._waiting.copy())

    def hear(self, cluster: str, arrivals: Iterable[Any], now_ms: int) -> list[Event]:
        """Take in what was read of a cluster; returns the events that are ready to be stored."""
        self._began_ms = self._began_ms or now_ms
        self._now_ms = now_ms
        self._forget(now_ms)
        if cluster in self._desk.clusters:
            early = self._early(cluster, now_ms)
            return early + self._desk.hear(cluster, arrivals, now_ms)
        first_ms, _ = self._heard_ms.get(cluster, (now_ms, now_ms))
        is_known = cluster in self._heard_ms or len(self._heard_ms) < NAMES_MAX
        if is_known:
            self._heard_ms[cluster] = first_ms, now_ms
        for arrival in arrivals:
            size = len(_encode(arrival))
            if not is_known or now_ms - first_ms > WAITS_MS or self._bytes + size > WAITING_BYTES:
                self.dropped["unknown application"] += 1
            else:
                waiting = self._waiting.setdefault(cluster, deque())
                waiting.append(Waiting(now_ms, arrival, size))
                self._bytes += size
        return []

    def waiting(self) -> dict[str, int]:
        """By cluster, since when the oldest waits of what was read and cannot be used yet."""
        return self._desk.waiting() | {c: its[0].since_ms for c, its in self._waiting.items()}

    def is_full(self) -> bool:
        """Whether what is taken in would soon be dropped before it is stored; at first, when no
        application has been found yet, before it is found."""
        is_first = self._now_ms - (self._began_ms or self._now_ms) <= WAITS_MS
        return self._desk.is_full() or (is_first and self._bytes > WAITING_BYTES // 2)

    def _early(self, cluster: str, now_ms: int) -> list[Event]:
        """What waited of a cluster, heard now; what breaks the desk is lost alone."""
        its = self._waiting.pop(cluster, ())
        self._bytes -= sum(waiting.size for waiting in its)
        self._heard_ms.pop(cluster, None)
        hear = partial(self._desk.hear, cluster, now_ms=now_ms)
        return heard_alone(hear, (waiting.arrival for waiting in its), self.dropped)

    def _forget(self, now_ms: int) -> None:
        """Drop what has waited for too long, and where there are many names those long silent."""
        for cluster, its in [*self._waiting.items()]:
            while its and now_ms - its[0].since_ms > WAITS_MS:
                self._bytes -= its.popleft().size
                self.dropped["unknown application"] += 1
            if not its:
                del self._waiting[cluster]
        if len(self._heard_ms) == NAMES_MAX:
            recent = {c: ms for c, ms in self._heard_ms.items() if now_ms - ms[1] <= FORGOTTEN_MS}
            self._heard_ms = recent
