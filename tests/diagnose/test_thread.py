from collections.abc import Sequence

import msgspec
import pytest

from drsquirrel.diagnose.thread import classify, verdict
from drsquirrel.model.case import ThreadKind, ThreadVerdict
from drsquirrel.model.facts import ThreadSample
from drsquirrel.model.unknown import Unknown
from tests.enrich.recorded import VERSIONS, samples

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


async def recorded(job: str, task: str, versions: Sequence[str] = VERSIONS) -> list[ThreadSample]:
    """Samples of a demo job on several Flinks, as if their TaskManagers were of one cluster."""
    found = [s for version in versions for s in await samples(f"threads-{version}", job)]
    return [s for s in found if s.task == task]


def decided(samples: list[ThreadSample]) -> ThreadVerdict:
    found = verdict(samples)
    assert isinstance(found, ThreadVerdict), found
    return found


async def test_a_sink_that_pauses_sleeps_in_its_own_frame_at_the_end_of_the_chain() -> None:
    task = "Source: invoices -> parse -> convert -> archive: Writer"
    found = decided(await recorded("invoices-to-archive", task))
    assert (found.kind, found.samples) == (ThreadKind.SLEEPING, 18)
    assert found.share >= 17 / 18
    assert found.frame == SHOP + "work.Pause.micros"
    assert found.operator_frame == SHOP + "WorkSink$Writer.write"
    assert found.chain_index == 3


async def test_a_sink_that_waits_for_a_socket_is_io_though_java_calls_it_runnable() -> None:
    found = await recorded("slow-socket", "ledger: Writer")
    assert {s.state for s in found} == {"RUNNABLE"}
    found = [s for s in found if classify(s).kind is not ThreadKind.IDLE]
    agreed = decided(found)
    assert agreed.kind is ThreadKind.IO
    assert agreed.frame == SHOP + "work.PriceClient.on"
    assert agreed.operator_frame == SHOP + "WorkSink$Writer.write"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_lock_is_seen_in_those_who_wait_and_in_the_one_who_holds_it(version: str) -> None:
    found = decided(await recorded("lock", "enrich", [version]))
    assert found.kind is ThreadKind.LOCK
    assert found.share >= 10 / 12
    assert found.frame == SHOP + "work.SharedRates.on"
    assert found.operator_frame == SHOP + "Steps$Plain.map"
    assert found.chain_index == 0


async def test_code_that_computes_is_named_by_the_frame_most_samples_share() -> None:
    found = await recorded("cpu-bound", "enrich")
    assert {classify(s).culprit_frame for s in found} >= {SHOP + "work.FraudScore.mix"}
    agreed = decided(found)
    assert agreed.kind is ThreadKind.RUNNING
    assert agreed.frame in (SHOP + "work.FraudScore.mix", SHOP + "work.FraudScore.on")


async def test_the_upstream_of_a_slow_task_is_idle_in_its_mailbox() -> None:
    found = decided(await recorded("cpu-bound", "ledger: Writer"))
    assert (found.kind, found.frame, found.operator_frame) == (ThreadKind.IDLE, "", "")


ROCKSDB = "org.apache.flink.contrib.streaming.state.RocksDBValueState.value"
FOREST = "org.apache.flink.state.forst.ForStSyncValueState.value"
HEAP = "org.apache.flink.runtime.state.heap.HeapValueState.value"
BUFFER = "org.apache.flink.runtime.io.network.buffer.LocalBufferPool"
YIELD = "org.apache.flink.streaming.runtime.tasks.mailbox.MailboxExecutorImpl.yield"
ASYNC = "org.apache.flink.streaming.api.operators.async.AsyncWaitOperator.addToWorkQueue"
ASYNC_SINK = "org.apache.flink.connector.base.sink.writer.AsyncSinkWriter.flush"


