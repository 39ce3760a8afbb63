"""What a task's thread does, read off its frames, and what several samples of threads agree on.

A Java thread that waits for a socket is RUNNABLE, and an idle task is as WAITING as one that waits
for a lock: so frames decide, not Java's states. DIAGNOSIS.md section 3, "Thread dumps".
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drsquirrel.model.case import ThreadKind, ThreadVerdict
from drsquirrel.model.facts import ThreadSample
from drsquirrel.model.unknown import Unknown

MIN_AGREEING = 6
MIN_DUMPS = 3
MIN_SHARE = 0.75

JDK = ("java.", "javax.", "jdk.", "sun.", "com.sun.")
FLINK = "org.apache.flink."
CONNECTORS = tuple(
    FLINK + package for package in ("connector.", "streaming.connectors.", "formats.", "cdc.")
)
"""Flink's by name, but code that a job brings: a culprit like any library."""
NATIVE_STATE = ("org.rocksdb.", "org.forstdb.")
STATE = NATIVE_STATE + tuple(
    FLINK + package for package in ("contrib.streaming.state.", "state.", "runtime.state.")
)
PYTHON = (FLINK + "python.", FLINK + "streaming.api.runners.python.", "org.apache.beam.")
"""A Python process does the work, and Java only waits for it: nothing is seen."""
OPERATORS = tuple(
    FLINK + package
    for package in (
        "streaming.api.operators.",
        "streaming.runtime.operators.",
        "table.runtime.operators.",
        "cep.",
    )
)
CALLERS = tuple(FLINK + package for package in ("streaming.", "table.runtime.", "runtime.", "cep."))
MAILBOX = FLINK + "streaming.runtime.tasks.mailbox."
WAITS_FOR_BUFFER = FLINK + "runtime.io.network.buffer.LocalBufferPool.request"
SLEEPS = ("java.lang.Thread.sleep", "java.util.concurrent.TimeUnit.sleep")
PARKS = ("jdk.internal.misc.Unsafe.park", "sun.misc.Unsafe.park")
TIMED_PARKS = tuple(
    f"java.util.concurrent.locks.LockSupport.park{how}" for how in ("Nanos", "Until")
)
LOCKS = tuple(
    f"java.util.concurrent.locks.{lock}"
    for lock in ("ReentrantLock", "ReentrantReadWriteLock", "StampedLock")
)
WAITS = (*PARKS, "java.lang.Object.wait", "java.lang.Thread.join")
IO = (
    "sun.nio.ch.",
    "sun.nio.fs.",
    "java.net.Socket",
    "java.net.PlainSocket",
    "java.net.Inet4AddressImpl",
    "java.net.Inet6AddressImpl",
    "java.io.File",
    "java.io.RandomAccessFile",
    "java.io.UnixFileSystem",
)
HOPS = ("pushToOperator", "emitWatermark", "emitWatermarkStatus")
"""Methods of a ChainingOutput: each is one step to the next operator of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadState:
    """What one thread did at one moment. Frames are Class.method; "" where there is none.

    `kind` is None where the frames do not tell. `chain_index` counts the operators of the chain
    before the one that ran; -1 where that cannot be read off.
    """

    kind: ThreadKind | None
    culprit_frame: str
    """The first from the top outside the JDK and Flink's runtime."""
    operator_frame: str
    """The method that Flink called: whose code it is."""
    sleeps_in: str = ""
    chain_index: int = -1


def classify(sample: ThreadSample) -> ThreadState:
    """What the thread of this sample did."""
    codes = codes_of(sample)
    own = next((i for i, code in enumerate(codes) if is_own(code)), len(codes))
    kind = _kind(sample.state, codes, own)
    culprit = codes[own] if own < len(codes) else ""
    if not culprit and kind is ThreadKind.IO:
        culprit = next((c for c in codes if not c.startswith((*JDK, MAILBOX))), "")
    return ThreadState(
        kind=kind,
        culprit_frame=culprit,
        operator_frame=_operator_frame(codes, own),
        sleeps_in=culprit if kind is ThreadKind.SLEEPING else "",
        chain_index=_chain_index(codes),
    )


