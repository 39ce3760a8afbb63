"""Who failed first, as its possible causes weigh it: DIAGNOSIS.md section 4, steps 3 to 7."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from drsquirrel.model.case import Case, ContainerNow, Episode, Fault, FaultKind
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Number, Truth, Unknown
from drsquirrel.rules.cause import (
    Cause,
    Evidence,
    Question,
    Strength,
    decisive,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.operator import method_of, operators, short
from drsquirrel.rules.wording import SECOND_MS, duration, plural

FULL_HEAP = 0.9
SAME_GAP_MS = 10_000
"""Progress is known to about one round of watching."""
SAME_GAP_SHARE = 0.3

_NO_CLASS = re.compile(
    r"(ClassNotFoundException|NoClassDefFoundError|NoSuchMethodError|NoSuchFieldError|LinkageError"
    r"|IncompatibleClassChangeError|UnsupportedClassVersionError|AbstractMethodError"
    r"|IllegalAccessError)$"
)
_DECODING = re.compile(
    r"([Ff]ailed to|[Cc]annot|[Uu]nable to) (deserialize|parse|decode)"
    r"|JsonParseException|MismatchedInputException|InvalidFormatException|AvroTypeException"
    r"|InvalidProtocolBufferException|RecordDeserializationException|MalformedInputException"
    r"|DateTimeParseException"
)
_CONNECTORS = (
    "com.amazonaws.",
    "com.clickhouse.",
    "com.datastax.",
    "com.google.cloud.",
    "com.mongodb.",
    "com.mysql.",
    "com.ververica.cdc.",
    "io.debezium.",
    "org.apache.doris.",
    "org.apache.hudi.",
    "org.apache.iceberg.",
    "org.apache.paimon.",
    "org.apache.pulsar.",
    "org.elasticsearch.",
    "org.opensearch.",
)
"""Code that is neither Flink's nor the job's: its exceptions blame a connector."""
_OFFSET = re.compile(r"partition\W{1,3}(\d+).{0,80}?offset\W{1,3}(\d+)", re.DOTALL)


class Failing(Cause):
    """A reason why the job failed or a TaskManager went away."""

    answers = Question.WHO_FAILED_FIRST
    explains: ClassVar[tuple[str, ...]] = (
        "job-not-running",
        "restart-rate-high",
        "restart-loop",
        "checkpoint-failing",
    )

    def if_nothing_is_done(self, case: Case) -> str:
        if case.state == "FAILED":
            return "The job stays down."
        failed = len(alike(case))
        return f"It has failed {failed} times in the last hour." if failed > 1 else ""


class Throwing(Failing):
    """A task's own exception: the culprit is where it was thrown."""

    blames_container = False

    def culprit(self, case: Case) -> Culprit:
        return where(case, fault_of(case))


def fault_of(case: Case) -> Fault:
    """The first fault, for words about an answer that rests on one; ValueError without."""
    fault = first_of(case)
    if fault is None:
        raise ValueError("this cause is about a fault, and the case has none")
    return fault


def first_of(case: Case) -> Fault | None:
    """Who failed first in the episode in question; None where there is none or no entry tells."""
    return case.episode.first if case.episode else None


def direct_of(case: Case) -> Fault | None:
    """The first fault, where it is a task's own."""
    fault = first_of(case)
    return fault if fault and fault.kind is FaultKind.DIRECT else None


# What was thrown


def is_out_of_memory(fault: Fault) -> bool:
    return fault.exception.endswith("OutOfMemoryError")


def is_heap(fault: Fault) -> bool:
    """Whether it was the heap that ran out; later entries of the JVM may have lost their text."""
    of_heap = ("Java heap space", "GC overhead limit", "Requested array size")
    return is_out_of_memory(fault) and (
        not fault.message.strip() or any(text in fault.message for text in of_heap)
    )


def is_decoding(fault: Fault) -> bool:
    """Whether a record could not be parsed.

    A frame of a deserializer further down does not count: the source calls what is chained to it
    from there.
    """
    if is_out_of_memory(fault) or _NO_CLASS.search(fault.exception):
        return False
    return bool(_DECODING.search(fault.event.throwable)) or method(fault).endswith(".deserialize")


