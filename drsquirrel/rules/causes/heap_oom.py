"""The Java heap of a TaskManager is exhausted."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Case, ContainerNow, Fault
from drsquirrel.model.report import Culprit, quoted
from drsquirrel.model.unknown import Unknown, known
from drsquirrel.rules import failure
from drsquirrel.rules.cause import (
    Advice,
    Evidence,
    decisive,
    impossible,
    strong,
    supports,
    undecided,
    weak,
)
from drsquirrel.rules.failure import Failing
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import mebibytes, percent


@dataclass(frozen=True)
class HeapOom(Failing):
    """The Java heap of a TaskManager is full, and what asked for more memory failed.

    What is wrong: more objects are in use than the heap can hold: state on the heap, a cache, large
    windows or records, or a leak.
    How it shows: an OutOfMemoryError ("Java heap space") in the exception history. Before it the
    heap stays full after each collection and collections take more and more time.
    How to fix: find out what fills the heap (a heap dump tells), bound it or move state to RocksDB;
    if all of it is needed, give tasks more heap.
    What does not help: more restart attempts, more managed or network memory.
    """

    topic = "a full Java heap"
    explains = (*Failing.explains, "heap-full-after-gc", "gc-old-gen-high")
    leads_to = ("gc-pressure", "not-enough-slots")

    much_gc: float = threshold(0.3, unit="of the time", help="Garbage collection: much from here.")

    def weigh(self, case: Case) -> Iterator[Evidence]:
        memory = [f for f in self._faults(case) if failure.is_out_of_memory(f)]
        heap = [f for f in memory if failure.is_heap(f)]
        lost = failure.suspects(case)
        if memory and not heap:
            yield impossible("another memory ran out", memory[0].message)
            return
        if not heap and (failure.direct_of(case) or not lost):
            yield impossible("no task and no process ran out of memory")
            return
        if heap:
            text = "a task failed with OutOfMemoryError"
            yield supports("exception", decisive, text, heap[0].message)
        at = self._at(case)
        full = failure.was_full((at,)) if at else Unknown("no data of its process")
        if full is True and at:
            shown = f"{percent(known(at.heap_floor_share, 0.0))} of the heap"
            yield supports("heap", strong, "its heap was full even after collections", shown)
        elif isinstance(full, Unknown):
            yield undecided("heap", "its heap was full even after collections?", full.reason)
        collects = known(at.gc_share, 0.0) if at else 0.0
        if collects >= self.much_gc:
            yield supports("gc", weak, "it spent much time collecting garbage", percent(collects))

    def _faults(self, case: Case) -> tuple[Fault, ...]:
        return case.episode.faults if case.episode else ()

    def _at(self, case: Case) -> ContainerNow | None:
        """The process: where a task ran out of memory, else the one that was lost."""
        for fault in self._faults(case):
            if failure.is_heap(fault):
                return case.containers.get(fault.event.on_container)
        return next(iter(failure.suspects(case)), None)

    def certain(self, case: Case) -> bool:
        first = failure.direct_of(case)
        if first is None or not failure.is_heap(first):
            return False
        return bool(first.event.task or first.event.vertex or first.event.on_container)

    def title(self, case: Case) -> str:
        at = self._at(case)
        where = f" of TaskManager {quoted(at.id)}" if at else ""
        return f"The Java heap{where} is full: its tasks ran out of memory"

    def culprit(self, case: Case) -> Culprit:
        at = self._at(case)
        fault = next((f for f in self._faults(case) if failure.is_heap(f)), None)
        if fault is None or not fault.event.vertex:
            return failure.at_container(case, (at,) if at else ())
        return failure.where(case, fault)

    def advise(self, case: Case) -> Iterator[Advice]:
        at = self._at(case)
        yield Advice(
            title="Find out what fills the heap: have the JVM write a dump when it is full",
            kind="measure",
            key="env.java.opts.taskmanager",
            to="-XX:+HeapDumpOnOutOfMemoryError",
        )
        most = at.heap_max_bytes if at else Unknown("no data of its process")
        if not isinstance(most, Unknown):
            yield Advice(
                title=f"If all of it is needed, give tasks more heap than now: {mebibytes(most)}",
                key="taskmanager.memory.task.heap.size",
                to=mebibytes(1.5 * most, unit="m"),
                because="Half as much again; if it fills up too, something leaks.",
            )
        yield Advice(
            title="Keep large state off the heap",
            key="state.backend.type",
            to="rocksdb",
            because="It helps if state is what fills the heap.",
        )

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more restart attempts", "more managed or network memory"
