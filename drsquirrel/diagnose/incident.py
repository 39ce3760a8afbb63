"""The incidents of the hour that are over, each with who failed first."""

from drsquirrel.diagnose.answer import ask
from drsquirrel.diagnose.episode import is_rescale
from drsquirrel.diagnose.memory import SURE
from drsquirrel.diagnose.question import Causes
from drsquirrel.model.case import Case, Episode
from drsquirrel.model.report import Culprit, Incident
from drsquirrel.rules.cause import Question
from drsquirrel.rules.wording import duration

SHOWN = 20
ENTRIES_LOST = "Earlier entries of Flink's history may be lost"


def incidents_of(case: Case, causes: Causes) -> list[Incident]:
    """The newest first. A rescale is none."""
    over = [e for e in case.episodes if e.ended_ms is not None]
    told = [e for e in over if not is_rescale(e, case.now_ms)]
    return [_incident(case, episode, causes) for episode in reversed(told[-SHOWN:])]


def _incident(case: Case, episode: Episode, causes: Causes) -> Incident:
    found = ask(Question.WHO_FAILED_FIRST, causes, case.about(episode=episode)).answer
    best = found if found and found.confidence in SURE else None
    return Incident(
        began_ms=episode.began_ms,
        ended_ms=episode.ended_ms,
        cause=best.code if best else None,
        title=best.title if best else _what_happened(episode),
        culprit=best.culprit if best else Culprit(),
        failures=len(episode.faults),
        note=ENTRIES_LOST if episode.entries_lost is True else "",
    )


def _what_happened(episode: Episode) -> str:
    first = episode.first
    if first is None and not episode.restarted:
        return f"It took {duration((episode.ended_ms or 0) - episode.began_ms)} to start"
    if first is None:
        return "It restarted when a TaskManager was lost"
    exception = first.exception.rpartition(".")[2] or "an exception without a class"
    return f"Restarted after {exception}" if episode.restarted else f"Did not start: {exception}"
