"""Subtasks that wait for each other on a lock of the job's own code."""

from collections.abc import Iterator
from dataclasses import dataclass

from drsquirrel.model.case import Bottleneck, Case, ThreadKind
from drsquirrel.model.report import quoted
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import limit, limiting
from drsquirrel.rules.cause import Advice, Evidence, decisive, opposes, strong, supports, weak
from drsquirrel.rules.limiting import Limiting
from drsquirrel.rules.operator import method_of
from drsquirrel.rules.threshold import threshold
from drsquirrel.rules.wording import percent, plural


@dataclass(frozen=True)
class UserLockContention(Limiting):
    """The subtasks in one process wait for each other's lock.

    What is wrong: subtasks of one TaskManager share a lock (a static object, a synchronized client,
    a pool of one connection), so only one of them works at a time.
    How it shows: all subtasks of a process are busy, yet together they use one core or less, and
    more of them do not take more records. Threads are blocked, and another task's thread owns it.
    How to fix: give each subtask an object of its own (open it in `open()`), or hold the lock for
    less. One slot for each TaskManager removes the contention at once.
    What does not help: more parallelism in the same processes, more CPU, more memory.
    """

    topic = "a lock that subtasks share"
    prior = -0.5

    one_core_least: float = threshold(0.6, unit="cores", help="Of a process: about one from here.")
    one_core_most: float = threshold(1.3, unit="cores", help="Of a process: about one up to here.")
    lock_share: float = threshold(
        0.4,
        unit="of the samples",
        help="Blocked threads: decisive from here.",
    )

    def weigh(self, case: Case) -> Iterator[Evidence]:
        b = limit.limit_of(case)
        yield from limiting.all_alike(b)
        yield from limiting.cost(b)
        yield from self._threads(b)
        together = _most_in_one(b)
        if together < 2:
            text = "no two of its busy subtasks share a process"
            yield opposes("process", strong, text, f"{len(b.subtasks)} in {len(b.containers)}")
        elif limit.is_full(case, b) is not True:
            yield from self._cores(case, b)
        if limit.only_sink(b):
            yield opposes("operator", weak, "nothing but a sink runs in this vertex")

    def _cores(self, case: Case, b: Bottleneck) -> Iterator[Evidence]:
        """A lock lets one thread of a process compute, or none while its owner waits."""
        at = limit.busiest(b)
        used = at.cores_used if at else Unknown("no data of its processes")
        if isinstance(used, Unknown):
            return
        shown = f"{plural(round(used, 1), 'core')}, {_most_in_one(b)} busy subtasks"
        if used < self.one_core_least:
            yield supports("cpu", weak, "its processes use less than one core each", shown)
        elif used <= self.one_core_most:
            yield supports("cpu", strong, "its processes use about one core each", shown)
        else:
            yield opposes("cpu", strong, "several of its threads compute at once", shown)

    def _threads(self, b: Bottleneck) -> Iterator[Evidence]:
        t = b.threads
        if isinstance(t, Unknown) or t.kind is not ThreadKind.LOCK:
            yield from limiting.threads(b, ThreadKind.LOCK)
            return
        text = f"its threads wait for a lock in {quoted(method_of(t.frame))}"
        shown = f"{percent(t.share)} of {plural(t.samples, 'sample')}"
        strength = decisive if limit.threads_tell(b, self.lock_share) else weak
        yield supports("threads", strength, text, shown)

    def title(self, case: Case) -> str:
        b = limit.limit_of(case)
        t = b.threads
        locked = not isinstance(t, Unknown) and t.kind is ThreadKind.LOCK
        at = f" in {quoted(method_of(t.frame))}" if locked and not isinstance(t, Unknown) else ""
        return f"The subtasks of {limit.place(b)} wait for each other's lock{at}"

    def advise(self, case: Case) -> Iterator[Advice]:
        b = limit.limit_of(case)
        yield Advice(
            title="Give each subtask its own object instead of the shared, locked one",
            because=f"{_most_in_one(b)} busy subtasks share a process. {limiting.takes(case, b)}",
        )
        yield Advice(
            title="Until then, start TaskManagers with one slot each",
            key="taskmanager.numberOfTaskSlots",
            to="1",
            because="Subtasks in processes of their own share no lock.",
        )
        yield from limiting.dump_threads(b)

    def will_not_help(self, case: Case) -> tuple[str, ...]:
        return "more parallelism in the same processes", "more CPU", "more memory"


def _most_in_one(b: Bottleneck) -> int:
    """The most busy subtasks that share a process."""
    at = limit.busiest(b)
    return sum(s.container == at.id for s in b.subtasks) if at else 0
