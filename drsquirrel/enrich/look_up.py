"""The shape of every look-up: bounded, cached, with age and completeness of what it found."""

from collections import OrderedDict
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct

K_contra = TypeVar("K_contra", contravariant=True)
K = TypeVar("K")
V = TypeVar("V")


class Get(Protocol):
    """Where answers come from; raises an Exception whose str() is a sentence."""

    async def get(self, path: str) -> Any:
        """The decoded JSON under this path."""
        ...


class Found(Struct, Generic[V], frozen=True, kw_only=True):
    """What a look-up found. `says` is a sentence where something is missing, else empty."""

    value: V | None
    taken_ms: int
    """When the value was found; None was found when it was asked."""
    asked_ms: int
    """When the source was asked last; where it failed since, the value is the one from before."""
    complete: bool
    says: str = ""

    def age_ms(self, now_ms: int) -> int:
        return max(0, now_ms - self.taken_ms)


class LookUp(Protocol[K_contra, V]):
    """One source of facts. Does not raise for what the source does, and asks it rarely."""

    async def look_up(self, subject: K_contra) -> Found[V]:
        """What is known of the subject now, from memory if that is fresh enough."""
        ...


class Kept(Generic[K, V]):
    """The latest of at most `limit` subjects; who was longest not looked up makes room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._found: OrderedDict[K, Found[V]] = OrderedDict()

    def get(self, key: K) -> Found[V] | None:
        if key in self._found:
            self._found.move_to_end(key)
        return self._found.get(key)

    def put(self, key: K, found: Found[V]) -> None:
        self._found[key] = found
        self._found.move_to_end(key)
        while len(self._found) > self._limit:
            self._found.popitem(last=False)
