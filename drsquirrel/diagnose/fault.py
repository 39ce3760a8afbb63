"""Faults: entries of the exception history, unwrapped, classified, and which of them came first.

DIAGNOSIS.md section 4, steps 3 and 4.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from drsquirrel.model.case import Fault, FaultKind
from drsquirrel.model.event import FailureEvent
from drsquirrel.model.signature import in_app
from drsquirrel.model.throwable import Trace, parse

NEAR_MS = 60_000
"""A direct fault this long after a relayed one is still who failed first (the longer of this and
Flink's heartbeat time-out of 50 s): the JobManager hears of a death after its echoes."""

RELAYED_TYPES = frozenset(
    {
        "org.apache.flink.runtime.execution.CancelTaskException",
        "org.apache.flink.runtime.io.network.netty.exception.LocalTransportException",
        "org.apache.flink.runtime.io.network.netty.exception.RemoteTransportException",
        "org.apache.flink.runtime.io.network.partition.PartitionNotFoundException",
        "org.apache.flink.runtime.io.network.partition.ProducerFailedException",
        "org.apache.flink.runtime.io.network.partition.consumer.PartitionConnectionException",
        "org.apache.flink.runtime.jobmaster.JobMasterException",
    }
)
RELAYED_TEXTS = (
    "Heartbeat of TaskManager with id",
    "is no longer reachable",
    "The TaskExecutor is shutting down",
    "Connection unexpectedly closed by remote task manager",
    "Lost connection to task manager",
    "was lost and has been released",
    "TaskManager was shut down",
)
CONTAINER_FAILED = re.compile(
    r"java\.lang\.Exception: (Container \S+ marked as failed|Pod terminated, container termination)"
)
"""What Flink passes on from YARN or Kubernetes of the end of a TaskManager."""
DEPLOYING = "TaskExecutorGateway.submitTask"
"""What Flink says it could not send to a TaskManager that it does not yet know to be lost."""
POLICY_TEXTS = ("Exceeded checkpoint tolerable failure threshold", "NoResourceAvailableException")
"""What Flink decides by its settings, for a reason that another question is about."""


def fault_of(event: FailureEvent) -> Fault:
    """An entry unwrapped to its deepest cause and classified."""
    trace = parse(event.throwable)
    return Fault(
        event=event,
        kind=_kind(trace),
        exception=trace.cause.type,
        message=trace.cause.message,
        frames=in_app(trace.cause),
    )


def could_not_deploy(fault: Fault) -> bool:
    """Whether a task did not get to its TaskManager, so that it never ran."""
    return DEPLOYING in fault.message


def _kind(trace: Trace) -> FaultKind:
    texts = [f"{t.type}: {t.message}" for t in trace.chain]
    if any(words in text for text in texts for words in POLICY_TEXTS):
        return FaultKind.POLICY
    if trace.cause.type in RELAYED_TYPES:
        return FaultKind.RELAYED
    if any(words in text for text in texts for words in (*RELAYED_TEXTS, DEPLOYING)):
        return FaultKind.RELAYED
    if any(CONTAINER_FAILED.match(text) for text in texts):
        return FaultKind.RELAYED
    return FaultKind.DIRECT


def naming(fault: Fault, containers: Iterable[str]) -> Fault:
    """A relayed fault with the TaskManager its text speaks of."""
    if fault.kind is not FaultKind.RELAYED:
        return fault
    text = fault.event.throwable
    named = (c for c in sorted(containers, key=len, reverse=True) if c and _speaks_of(text, c))
    return replace(fault, names_container=next(named, ""))


def _speaks_of(text: str, container: str) -> bool:
    """Whether an id stands in a text, and not only as a part of a longer one."""
    return container in text and bool(
        re.search(rf"(?<![\w-]){re.escape(container)}(?![\w-])", text)
    )


def first_of(faults: tuple[Fault, ...]) -> Fault | None:
    """Who failed first, of the faults of one incident by time.

    The first entry; but a direct one within NEAR_MS wins over a relayed one, an echo that the
    JobManager heard before. What fails after a policy's decision, or long after an echo, follows.
    """
    if not faults:
        return None
    first = faults[0]
    if first.kind is not FaultKind.RELAYED:
        return first
    began_ms = first.event.time_ms
    near = (f for f in faults if f.event.time_ms - began_ms <= NEAR_MS)
    return next((f for f in near if f.kind is FaultKind.DIRECT), first)