@pytest.mark.parametrize(
    ("kind", "state", "codes", "culprit", "operator"),
    [
        (ThreadKind.IDLE, "TIMED_WAITING", (PARK, PARK_NANOS, AWAIT, TAKE, RUN), "", ""),
        (
            ThreadKind.BACKPRESSURED,
            "WAITING",
            (
                PARK,
                "java.util.concurrent.CompletableFuture.get",
                BUFFER + ".requestMemorySegmentBlocking",
                OUTPUT,
                "a.Map.map",
                MAP,
            ),
            "a.Map.map",
            "a.Map.map",
        ),
        (
            ThreadKind.SLEEPING,
            "TIMED_WAITING",
            (
                "java.lang.Thread.sleep0",
                "java.lang.Thread.sleep",
                "a.Retry.later",
                "a.Map.map",
                MAP,
            ),
            "a.Retry.later",
            "a.Map.map",
        ),
        (
            ThreadKind.SLEEPING,
            "TIMED_WAITING",
            (
                "java.lang.Thread.sleep",
                "java.util.concurrent.TimeUnit.sleep",
                "com.google.common.util.concurrent.RateLimiter.acquire",
                "a.Map.map",
                MAP,
            ),
            "com.google.common.util.concurrent.RateLimiter.acquire",
            "a.Map.map",
        ),
        (
            ThreadKind.IO,
            "RUNNABLE",
            (
                "java.net.SocketInputStream.socketRead0",
                "java.net.SocketInputStream.read",
                "com.mysql.Reader.read",
                "a.Map.map",
                MAP,
            ),
            "com.mysql.Reader.read",
            "a.Map.map",
        ),
        (
            ThreadKind.IO,
            "RUNNABLE",
            ("sun.nio.ch.Net.poll", "sun.nio.ch.NioSocketImpl.park", "a.Client.ask", MAP),
            "a.Client.ask",
            "a.Client.ask",
        ),
        (
            ThreadKind.IO,
            "RUNNABLE",
            ("java.net.Inet4AddressImpl.lookupAllHostAddr", "a.Client.ask", MAP),
            "a.Client.ask",
            "a.Client.ask",
        ),
        (
            ThreadKind.IO,
            "RUNNABLE",
            ("java.io.FileOutputStream.writeBytes", "a.Log.write", MAP),
            "a.Log.write",
            "a.Log.write",
        ),
        (
            ThreadKind.IO,
            "WAITING",
            (
                PARK,
                "java.util.concurrent.locks.LockSupport.park",
                "java.util.concurrent.CompletableFuture.get",
                "a.Http.get",
                "a.Map.map",
                MAP,
            ),
            "a.Http.get",
            "a.Map.map",
        ),
        (
            ThreadKind.IO,
            "TIMED_WAITING",
            (
                PARK,
                PARK_NANOS,
                AWAIT,
                "java.util.concurrent.LinkedBlockingDeque.pollFirst",
                "org.pool.Pool.borrowObject",
                "a.Map.map",
                MAP,
            ),
            "org.pool.Pool.borrowObject",
            "a.Map.map",
        ),
        (
            ThreadKind.IO,
            "WAITING",
            ("java.lang.Object.wait0", "java.lang.Object.wait", "a.Client.await", MAP),
            "a.Client.await",
            "a.Client.await",
        ),
        (
            ThreadKind.IO,
            "TIMED_WAITING",
            (
                PARK,
                PARK_NANOS,
                AWAIT,
                TAKE,
                YIELD,
                ASYNC,
                "org.apache.flink.streaming.api.operators.async.AsyncWaitOperator.processElement",
            ),
            ASYNC,
            ASYNC,
        ),
        (
            ThreadKind.IO,
            "TIMED_WAITING",
            (
                PARK,
                PARK_NANOS,
                AWAIT,
                TAKE,
                YIELD,
                ASYNC_SINK,
                "org.apache.flink.streaming.runtime.operators.sink.SinkWriterOperator.processElement",
            ),
            ASYNC_SINK,
            ASYNC_SINK,
        ),
        (ThreadKind.LOCK, "BLOCKED", ("a.Cache.get", "a.Map.map", MAP), "a.Cache.get", "a.Map.map"),
        (
            ThreadKind.LOCK,
            "BLOCKED",
            ("java.util.Hashtable.get", "a.Map.map", MAP),
            "a.Map.map",
            "a.Map.map",
        ),
        (
            ThreadKind.LOCK,
            "WAITING",
            (
                PARK,
                "java.util.concurrent.locks.LockSupport.park",
                "java.util.concurrent.locks.AbstractQueuedSynchronizer.acquire",
                "java.util.concurrent.locks.ReentrantLock.lock",
                "a.Cache.get",
                MAP,
            ),
            "a.Cache.get",
            "a.Cache.get",
        ),
        (
            ThreadKind.STATE,
            "RUNNABLE",
            ("org.rocksdb.RocksDB.get", ROCKSDB, "a.Map.map", MAP),
            "a.Map.map",
            "a.Map.map",
        ),
        (
            ThreadKind.STATE,
            "RUNNABLE",
            ("org.forstdb.RocksDB.get", FOREST, "a.Map.map", MAP),
            "a.Map.map",
            "a.Map.map",
        ),
        (ThreadKind.STATE, "RUNNABLE", (HEAP, "a.Map.map", MAP), "a.Map.map", "a.Map.map"),
        (
            ThreadKind.RUNNING,
            "RUNNABLE",
            ("java.util.HashMap.get", "a.Score.of", "a.Map.map", MAP),
            "a.Score.of",
            "a.Map.map",
        ),
        (
            ThreadKind.RUNNING,
            "RUNNABLE",
            ("java.net.URI.<init>", "a.Map.map", MAP),
            "a.Map.map",
            "a.Map.map",
        ),
        (
            ThreadKind.RUNNING,
            "RUNNABLE",
            ("StreamExecCalc$7.processElement", OUTPUT),
            "StreamExecCalc$7.processElement",
            "StreamExecCalc$7.processElement",
        ),
        (
            ThreadKind.RUNNING,
            "RUNNABLE",
            (
                "com.esotericsoftware.kryo.Kryo.copy",
                "org.apache.flink.api.java.typeutils.runtime.kryo.KryoSerializer.copy",
                OUTPUT,
                MAP,
            ),
            "com.esotericsoftware.kryo.Kryo.copy",
            MAP,
        ),
        (None, "WAITING", (PARK, "org.apache.flink.runtime.io.Some.wait", RUN), "", ""),
        (
            None,
            "RUNNABLE",
            (
                "sun.nio.ch.Net.poll",
                "org.apache.beam.Harness.await",
                "org.apache.flink.streaming.api.runners.python.beam.BeamPythonFunctionRunner.flush",
            ),
            "org.apache.beam.Harness.await",
            "org.apache.beam.Harness.await",
        ),
        (None, "WAITING", (), "", ""),
    ],
)
def test_a_thread_is_classified_by_its_frames(
    kind: ThreadKind | None, state: str, codes: tuple[str, ...], culprit: str, operator: str
) -> None:
    found = classify(sample(*codes, state=state))
    assert (found.kind, found.culprit_frame, found.operator_frame) == (kind, culprit, operator)
    assert found.sleeps_in == (culprit if kind is ThreadKind.SLEEPING else "")


