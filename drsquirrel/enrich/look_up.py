"""The shape of every look-up: bounded, cached, with age and completeness of what it found."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Generic, Protocol, TypeVar

from msgspec import Struct, structs

from drsquirrel.model.clock import Clock

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


class Remembered(Generic[K, V]):
    """A look-up of one source by key: asked again once `fresh_ms` are over (where it failed,
    `retry_ms`), for at most `timeout_s`, at most `per_minute` times for all keys together, and once
    at a time for each. What cannot be asked anew keeps what was found before."""

    def __init__(
        self,
        ask: Callable[[K], Awaitable[V]],
        clock: Clock,
        *,
        fresh_ms: int,
        retry_ms: int,
        timeout_s: float,
        per_minute: int,
        limit: int,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._fresh_ms = fresh_ms
        self._retry_ms = retry_ms
        self._timeout_s = timeout_s
        self._per_minute = per_minute
        self._kept: Kept[K, V] = Kept(limit)
        self._asked_ms: deque[int] = deque()
        self._asking: dict[K, asyncio.Lock] = {}

    async def look_up(self, key: K) -> Found[V]:
        lock = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                kept, now_ms = self._kept.get(key), self._clock.now_ms()
                if kept is not None:
                    fresh_ms = self._fresh_ms if kept.complete else self._retry_ms
                    if now_ms - kept.asked_ms < fresh_ms:
                        return kept
                found = await self._asked(key, kept, now_ms)
                self._kept.put(key, found)
                return found
        finally:
            if not lock.locked():
                self._asking.pop(key, None)

    async def _asked(self, key: K, kept: Found[V] | None, now_ms: int) -> Found[V]:
        while self._asked_ms and self._asked_ms[0] <= now_ms - 60_000:
            self._asked_ms.popleft()
        if len(self._asked_ms) >= self._per_minute:
            says = f"It is asked at most {self._per_minute} times a minute, which are spent."
            return self._failed(kept, now_ms, says)
        self._asked_ms.append(now_ms)
        try:
            value = await asyncio.wait_for(self._ask(key), self._timeout_s)
        except TimeoutError:
            says = f"There was no answer about {key} within {self._timeout_s:g} s."
            return self._failed(kept, now_ms, says)
        except Exception as error:
            # Whatever the source's errors are called: str() is a sentence to show.
            return self._failed(kept, now_ms, str(error))
        return Found(value=value, taken_ms=now_ms, asked_ms=now_ms, complete=True)

    def _failed(self, kept: Found[V] | None, now_ms: int, says: str) -> Found[V]:
        if kept is not None and kept.value is not None:
            return structs.replace(kept, asked_ms=now_ms, complete=False, says=says)
        return Found(value=None, taken_ms=now_ms, asked_ms=now_ms, complete=False, says=says)


async def look_up_all(look_up: LookUp[K, V], keys: Iterable[K], *, at_once: int) -> list[Found[V]]:
    """What is found of each, in their order; so many are looked up at a time."""
    room = asyncio.Semaphore(at_once)

    async def one(key: K) -> Found[V]:
        async with room:
            return await look_up.look_up(key)

    return list(await asyncio.gather(*map(one, keys)))
