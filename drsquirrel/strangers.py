"""What applications of YARN send before they have been found there waits for that."""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from drsquirrel.deep import WAITS_MS
from drsquirrel.desk import Desk
from drsquirrel.model.event import Event

WAITING_BYTES = 32 << 20
"""Beyond, what comes is dropped."""
_encode = msgspec.msgpack.Encoder().encode


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
        self._forget(now_ms)
        if cluster in self._desk.clusters:
            return self._desk.hear(cluster, [*self._take(cluster), *arrivals], now_ms)
        for arrival in arrivals:
            size = len(_encode(arrival))
            if self._bytes + size > WAITING_BYTES:
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
        """Whether what is taken in would soon be dropped before it is stored."""
        return self._desk.is_full()

    def _take(self, cluster: str) -> list[Any]:
        its = self._waiting.pop(cluster, ())
        self._bytes -= sum(waiting.size for waiting in its)
        return [waiting.arrival for waiting in its]

    def _forget(self, now_ms: int) -> None:
        """Drop what has waited for too long."""
        for cluster, its in [*self._waiting.items()]:
            while its and now_ms - its[0].since_ms > WAITS_MS:
                self._bytes -= its.popleft().size
                self.dropped["unknown application"] += 1
            if not its:
                del self._waiting[cluster]
