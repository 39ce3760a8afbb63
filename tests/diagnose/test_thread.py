import pytest

from drsquirrel.diagnose.thread import classify
from drsquirrel.model.case import ThreadKind
from tests.diagnose.threads import (
    AWAIT,
    INPUT,
    MAIL,
    MAP,
    OUTPUT,
    PARK,
    PARK_NANOS,
    RUN,
    TAKE,
    sample,
)

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
