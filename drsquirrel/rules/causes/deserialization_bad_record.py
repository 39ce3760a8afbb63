"""A record that cannot be parsed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case
from drsquirrel.model.report import quoted
from drsquirrel.rules import failure
from drsquirrel.rules.cause import Advice, Evidence, decisive, impossible, supports, weak
from drsquirrel.rules.failure import Throwing

_FORMAT = re.compile(r"\b(JSON|CSV|Json|Csv)\b|(JsonRowData|CsvRowData|JsonParser)")


@dataclass(frozen=True)
class DeserializationBadRecord(Throwing):
    """A record does not have the form that the job expects, and cannot be parsed.

    What is wrong: something wrote a record that is malformed, of another schema, or empty.
    How it shows: the first entry of the exception history is about parsing or deserializing, mostly
    in the task of the source; after each restart the same record is read again.
    How to fix: skip or put aside records that cannot be parsed; formats of SQL have an option for
    it. Then find out who wrote the record.
    What does not help: more restart attempts: the record is still there.
    """

    topic = "a record that cannot be parsed"

    def weigh(self, case: Case) -> Iterator[Evidence]:
        fault = failure.direct_of(case)
        if fault is None:
            yield impossible("no exception of a task came first")
            return
        if not failure.is_decoding(fault):
            yield impossible("what was thrown is not about parsing", failure.thrown(fault))
            return
        text = "the first exception is about parsing a record"
        yield supports("exception", decisive, text, failure.thrown(fault))
        yield from failure.names_task(case, fault)
        if len(failure.row(case)) > 1:
            text = "it fails in the same way after each restart"
            yield supports("repeats", weak, text, failure.failures(case))

    def certain(self, case: Case) -> bool:
        return failure.is_placed(case, failure.fault_of(case))

    def title(self, case: Case) -> str:
        fault = failure.fault_of(case)
        found = failure.offset(fault)
        at = f" (partition {found[0]}, offset {found[1]})" if found else ""
        return f"A record{at} cannot be parsed in {failure.task(case, fault)}"

    def advise(self, case: Case) -> Iterator[Advice]:
        fault = failure.fault_of(case)
        said = f" It says: {quoted(fault.message)}." if fault.message else ""
        why = f"It failed {failure.failures(case)}.{said}"
        of_sql = _FORMAT.search(fault.event.throwable)
        if of_sql:
            name = "json" if "json" in of_sql[0].lower() else "csv"
            yield Advice(
                title="Skip records that cannot be parsed, in the options of the SQL table",
                key=f"{name}.ignore-parse-errors",
                to="true",
                because=f"{why} Skipped records are lost without a word.",
            )
        else:
            yield Advice(
                title="Catch it in the deserializer and put the record aside",
                because=f"{why} A deserializer that emits nothing for a record skips it.",
            )
        found = failure.offset(fault)
        if found:
            yield Advice(
                title=f"Look at the record: partition {found[0]}, offset {found[1]}",
                kind="measure",
                because="It tells who wrote it, and whether more of its kind will come.",
            )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return ("more restart attempts",)
