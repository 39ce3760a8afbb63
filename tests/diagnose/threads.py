"""Samples of threads for tests, put together from a few frames."""

from drsquirrel.model.facts import ThreadSample

SHOP = "com.example.shop."
TAKE = "org.apache.flink.streaming.runtime.tasks.mailbox.TaskMailboxImpl.take"
MAP = "org.apache.flink.streaming.api.operators.StreamMap.processElement"
OUTPUT = "org.apache.flink.streaming.runtime.tasks.CopyingChainingOutput.pushToOperator"
INPUT = "org.apache.flink.streaming.runtime.tasks.StreamTask.processInput"
MAIL = "org.apache.flink.streaming.runtime.tasks.mailbox.Mail.run"
PARK = "jdk.internal.misc.Unsafe.park"
PARK_NANOS = "java.util.concurrent.locks.LockSupport.parkNanos"
AWAIT = "java.util.concurrent.locks.AbstractQueuedSynchronizer$ConditionObject.await"
RUN = "org.apache.flink.runtime.taskmanager.Task.run"


def sample(
    *codes: str,
    state: str = "RUNNABLE",
    subtask: int = 0,
    dump: int = 0,
    thread: int = 1,
    held_by: str = "",
    container: str = "tm",
) -> ThreadSample:
    return ThreadSample(
        container=container,
        time_ms=dump * 1_300,
        task="enrich",
        subtask=subtask,
        state=state,
        frames=tuple(f"{code}(X.java:1)" for code in codes),
        held_by=held_by,
        thread=thread,
    )
