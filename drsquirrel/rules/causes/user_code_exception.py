"""The job's own code throws."""

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
class UserCodeException(Throwing):
    """The job's own code threw an exception, and everything else followed.

    What is wrong: a function of the job does not handle something that it meets: a value, a state,
    an answer from outside. Flink then restarts the job.
    How it shows: the first entry of the exception history is a task's own, with a frame of the
    job's code. Cancelled tasks and closed connections come after it.
    How to fix: handle it where it is thrown; put a record that cannot be processed aside (a side
    output) instead of failing.
    What does not help: more restart attempts, more memory, a longer checkpoint interval.
    """

    topic = "an exception in the job's own code"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        fault = failure.direct_of(case)
        if fault is None:
            yield impossible("no exception of a task came first")
            return
        if not failure.is_own_code(fault) or failure.is_null(fault) or failure.is_decoding(fault):
            yield impossible("another kind of exception came first", failure.thrown(fault))
            return
        text = f"a task of the job failed first, in {quoted(failure.method(fault))}"
        yield supports("exception", decisive, text, failure.thrown(fault))
        yield from failure.names_task(case, fault)
        if failure.same_record(case):
            text = "it fails each time at the same point: one record rather than all"
            yield opposes("repeats", strong, text, failure.failures(case))

    def certain(self, case: Case) -> bool:
        return failure.is_placed(case, failure.fault_of(case)) and not failure.same_record(case)

    def title(self, case: Case) -> str:
        fault = failure.fault_of(case)
        where = failure.task(case, fault)
        return f"The code of {where} throws {quoted(failure.thrown(fault))}"

    def advise(self, case: Case) -> Iterator[Advice]:
        fault = failure.fault_of(case)
        said = f"It says: {quoted(fault.message)}." if fault.message else ""
        yield Advice(
            title=f"Handle {quoted(failure.thrown(fault))} in {quoted(failure.method(fault))}",
            because=f"It failed {failure.failures(case)}. {said}".strip(),
        )
        yield Advice(
            title="Put a record that cannot be processed aside, in a side output",
            because="Then one record does not stop all others.",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more restart attempts", "more memory"