def verdict(samples: Iterable[ThreadSample]) -> ThreadVerdict | Unknown:
    """What the threads of saturated subtasks agree on; unknown if they are too few or differ.

    The frame is the one nearest to the top that most samples share: code that computes is seen at a
    different line each time.
    """
    seen = _of_busy_threads(list(samples))
    dumps = {(s.container, s.time_ms) for s in seen}
    if len(dumps) < MIN_DUMPS:
        return Unknown(f"{len(dumps)} thread dumps: {MIN_DUMPS} decide")
    needed = MIN_SHARE * len(seen)
    states = [_with_locks(sample, seen) for sample in seen]
    kind, times = Counter(state.kind for state in states).most_common(1)[0]
    if kind is None or times < needed or not _enough(times, len(seen)):
        return Unknown(f"the threads did different things in {len(seen)} samples")
    agreeing = [(x, state) for x, state in zip(seen, states, strict=True) if state.kind is kind]
    operator_frame, _ = Counter(state.operator_frame for _, state in agreeing).most_common(1)[0]
    frame = _shared_frame([own_codes(sample) for sample, _ in agreeing], needed)
    if not frame and kind not in (ThreadKind.IDLE, ThreadKind.BACKPRESSURED):
        frame = operator_frame
        if sum(state.operator_frame == frame for _, state in agreeing) < needed or not frame:
            return Unknown(f"the threads were in different places in {len(seen)} samples")
    indices = Counter(state.chain_index for _, state in agreeing)
    chain_index, same_index = indices.most_common(1)[0]
    return ThreadVerdict(
        kind=kind,
        share=times / len(seen),
        samples=len(seen),
        frame=frame,
        operator_frame=operator_frame,
        chain_index=chain_index if same_index >= needed else -1,
    )


def _enough(agreeing: int, of: int) -> bool:
    """Six that agree; of fewer, as one or two threads give in three dumps, all must."""
    return agreeing >= MIN_AGREEING or agreeing == of


def codes_of(sample: ThreadSample) -> list[str]:
    """Class.method of each frame, from the top."""
    return [frame.partition("(")[0] for frame in sample.frames]


def own_codes(sample: ThreadSample) -> list[str]:
    """Those of the job's own code and libraries."""
    return [code for code in codes_of(sample) if is_own(code)]


def is_own(code: str) -> bool:
    """Whether it is code the job brought: neither of the JDK nor of Flink's runtime."""
    if code.startswith(CONNECTORS):
        return True
    return not code.startswith((*JDK, FLINK, *NATIVE_STATE))


def _kind(state: str, codes: Sequence[str], own: int) -> ThreadKind | None:
    """The kind by the frames above the first one of the job's own, which is at `own`."""
    above = codes[:own]
    jdk = above[: next((i for i, c in enumerate(above) if not c.startswith(JDK)), len(above))]
    first = codes[len(jdk)] if len(jdk) < len(codes) else ""
    if any(code.startswith(PYTHON) for code in codes):
        return None
    if first == MAILBOX + "TaskMailboxImpl.take":
        # Yielding to the mailbox: an asynchronous operator's queue is full of open requests.
        yields = any(code == MAILBOX + "MailboxExecutorImpl.yield" for code in codes)
        return ThreadKind.IO if yields else ThreadKind.IDLE
    if any(code.startswith(WAITS_FOR_BUFFER) for code in above):
        return ThreadKind.BACKPRESSURED
    awaits = any(code.endswith("ConditionObject.await") for code in jdk)
    if state.startswith("BLOCKED") or (not awaits and any(c.startswith(LOCKS) for c in jdk)):
        return ThreadKind.LOCK
    if first.startswith(STATE):
        return ThreadKind.STATE
    if any(code.startswith(SLEEPS) for code in jdk) or _parks_only(jdk):
        return ThreadKind.SLEEPING
    if jdk and jdk[0].startswith(WAITS):
        # For another thread's reply, a connection of a pool, room in a client's buffer.
        return ThreadKind.IO if own < len(codes) else None
    if jdk and jdk[0].startswith(IO):
        return ThreadKind.IO
    return ThreadKind.RUNNING if state.startswith("RUNNABLE") else None


