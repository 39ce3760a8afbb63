"""A checkpoint time-out below what a healthy checkpoint of this job takes."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import Culprit
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import expiry
from drsquirrel.rules.cause import (
    Advice,
    Cause,
    Evidence,
    Question,
    decisive,
    impossible,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import duration, option_time, percent, plural

DEFAULT_MS = 600_000
"""Flink's own time-out; a shorter one was chosen by someone."""


@dataclass(frozen=True)
class CheckpointTimeoutTooShort(Cause):
    """The checkpoint time-out is shorter than a healthy checkpoint of this job takes.

    What is wrong: writing the state takes a time of its own, and the time-out was set below it or
    close to it.
    How it shows: checkpoints expire though no vertex limits the job; those that complete use most
    of the time-out, for writing and not for waiting.
    How to fix: set the time-out to twice what the longest checkpoint took, or keep less state.
    What does not help: unaligned checkpoints, more parallelism, more memory.
    """

    topic = "a checkpoint time-out that is too short"
    answers = Question.WHY_DO_CHECKPOINTS_FAIL
    explains = (
        "checkpoint-failing",
        "checkpoint-missing",
        "checkpoint-slow",
        "restart-rate-high",
        "restart-loop",
        "job-not-running",
    )
    prior = -1.0

    close_share: float = threshold(
        0.5, unit="of the time-out", help="Longest completed: close from here."
    )
    short_s: float = threshold(60, unit="s", help="A time-out up to this is short.")
    writing_share: float = threshold(
        0.5, unit="of its parts", help="Writing: most of it from here."
    )

    def weigh(self, case: Case) -> Iterator[Evidence]:
        failed, settings = expiry.failed_now(case), expiry.settings_of(case)
        if isinstance(failed, Unknown) or settings is None:
            yield undecided("expired", "checkpoints expire?", "nothing is known of checkpoints")
            return
        expired = expiry.expired(failed)
        if not expired:
            yield impossible("no checkpoint expired", plural(len(failed), "failure"))
            return
        shown = f"{len(expired)} of {plural(len(failed), 'failure')}"
        yield supports("expired", weak, "checkpoints expired before they completed", shown)
        if isinstance(case.bottlenecks, Unknown):
            yield undecided("pressure", "a vertex limits the job?", case.bottlenecks.reason)
        elif case.bottlenecks:
            yield opposes("pressure", decisive, "a vertex limits the job, and barriers wait for it")
        else:
            yield supports("pressure", strong, "nothing holds records up")
        longest_ms = expiry.longest_completed_ms(case)
        if longest_ms is None:
            yield undecided("duration", "how long a whole checkpoint takes", "none completed")
        else:
            close = longest_ms >= self.close_share * settings.timeout_ms
            shown = f"{duration(longest_ms)} of {duration(settings.timeout_ms)}"
            if close:
                yield supports("duration", strong, "completed ones use most of the time-out", shown)
            else:
                yield opposes("duration", strong, "completed ones are far from the time-out", shown)
        share = expiry.waiting_share(case)
        if not isinstance(share, Unknown):
            if 1 - share >= self.writing_share:
                yield supports("part", weak, "writing state took most of it", percent(1 - share))
            else:
                yield opposes("part", strong, "barriers took most of it", percent(share))
        if settings.timeout_ms <= self.short_s * 1000:
            shown = duration(settings.timeout_ms)
            yield supports("setting", weak, "the time-out was set far below Flink's 10 min", shown)

    def title(self, case: Case) -> str:
        settings = expiry.settings_of(case)
        of = f" of {duration(settings.timeout_ms)}" if settings else ""
        return f"The checkpoint time-out{of} is shorter than this job's checkpoints take"

    def culprit(self, case: Case) -> Culprit:
        return Culprit()

    def advise(self, case: Case) -> Iterator[Advice]:
        settings, longest_ms = expiry.settings_of(case), expiry.longest_completed_ms(case)
        now = option_time(settings.timeout_ms) if settings else None
        to_ms = DEFAULT_MS if longest_ms is None else max(DEFAULT_MS, 2 * longest_ms)
        yield Advice(
            title="Give checkpoints more time",
            key="execution.checkpointing.timeout",
            now=now,
            to=option_time(to_ms),
            because=f"The longest that completed took {duration(longest_ms)}."
            if longest_ms
            else "Flink's default leaves room to see how long one takes.",
            expect="checkpoints complete",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "unaligned checkpoints", "more parallelism", "more memory"

    def if_nothing_is_done(self, case: Case) -> str:
        return expiry.what_follows(case)
