"""How a TaskManager that is gone was ended, in words and advice: for its memory, or by whom."""

from collections.abc import Iterator

from drsquirrel.model.case import Case, ContainerNow
from drsquirrel.model.kill import Kill, kill_of
from drsquirrel.model.unknown import Unknown
from drsquirrel.rules import failure
from drsquirrel.rules.cause import Advice
from drsquirrel.rules.wording import mebibytes, percent

BY_OTHERS = ("signal", "preempted", "node-lost")
DID = {
    "physical-memory": ("was killed for its memory", "were killed for their memory"),
    "virtual-memory": ("was killed for its virtual memory", "were killed for their virtual memory"),
    "preempted": (
        "was killed: YARN gave its container to another queue",
        "were killed: YARN gave their containers to another queue",
    ),
    "node-lost": ("went away with its node", "went away with their nodes"),
    "signal": ("was killed (exit code {code})", "were killed (exit code {code})"),
}
"""What happened to one, and to several."""
UNDECIDED = "whether for memory cannot be decided"


def told(case: Case) -> Kill | None:
    """How the TaskManager that failed first was ended, as YARN or the text of the fault says. One
    that Flink itself gave back was not killed."""
    kills = [c.kill for c in failure.suspects(case) if c.kill is not None]
    kills += [k for k in (kill_of(failure.text_of(case)),) if k is not None]
    # Who says more comes first: of its memory before a bare signal.
    kills.sort(key=lambda kill: not kill.is_for_memory)
    return next((kill for kill in kills if kill.why != "released"), None)


def killed(found: tuple[ContainerNow, ...], kill: Kill | None) -> tuple[ContainerNow, ...]:
    """Those of the TaskManagers that ended so; all where it is not told of each."""
    return tuple(c for c in found if kill and c.kill and c.kill.why == kill.why) or found


def did(kill: Kill, *, several: bool) -> str:
    """What happened to the TaskManagers, in a title; "" where they ended by themselves."""
    if kill.why not in DID:
        return ""
    what = DID[kill.why][several].format(code=kill.exit_code)
    more = f"; {UNDECIDED}" if kill.why == "signal" else ""
    if (used := usage(kill)) and not several:
        more = f": {used}"
    return f"{what}{more}"


def usage(kill: Kill) -> str:
    """How much it took of what it might: "845 MB used, 832 MB allowed"; "" where nobody tells."""
    if kill.used_bytes is None or kill.limit_bytes is None:
        return ""
    return f"{mebibytes(kill.used_bytes)} used, {mebibytes(kill.limit_bytes)} allowed"


def last_memory(found: tuple[ContainerNow, ...]) -> str:
    """The memory and the heap it had when it was last seen, as far as they are known."""
    parts = []
    for container in found[:1]:
        if not isinstance(container.rss_bytes, Unknown):
            limit = container.memory_limit_bytes
            of = "" if isinstance(limit, Unknown) else f" of {mebibytes(limit)}"
            parts.append(f"last RSS {mebibytes(container.rss_bytes)}{of}")
        if not isinstance(container.heap_floor_share, Unknown):
            parts.append(f"heap {percent(container.heap_floor_share)} full")
    return ", ".join(parts) or "its last memory is not known"


def more_memory(kill: Kill) -> Iterator[Advice]:
    """What to change where memory was why."""
    if kill.why == "virtual-memory":
        yield Advice(
            title="Let YARN not count virtual memory",
            key="yarn.nodemanager.vmem-check-enabled",
            to="false",
            because="Address space that is reserved is not used yet; a JVM reserves much.",
        )
        return
    yield Advice(
        title="Leave more of its memory to what is outside of Flink's own parts",
        key="taskmanager.memory.jvm-overhead.fraction",
        to="0.2",
        because="Heap, managed and direct memory have limits of their own: beyond them it was "
        "native memory, of RocksDB, threads or a library.",
        expect="the process stays below what its container allows",
    )
    yield Advice(
        title="See what takes native memory: RocksDB beside its cache, malloc arenas, a library",
        kind="measure",
        because="If it grows without end, more memory only puts the next kill off.",
    )
