"""The requests of one round: counted, and what fails is noted without ending the round."""

from typing import TypeVar

from drsquirrel.collect.flink_rest.answer import parsed
from drsquirrel.collect.flink_rest.client import Get
from drsquirrel.collect.flink_rest.error import (
    FlinkError,
    GoneError,
    TimedOutError,
    UnreachableError,
)

T = TypeVar("T")


class Asking:
    """Asks through `get`. Once the cluster is lost nothing more is asked in this round."""

    def __init__(self, get: Get) -> None:
        self._get = get
        self.requests = 0
        self.lost = False
        self.notes: list[str] = []

    async def must(self, path: str, shape: type[T]) -> T:
        """The answer; raises FlinkError."""
        self.requests += 1
        return parsed(await self._get.get(path), shape)

    async def ask(self, path: str, shape: type[T]) -> T | None:
        """The answer, None if there is none: what vanished since it was listed is no error."""
        if self.lost:
            return None
        try:
            return await self.must(path, shape)
        except GoneError:
            return None
        except (TimedOutError, UnreachableError) as error:
            self.lost = True
            self._note(error)
        except FlinkError as error:
            self._note(error)
        return None

    def _note(self, error: FlinkError) -> None:
        if str(error) not in self.notes:
            self.notes.append(str(error))
