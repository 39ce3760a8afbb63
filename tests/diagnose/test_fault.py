"""Faults: direct, relayed, decided by a policy; whom they name; which came first."""

import pytest

from drsquirrel.diagnose.fault import fault_of, first_of, naming
from drsquirrel.model.case import Fault, FaultKind
from drsquirrel.model.event import FailureEvent, Origin

ORIGIN = Origin(cluster="c", producer="flink-rest", epoch="e", sequence=0)
FLINK = "org.apache.flink.runtime."
USER = "java.lang.IllegalStateException: no\n\tat com.example.A.map(A.java:1)"
HEARTBEAT = (
    "java.util.concurrent.TimeoutException: Heartbeat of TaskManager with id tm-1 timed out."
)
OF_YARN = (
    "java.lang.Exception: Container container_1_0001_01_000002 marked as failed.\n Exit code:137.\n"
    " Diagnostics:[2026-11-23 12:17:05.954]Container killed on request. Exit code is 137\n"
)
UNSENT = "Could not send message [RemoteRpcInvocation(TaskExecutorGateway.submitTask(x, y))]"
POLICY = f"{FLINK}JobException: Exceeded checkpoint tolerable failure threshold."


def fault(throwable: str, at_s: int = 0) -> Fault:
    return fault_of(
        FailureEvent(
            origin=ORIGIN, time_ms=at_s * 1000, job="j", throwable=throwable, signature="s"
        )
    )


@pytest.mark.parametrize(
    ("throwable", "kind"),
    [
        (USER, FaultKind.DIRECT),
        (f"{FLINK}JobException: Recovery is suppressed\nCaused by: {USER}", FaultKind.DIRECT),
        ("java.lang.OutOfMemoryError: Java heap space", FaultKind.DIRECT),
        (f"{FLINK}execution.CancelTaskException", FaultKind.RELAYED),
        (f"{FLINK}jobmaster.JobMasterException: x", FaultKind.RELAYED),
        (f"{FLINK}io.network.partition.PartitionNotFoundException: x", FaultKind.RELAYED),
        (HEARTBEAT, FaultKind.RELAYED),
        (f"{FLINK}rpc.exceptions.RecipientUnreachableException: {UNSENT}", FaultKind.RELAYED),
        ("java.lang.Exception: TaskManager with id a is no longer reachable.", FaultKind.RELAYED),
        (f"java.lang.Exception: a\nCaused by: {HEARTBEAT}", FaultKind.RELAYED),
        (OF_YARN, FaultKind.RELAYED),
        ("java.lang.Exception: Pod terminated, container termination", FaultKind.RELAYED),
        ("java.lang.Exception: order 7 marked as failed", FaultKind.DIRECT),
        (POLICY, FaultKind.POLICY),
        (
            "java.util.concurrent.CompletionException: a\nCaused by: "
            f"{FLINK}jobmanager.scheduler.NoResourceAvailableException: Could not acquire",
            FaultKind.POLICY,
        ),
        ("", FaultKind.DIRECT),
    ],
)
def test_an_entry_is_direct_relayed_or_a_policy(throwable: str, kind: FaultKind) -> None:
    assert fault(throwable).kind is kind


def test_an_entry_is_unwrapped_to_its_deepest_cause() -> None:
    found = fault(f"{FLINK}JobException: Recovery is suppressed\nCaused by: {USER}")
    assert (found.exception, found.message) == ("java.lang.IllegalStateException", "no")
    assert found.frames == ("com.example.A.map",)


def test_a_relayed_entry_names_the_taskmanager_it_speaks_of_and_no_shorter_namesake() -> None:
    text = "java.lang.Exception: TaskManager with id flink-tm-1-10 is no longer reachable."
    both = ("flink-tm-1-1", "flink-tm-1-10")
    assert naming(fault(text), both).names_container == "flink-tm-1-10"
    assert naming(fault(text), both[:1]).names_container == ""
    assert naming(fault(text), ("", "x")).names_container == ""
    assert naming(fault(OF_YARN), ("container_1_0001_01_000002",)).names_container
    assert naming(fault(f"{USER} flink-tm-1-10"), both).names_container == ""


def test_the_first_entry_failed_first() -> None:
    assert first_of(()) is None
    a, b = fault(USER, 0), fault(USER, 1)
    assert first_of((a, b)) is a


def test_a_direct_entry_wins_over_echoes_of_the_last_minute_only() -> None:
    echo, direct, late = fault(HEARTBEAT, 0), fault(USER, 59), fault(USER, 61)
    assert first_of((echo, direct)) is direct
    assert first_of((echo, late)) is echo
    assert first_of((echo, fault(POLICY, 5))) is echo


def test_what_fails_after_a_policy_decided_is_not_first() -> None:
    policy = fault(POLICY, 0)
    assert first_of((policy, fault(USER, 1))) is policy