def _parks_only(jdk: Sequence[str]) -> bool:
    """Parked for a set time by nobody but the code itself: a pause."""
    return (
        bool(jdk)
        and jdk[-1].startswith(TIMED_PARKS)
        and all(code.startswith((*PARKS, *TIMED_PARKS)) for code in jdk)
    )


def _operator_frame(codes: Sequence[str], own: int) -> str:
    """The job's method that Flink called last; Flink's own operator where there is none."""
    called = next((i for i in range(own, len(codes)) if codes[i].startswith(CALLERS)), len(codes))
    if own < called <= len(codes) and is_own(codes[called - 1]):
        return codes[called - 1]
    return next((code for code in codes if code.startswith(OPERATORS)), "")


def _chain_index(codes: Sequence[str]) -> int:
    """How many steps from the chain's head to the operator that runs, in a chain without branches.

    Only on the way of a record or watermark: timers and checkpoints begin anywhere in the chain.
    """
    hops = 0
    for code in codes:
        owner, _, method = code.rpartition(".")
        if "BroadcastingOutput" in owner:
            return -1
        hops += owner.endswith("ChainingOutput") and method in HOPS
        if owner.endswith((".SubtaskCheckpointCoordinatorImpl", ".Mail")):
            return -1
        if owner.endswith((".StreamTask", ".StreamSource")) and method in ("processInput", "run"):
            return hops
    return -1


def _of_busy_threads(samples: list[ThreadSample]) -> list[ThreadSample]:
    """Without the threads that are mostly idle where one task's name stands for several threads.

    Two jobs of a session cluster may have tasks of one name in a container; the saturated one's
    thread is the one that is not idle. So is a source's own thread beside its task's thread.
    """
    threads: dict[tuple[str, str, int], dict[int, list[ThreadSample]]] = {}
    for sample in samples:
        key = (sample.container, sample.task, sample.subtask)
        threads.setdefault(key, defaultdict(list))[sample.thread].append(sample)
    kept: list[ThreadSample] = []
    for of_name in threads.values():
        busy = [own for own in of_name.values() if not _mostly_idle(own)]
        kept += [sample for own in busy or of_name.values() for sample in own]
    return kept


def _mostly_idle(samples: list[ThreadSample]) -> bool:
    idle = sum(classify(sample).kind is ThreadKind.IDLE for sample in samples)
    return idle * 2 > len(samples)


def _with_locks(sample: ThreadSample, samples: list[ThreadSample]) -> ThreadState:
    """The state, where the holder of a lock that others of the dump wait for counts as they do."""
    name = f"{sample.task} ({sample.subtask + 1}/"
    state = classify(sample)
    waited_for = any(
        other.container == sample.container
        and other.time_ms == sample.time_ms
        and other.held_by.startswith(name)
        for other in samples
    )
    if not waited_for:
        return state
    return ThreadState(
        kind=ThreadKind.LOCK,
        culprit_frame=state.culprit_frame,
        operator_frame=state.operator_frame,
        chain_index=state.chain_index,
    )


def _shared_frame(stacks: list[list[str]], needed: float) -> str:
    """The frame nearest to the top that so many of the stacks have; "" if there is none."""
    times = Counter(code for stack in stacks for code in set(stack))
    return next((code for stack in stacks for code in stack if times[code] >= needed), "")
