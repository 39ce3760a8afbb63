"""A NullPointerException in the job's own code."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.rules import failure
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    decisive,
    impossible,
    opposes,
    strong,
    supports,
)
from drsquirrel.rules.failure import Throwing


@dataclass(frozen=True)
class UserCodeNpe(Throwing):
    """The job's own code uses a value that is null.

    What is wrong: a field, a key or an answer that the code takes for granted is missing.
    How it shows: the first entry of the exception history is a NullPointerException whose first own
    frame is in the job's code.
    How to fix: check the value before it is used, or filter records without it at the source.
    What does not help: more restart attempts: the same record is read again.
    """

    topic = "a null value in the job's own code"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        fault = failure.direct_of(case)
        if fault is None:
            yield impossible("no exception of a task came first")
            return
        if not failure.is_null(fault) or failure.is_decoding(fault):
            yield impossible("what was thrown is no such exception", failure.thrown(fault))
            return
        if not failure.is_own_code(fault):
            yield impossible("it was not thrown in the job's own code")
            return
        text = f"a value was null in {quoted(failure.method(fault))}"
        yield supports("exception", decisive, text, fault.message)
        yield from failure.names_task(case, fault)
        if failure.same_record(case):
            text = "it fails each time at the same point: one record rather than all"
            yield opposes("repeats", strong, text, failure.failures(case))

    def certain(self, case: Case) -> bool:
        return failure.is_placed(case, failure.fault_of(case)) and not failure.same_record(case)

    def title(self, case: Case) -> str:
        fault = failure.fault_of(case)
        at = quoted(failure.method(fault))
        return f"The code of {failure.task(case, fault)} uses a value that is null, in {at}"

    def advise(self, case: Case) -> Iterator[Advice]:
        fault = failure.fault_of(case)
        said = f"It says: {quoted(fault.message)}." if fault.message else ""
        yield Advice(
            title=f"Check for null in {quoted(failure.method(fault))}",
            because=f"It failed {failure.failures(case)}. {said}".strip(),
        )
        yield Advice(title="Filter records without that value, or put them in a side output")

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("more restart attempts",)