def is_own_code(fault: Fault) -> bool:
    """Whether the job's own code threw it: not the JVM, a class loader, Flink or a connector."""
    if is_out_of_memory(fault) or _NO_CLASS.search(fault.exception):
        return False
    return bool(fault.frames) and not fault.frames[0].startswith(_CONNECTORS)


def is_null(fault: Fault) -> bool:
    return fault.exception.endswith(".NullPointerException")


def thrown(fault: Fault) -> str:
    """The simple class name of the exception."""
    return fault.exception.rpartition(".")[2].rpartition("$")[2]


def method(fault: Fault) -> str:
    """`Class.method` of the job's own frame nearest to the throw; "" where there is none."""
    return method_of(fault.frames[0]) if fault.frames else ""


def offset(fault: Fault) -> tuple[int, int] | None:
    """(partition, offset) of the record, where the text names them."""
    found = _OFFSET.search(fault.event.throwable)
    return (int(found[1]), int(found[2])) if found else None


# Where


def task(case: Case, fault: Fault) -> str:
    """The task that failed, quoted: its operator if it is the only one, else its chain."""
    event = _placed(case, fault).event
    vertex = case.by_vertex.get(event.vertex)
    names = operators(vertex.vertex) if vertex else ()
    name = short(names[0]) if len(names) == 1 else " → ".join(map(short, names)) or event.task
    return quoted(name) if name else "a task"


def _placed(case: Case, fault: Fault) -> Fault:
    """The fault; where Flink does not name its task, the newest of its row of which it does, if
    they all have the same. Only REST tells tasks, and it may not have told of all."""
    told = [f for f in alike(case) if f.event.vertex or f.event.task]
    same = len({f.event.vertex for f in told}) == 1
    return told[-1] if same and not (fault.event.vertex or fault.event.task) else fault


def is_placed(case: Case, fault: Fault) -> bool:
    """Whether Flink says which task it was."""
    event = _placed(case, fault).event
    return bool(event.vertex or event.task)


def names_task(case: Case, fault: Fault) -> Iterator[Evidence]:
    """Evidence that an exception is a task's."""
    if is_placed(case, fault):
        yield supports("task", weak, "Flink names the task", _placed(case, fault).event.task)
    else:
        yield undecided("task", "which task it was", "Flink names none")


def where(case: Case, fault: Fault) -> Culprit:
    """The vertex and the subtasks it failed in, with the same signature, in the hour."""
    event = _placed(case, fault).event
    vertex = case.by_vertex.get(event.vertex)
    names = operators(vertex.vertex) if vertex else ()
    subtasks = {
        f.event.subtask for f in alike(case) if f.event.vertex == event.vertex and event.vertex
    }
    return Culprit(
        vertex=vertex.vertex.name if vertex else event.task or None,
        vertex_id=event.vertex or None,
        operator=names[0] if len(names) == 1 else None,
        subtasks=tuple(sorted(s for s in subtasks if s >= 0)),
        parallelism=vertex.vertex.parallelism if vertex else None,
        container=fault.event.on_container or None,
        host=fault.event.host or None,
    )


# Again and again


def row(case: Case) -> tuple[Episode, ...]:
    """The newest episodes up to the one in question that began with its signature, oldest first."""
    fault = first_of(case)
    found: list[Episode] = []
    for episode in reversed(case.episodes):
        if case.episode and episode.began_ms > case.episode.began_ms:
            continue
        if not fault or not episode.first or _signature(episode.first) != _signature(fault):
            break
        found.append(episode)
    return tuple(reversed(found))


def row_is_cut(case: Case) -> bool:
    """Whether there were failures before the first that is known of."""
    first = next(iter(case.episodes), None)
    known_row = row(case)
    return (
        bool(known_row) and known_row[0] is first and any(f.event.attempt > 0 for f in first.faults)
    )


def _signature(fault: Fault) -> str:
    return fault.event.signature


def alike(case: Case) -> tuple[Fault, ...]:
    """The first faults of these episodes."""
    return tuple(e.first for e in row(case) if e.first)


