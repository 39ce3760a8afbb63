"""The incidents of the hour that are over or go on again and again, and who failed first."""

from collections.abc import Iterable

from drsquirrel.diagnose.answer import ask, signature
from drsquirrel.diagnose.episode import is_rescale
from drsquirrel.diagnose.memory import SURE
from drsquirrel.diagnose.question import EPISODES_APART_MS, Causes, live_episode
from drsquirrel.model.case import Case, Episode
from drsquirrel.model.report import Culprit, Incident
from drsquirrel.rules.cause import Question
from drsquirrel.rules.wording import duration

SHOWN = 20
ENTRIES_LOST = "Earlier entries of Flink's history may be lost"


def incidents_of(case: Case, causes: Causes) -> list[Incident]:
    """The newest first. A rescale is none, and a loop of restarts is one."""
    told = [e for e in case.episodes if not is_rescale(e, case.now_ms)]
    rows = [r for r in _rows(told) if len(r) > 1 or r[0].ended_ms is not None]
    return [_incident(case, row, causes) for row in reversed(rows[-SHOWN:])]


def _rows(episodes: Iterable[Episode]) -> list[list[Episode]]:
    """The episodes, those that failed alike and soon after each other together."""
    rows: list[list[Episode]] = []
    for episode in episodes:
        before = rows[-1][-1] if rows else None
        soon = before and episode.began_ms - (before.ended_ms or 0) < EPISODES_APART_MS
        if before and soon and _like(before) == _like(episode) and signature(episode):
            rows[-1].append(episode)
        else:
            rows.append([episode])
    return rows


def _like(episode: Episode) -> tuple[str, bool]:
    return signature(episode), episode.restarted


def _incident(case: Case, row: list[Episode], causes: Causes) -> Incident:
    episode = row[-1]
    goes_on = len(row) > 1 and live_episode(case) is episode
    found = ask(Question.WHO_FAILED_FIRST, causes, case.about(episode=episode)).answer
    best = found if found and found.confidence in SURE else None
    return Incident(
        began_ms=row[0].began_ms,
        ended_ms=None if goes_on else episode.ended_ms,
        cause=best.code if best else None,
        title=best.title if best else _what_happened(episode),
        culprit=best.culprit if best else Culprit(),
        failures=len(row) if len(row) > 1 else len(episode.faults),
        note=ENTRIES_LOST if any(e.entries_lost is True for e in row) else "",
    )


def _what_happened(episode: Episode) -> str:
    first = episode.first
    if first is None and not episode.restarted:
        return f"It took {duration((episode.ended_ms or 0) - episode.began_ms)} to start"
    if first is None:
        return "It restarted when a TaskManager was lost"
    exception = first.exception.rpartition(".")[2] or "an exception without a class"
    return f"Restarted after {exception}" if episode.restarted else f"Did not start: {exception}"
