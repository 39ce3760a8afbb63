"""Recordings for tests: what a cluster was told to answer, written down and played back."""

from pathlib import Path
from typing import Any

from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.recording import (
    Header,
    Recorder,
    Recording,
)
from drsquirrel.collect.replay import RecordedClock, RecordedGet

HEADER = Header(
    drsquirrel="0.1.0", cluster="c", flink_version="2.3.0", begun_ms=1_000_000, interval_ms=10_000
)


class Told:
    """A cluster that answers what it was told to."""

    def __init__(self, answers: dict[str, Any] | None = None) -> None:
        self.answers = answers or {}

    async def get(self, path: str) -> Any:
        answer = self.answers[path]
        if isinstance(answer, FlinkError):
            raise answer
        return answer


async def record(file: Path, rounds: list[dict[str, Any]]) -> None:
    """One round each 10 s: every path with its answer or error."""
    cluster, clock = Told(), RecordedClock(HEADER.begun_ms)
    with Recorder(cluster, file, HEADER, clock) as recorder:
        for answers in rounds:
            cluster.answers = answers
            for path in answers:
                try:
                    await recorder.get(path)
                except FlinkError as error:
                    assert error is answers[path]
            await clock.sleep(10)


async def replayed(recording: Recording, rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a cluster that is played back answers to the same questions."""
    clock = RecordedClock(recording.begins_ms)
    get = RecordedGet(recording, clock)
    heard: list[dict[str, Any]] = []
    for answers in rounds:
        heard.append({})
        for path in answers:
            try:
                heard[-1][path] = await get.get(path)
            except FlinkError as error:
                heard[-1][path] = error
        await clock.sleep(10)
    return heard


def plain(rounds: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Errors as what they say, so that rounds can be compared."""
    return [
        {p: (type(a), str(a)) if isinstance(a, FlinkError) else a for p, a in answers.items()}
        for answers in rounds
    ]