BROADCAST = "org.apache.flink.streaming.runtime.tasks.CopyingBroadcastingOutputCollector.collect"
COORDINATOR = (
    "org.apache.flink.streaming.runtime.tasks.SubtaskCheckpointCoordinatorImpl.checkpointState"
)
WATERMARK = "org.apache.flink.streaming.runtime.tasks.ChainingOutput.emitWatermark"


@pytest.mark.parametrize(
    ("codes", "index"),
    [
        (("a.Map.map", MAP, INPUT), 0),
        (("a.Map.map", MAP, OUTPUT, MAP, OUTPUT, MAP, INPUT), 2),
        (("a.Fn.onTimer", OUTPUT, MAP, WATERMARK, MAP, INPUT), 2),
        (("a.Map.map", OUTPUT, BROADCAST, MAP, INPUT), -1),
        (("a.Fn.onTimer", MAP, MAIL, INPUT), -1),
        (("a.Fn.snapshotState", COORDINATOR, INPUT), -1),
        (("a.Map.map", MAP), -1),
        ((), -1),
    ],
)
def test_the_operator_in_the_chain_is_counted_where_the_way_of_the_data_is_seen(
    codes: tuple[str, ...], index: int
) -> None:
    assert classify(sample(*codes)).chain_index == index


def computing(number: int, *codes: str) -> list[ThreadSample]:
    return [sample(*(codes or ("a.Score.of", "a.Map.map", MAP)), dump=i) for i in range(number)]


