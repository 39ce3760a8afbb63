"""Plays a recording back: the answers and errors that came, at the times at which they came."""

import asyncio
from itertools import count
from typing import Any

import msgspec

from drsquirrel.collect.flink_rest import error as errors
from drsquirrel.collect.flink_rest.error import BadAnswerError, FlinkError, StatusError
from drsquirrel.collect.recording import Asked, Recording, answer_of

SETTLE_TURNS = 20
"""Turns of the event loop in which everybody who can run has come to his next sleep."""


class NotRecordedError(FlinkError):
    """The recording has no answer to this path at this time."""


class RecordedClock:
    """Virtual time: passes when somebody sleeps, and when an answer of a later time is given."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, int]] = []
        self._order = count()

    def now_ms(self) -> int:
        return self._now_ms

    async def sleep(self, seconds: float) -> None:
        """Return soon, the earliest sleeper first, at the virtual time at which the sleep ends."""
        wakes_ms = self._now_ms + round(seconds * 1000)
        sleeper = (wakes_ms, next(self._order))
        self._sleepers.append(sleeper)
        try:
            turns = 0
            while turns < SETTLE_TURNS:
                await asyncio.sleep(0)
                turns = turns + 1 if sleeper == min(self._sleepers) else 0
            self.reach(wakes_ms)
        finally:
            self._sleepers.remove(sleeper)

    def reach(self, time_ms: int) -> None:
        """It is this time, or already later."""
        self._now_ms = max(self._now_ms, time_ms)


class RecordedGet:
    """Answers as the cluster did.

    A path that is asked again gets its next answer as soon as that is due, else the one it had.
    Due is what was recorded up to now, or half an interval later. The time at which the answer came
    then is now: whoever asks in the order and the rhythm of the recorder gets the same answers at
    the same times.
    """

    def __init__(self, recording: Recording, clock: RecordedClock) -> None:
        self._recording = recording
        self._clock = clock
        self._given: dict[str, int] = {}

    async def get(self, path: str) -> Any:
        """The decoded answer; raises FlinkError as recorded, or NotRecordedError."""
        asked = self._next(path)
        self._clock.reach(asked.t + asked.took)
        if asked.error:
            raise _recorded_error(asked)
        try:
            return msgspec.json.decode(answer_of(asked))
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BadAnswerError(f"The recording's answer to {path} is broken.") from None

    def _next(self, path: str) -> Asked:
        told = self._recording.asked.get(path)
        if not told:
            raise NotRecordedError(f"The recording has no answer to {path}: it was never asked.")
        now_ms, interval_ms = self._clock.now_ms(), self._recording.header.interval_ms
        given = self._given.get(path, -1)
        following = given + 1
        while following + 1 < len(told) and told[following + 1].t <= now_ms:
            following += 1
        slack_ms = interval_ms // 2 if given >= 0 else interval_ms
        if following < len(told) and told[following].t <= now_ms + slack_ms:
            given = self._given[path] = following
        if given < 0:
            later_s = (told[0].t - now_ms) / 1000
            raise NotRecordedError(
                f"The recording has no answer to {path} yet: it was first asked {later_s:.0f} s "
                "later."
            )
        return told[given]


def _recorded_error(asked: Asked) -> FlinkError:
    kind = getattr(errors, asked.kind, FlinkError)
    if not (isinstance(kind, type) and issubclass(kind, FlinkError)):
        kind = FlinkError
    if issubclass(kind, StatusError):
        return kind(asked.error, asked.status)
    return kind(asked.error)
