"""What applications of YARN send before they have been found there waits for that."""

import math
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
    cluster: str
    arrival: Any
    size: int


class Strangers:
    """In front of a desk: passes on what is of its clusters. What is dropped is counted there."""

    def __init__(self, desk: Desk) -> None:
        self.dropped: Counter[str] = desk.dropped
        self._desk = desk
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0

    @property
    def kafka_says(self) -> str:
        return self._desk.kafka_says

    @kafka_says.setter
    def kafka_says(self, says: str) -> None:
        self._desk.kafka_says = says

    def names(self) -> frozenset[str]:
        """The clusters of which something waits."""
        return frozenset(waiting.cluster for waiting in self._waiting.copy())

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
                self._waiting.append(Waiting(now_ms, cluster, arrival, size))
                self._bytes += size
        return []

    def waiting(self) -> dict[str, int]:
        """By cluster, since when the oldest waits of what was read and cannot be used yet."""
        found = self._desk.waiting()
        for waiting in reversed(self._waiting):
            found[waiting.cluster] = min(waiting.since_ms, found.get(waiting.cluster, math.inf))
        return found

    def is_full(self) -> bool:
        """Whether what is taken in would soon be dropped before it is stored."""
        return self._desk.is_full()

    def _take(self, cluster: str) -> list[Any]:
        if cluster not in self.names():
            return []
        its = [waiting.arrival for waiting in self._waiting if waiting.cluster == cluster]
        self._keep(waiting for waiting in self._waiting if waiting.cluster != cluster)
        return its

    def _forget(self, now_ms: int) -> None:
        """Drop what has waited for too long."""
        while self._waiting and now_ms - self._waiting[0].since_ms > WAITS_MS:
            self._bytes -= self._waiting.popleft().size
            self.dropped["unknown application"] += 1

    def _keep(self, waiting: Iterable[Waiting]) -> None:
        self._waiting = deque(waiting)
        self._bytes = sum(waiting.size for waiting in self._waiting)
