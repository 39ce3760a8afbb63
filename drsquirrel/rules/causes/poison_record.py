"""One record that fails each time it is read again."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import failure
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    for_or_against,
    impossible,
    opposes,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.failure import Throwing


@dataclass(frozen=True)
class PoisonRecord(Throwing):
    """One record makes the job fail each time it is read again.

    What is wrong: a record can be parsed but not processed. After each restart the job reads it
    again from the last checkpoint and fails at the same point, so it never gets past it.
    How it shows: several failures in a row with the same exception in the same subtask, after
    running about as long each time.
    How to fix: put such records aside in the code that fails, or skip this one.
    What does not help: more restart attempts, going back to the same checkpoint.
    """

    topic = "one record that fails each time"
    prior = -1.0

    def weigh(self, case: Case) -> Iterator[Evidence]:
        fault = failure.direct_of(case)
        if fault is None or not failure.is_own_code(fault):
            yield impossible("no exception of the job's own code came first")
            return
        if failure.is_decoding(fault):
            yield impossible("the record cannot even be parsed")
            return
        times = len(failure.row(case))
        if times < 2:
            yield undecided("repeats", "whether it fails again at the same point", "failed once")
            return
        strength = strong if times > 2 else weak
        text = "the same exception came again after each restart"
        yield supports("repeats", strength, text, failure.failures(case))
        yield from for_or_against(
            "subtask",
            failure.same_subtask(case),
            weak,
            yes="it is the same subtask each time",
            no="it is not the same subtask each time",
            against=strong,
        )
        yield from for_or_against(
            "progress",
            failure.same_progress(case),
            strong,
            value=failure.progress(case),
            yes="it ran about as long before each failure",
            no="it ran for different times before the failures",
        )
        if not failure.same_message(case):
            yield opposes("message", strong, "the messages name different things")
        elif any(c.isdigit() for c in fault.message):
            yield supports("message", strong, "the message is the same to the digit", fault.message)
        yield from self._checkpoints(case)

    def _checkpoints(self, case: Case) -> Iterator[Evidence]:
        began_ms = failure.row(case)[0].began_ms
        if isinstance(case.checkpoints, Unknown):
            return
        since = [c for c in case.checkpoints.completed if (c.ended_ms or c.time_ms) > began_ms]
        if not since:
            yield supports("checkpoint", weak, "no checkpoint has completed since it first failed")

    def title(self, case: Case) -> str:
        fault = failure.fault_of(case)
        at, what = failure.task(case, fault), quoted(failure.thrown(fault))
        return f"One record makes {at} fail with {what} each time it is read again"

    def advise(self, case: Case) -> Iterator[Advice]:
        fault = failure.fault_of(case)
        said = f" It says: {quoted(fault.message)}." if fault.message else ""
        yield Advice(
            title=f"Put such a record aside in {quoted(failure.method(fault))}, in a side output",
            because=f"It failed {failure.failures(case)}, at the same point.{said}",
            expect="the job gets past the record at its next restart",
        )
        found = failure.offset(fault)
        if found:
            title = f"Or skip it: partition {found[0]}, offset {found[1]}"
            yield Advice(title=title, because="The message names the record.")
        else:
            yield Advice(
                title="Log partition and offset of the record where it fails, to find or skip it",
                kind="measure",
                because="Flink's REST API does not tell which record it is.",
            )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more restart attempts", "going back to the same checkpoint"

    def if_nothing_is_done(self, case: Case) -> str:
        return "The job makes no progress: it fails again each time it reads that record."