def same_subtask(case: Case) -> Truth:
    """Whether it was the same subtask each time that Flink said so."""
    told = [f.event for f in alike(case) if f.event.vertex and f.event.subtask >= 0]
    if len(told) < min(2, len(alike(case))):
        return Unknown("Flink did not say which subtask it was")
    return len({(event.vertex, event.subtask) for event in told}) == 1


def same_progress(case: Case) -> Truth:
    """Whether it ran about as long before each failure: it reads the same records again."""
    ran_ms = _ran_ms(case)
    if len(ran_ms) < 2:
        return Unknown("it has not failed three times yet")
    return max(ran_ms) - min(ran_ms) <= max(SAME_GAP_MS, SAME_GAP_SHARE * max(ran_ms))


def progress(case: Case) -> str:
    """How long it ran at most between the failures: "at most 4 s"; "" before the second."""
    ran_ms = _ran_ms(case)
    return f"at most {duration(max(max(ran_ms), SECOND_MS))}" if ran_ms else ""


def _ran_ms(case: Case) -> list[int]:
    return [b.began_ms - (a.ended_ms or b.began_ms) for a, b in pairwise(row(case))]


def same_message(case: Case) -> bool:
    """Whether the message was the same each time, with all it names."""
    return len({f.message for f in alike(case)}) == 1


def same_record(case: Case) -> bool:
    """Whether one record fails each time it is read again: DIAGNOSIS.md section 4.7."""
    again = same_progress(case) is True and same_subtask(case) is True
    return again and same_message(case)


def failures(case: Case) -> str:
    """How often it failed in a row: "4 times in a row, within 3 min"."""
    n, cut = len(row(case)), "at least " if row_is_cut(case) else ""
    return f"{cut}once so far" if n < 2 else f"{cut}{plural(n, 'time')} in a row"


# TaskManagers


def text_of(case: Case) -> str:
    """The text of the first fault; "" where no entry tells."""
    fault = first_of(case)
    return fault.event.throwable if fault else ""


def timed_out(case: Case) -> bool:
    """Whether Flink gave a TaskManager up because its heartbeat stayed away."""
    return "Heartbeat of TaskManager with id" in text_of(case)


def suspects(case: Case) -> tuple[ContainerNow, ...]:
    """The TaskManagers lost with the episode, or the one its first fault names."""
    if case.episode and case.episode.lost:
        return case.episode.lost
    fault = first_of(case)
    named = case.containers.get(fault.names_container) if fault else None
    return (named,) if named else ()


def at_container(case: Case, found: tuple[ContainerNow, ...]) -> Culprit:
    """The first of some processes as the culprit; without one, what the first fault names."""
    if found:
        return Culprit(container=found[0].id, host=found[0].host or None)
    fault = first_of(case)
    return Culprit(container=(fault.names_container if fault else "") or None)


def named(case: Case, found: tuple[ContainerNow, ...]) -> str:
    """The TaskManagers in words: "TaskManager `a`", "TaskManagers `a`, `b`"."""
    ids = [c.id for c in found] or [i for i in (at_container(case, found).container,) if i]
    if not ids:
        return "A TaskManager"
    return f"TaskManager{'s' if len(ids) > 1 else ''} {', '.join(map(quoted, ids))}"


def was_full(found: tuple[ContainerNow, ...]) -> Truth:
    """Whether the heap of one of them was full when it was last seen."""
    floors = [c.heap_floor_share for c in found if not isinstance(c.heap_floor_share, Unknown)]
    return max(floors) >= FULL_HEAP if floors else Unknown("its last heap is not known")


def last_heartbeat_ms(found: tuple[ContainerNow, ...]) -> Number:
    """How old the heartbeat of the most silent of them was, when they were last listed."""
    ages = [c.heartbeat_age_ms for c in found if not isinstance(c.heartbeat_age_ms, Unknown)]
    return max(ages) if ages else Unknown("its last heartbeat is not known")


def lateness(found: tuple[ContainerNow, ...]) -> Strength | None:
    """How strongly their heartbeats say that one of them hangs; None: no heartbeat is late."""
    if not any(c.is_silent for c in found):
        return None
    return decisive if any(c.is_deaf for c in found) else strong