def test_eight_samples_of_three_dumps_decide_and_fewer_do_not() -> None:
    assert decided(computing(8)).samples == 8
    few = verdict(computing(7))
    assert few == Unknown("7 samples of 7 thread dumps: 8 samples of 3 dumps decide")
    two = [sample("a.Map.map", MAP, dump=i % 2, subtask=i) for i in range(10)]
    assert verdict(two) == Unknown("10 samples of 2 thread dumps: 8 samples of 3 dumps decide")
    assert isinstance(verdict([]), Unknown)


def test_three_quarters_have_to_agree_on_what_they_do() -> None:
    idle = [sample(PARK, TAKE, RUN, state="WAITING", dump=i) for i in range(8)]
    assert decided(computing(9) + idle[:3]).share == 0.75
    assert isinstance(verdict(computing(8) + idle[:3]), Unknown)
    unknown = [sample(PARK, RUN, state="WAITING", dump=i) for i in range(8)]
    assert isinstance(verdict(unknown), Unknown)


def test_three_quarters_have_to_agree_on_where() -> None:
    places = [sample(f"a.P{i}.of", f"a.Map{i}.map", MAP, dump=i) for i in range(8)]
    assert isinstance(verdict(places), Unknown)
    assert "different places" in verdict(places).reason  # type: ignore[union-attr]
    serializing = [sample("java.util.HashMap.get", OUTPUT, MAP, dump=i) for i in range(8)]
    assert decided(serializing).frame == MAP
    nowhere = [sample("org.apache.flink.Some.thing", dump=i) for i in range(8)]
    assert isinstance(verdict(nowhere), Unknown)


def test_the_index_in_the_chain_is_told_only_if_most_agree() -> None:
    first = computing(4, "a.Map.map", MAP, INPUT)
    second = computing(4, "a.Map.map", MAP, OUTPUT, MAP, INPUT)
    assert decided(first + second).chain_index == -1
    assert decided(second * 2).chain_index == 1


def test_of_two_threads_of_one_name_the_idle_one_is_another_jobs() -> None:
    idle = [sample(PARK, TAKE, RUN, state="WAITING", dump=i, thread=2) for i in range(8)]
    found = decided(computing(8) + idle)
    assert (found.kind, found.samples) == (ThreadKind.RUNNING, 8)
    assert decided(idle).kind is ThreadKind.IDLE


def test_two_busy_threads_of_one_name_have_to_agree() -> None:
    other = [msgspec.structs.replace(s, thread=2) for s in computing(8, "b.Other.map", MAP)]
    assert isinstance(verdict(computing(8) + other), Unknown)


def test_a_lock_of_another_container_or_dump_is_not_taken_for_this_one() -> None:
    holder = computing(8)
    waiting = [
        sample("a.X.y", state="BLOCKED", held_by="enrich (1/2)#0", subtask=1, dump=i, container="o")
        for i in range(2)
    ]
    assert decided(holder + waiting).kind is ThreadKind.RUNNING
