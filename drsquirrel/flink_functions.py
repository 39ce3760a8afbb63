"""The functions of FlinkJobWatcher, which run where Flink runs its tasks.

Messages are taken in batches, and what they say is passed on in bundles of many groups: each row is
dear where Python works in Flink.
"""

import gc
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import msgspec
import pandas as pd
from msgspec import Struct
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, TimeDomain
from pyflink.datastream.state import ListState, ListStateDescriptor
from pyflink.metrics import MetricGroup
from pyflink.table import DataTypes, ScalarFunction
from pyflink.table.udf import FunctionContext

from drsquirrel.collect.kafka.message import (
    PER_MINUTE,
    SNAPSHOT_BYTES,
    Allowance,
    Refusal,
    examined,
    letter_headers,
    shown,
    waited_ms,
)
from drsquirrel.collect.redaction import Redaction
from drsquirrel.model.event import (
    ChangeEvent,
    ConfigEvent,
    ContainerEvent,
    FailureEvent,
    Message,
)
from drsquirrel.model.snapshot import Snapshot
from drsquirrel.store.body import Zstd
from drsquirrel.watch.bundle import (
    Bundle,
    bucket_of,
    bundled,
    bundles,
    closes_ms,
    decode,
    encode,
    joins_ms,
    unbundled,
)
from drsquirrel.watch.piece import Arrived, Group, fitting

HEAD_BYTES = 64 << 10
"""For what Kafka puts around a snapshot, which may not be compressible."""
NEWS_PER_MINUTE = 1_000
"""Of one task; what is more waits for its window."""
COLUMNS = {
    "arrived_ms": DataTypes.BIGINT(),
    "bucket": DataTypes.INT(),
    "bundle": DataTypes.BYTES(),
    "at_once": DataTypes.BYTES(),
}
"""What is taken of each message; most say nothing by themselves, and have no `arrived_ms`."""
TAKEN = DataTypes.ROW([DataTypes.FIELD(name, type_) for name, type_ in COLUMNS.items()])
PAYLOAD = Types.PRIMITIVE_ARRAY(Types.BYTE())
TOLD = Types.ROW_NAMED(
    ["ts_ms", "id", "headers", "payload"],
    [Types.LONG(), Types.STRING(), Types.MAP(Types.STRING(), PAYLOAD), PAYLOAD],
)
"""A message as it is sent; a dead letter has no id."""


class Sent(Struct, frozen=True, array_like=True, gc=False):
    """A message to send: a row of TOLD, but for its time."""

    id: str | None
    headers: dict[str, bytes]
    payload: bytes


encode_sent = msgspec.msgpack.Encoder().encode
decode_sent = msgspec.msgpack.Decoder(Sent).decode
ZSTD = Zstd(1, checksum=False)
"""What is alike lies together."""
NEXT, LOCK = Lock(), Lock()
"""Whoever waits for LOCK holds NEXT, so that nobody has it twice meanwhile."""
sys.setswitchinterval(0.0005)
"""Who waits for the interpreter, as all do that send or receive a row, gets it ten times sooner."""


@contextmanager
def alone() -> Iterator[None]:
    """One function of a slot at a time: they share an interpreter; side by side they would be no
    faster, and need the memory of all at once. The many objects of a batch hold no cycles, and are
    not looked through for them."""
    with NEXT:
        LOCK.acquire()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        LOCK.release()


def packed(bundle: Bundle) -> bytes:
    """A bundle as it is passed on."""
    return ZSTD.pack(encode(bundle))


def unpacked(data: bytes) -> Bundle:
    """What `packed` was given."""
    return decode(ZSTD.unpack(data))


class Counters:
    """Of a function, each there once it is more than nothing."""

    def __init__(self, group: MetricGroup) -> None:
        self._counter = group.counter
        self._counters: dict[str, Any] = {}

    def add(self, name: str, n: int = 1) -> None:
        """So many more."""
        if name not in self._counters:
            self._counters[name] = self._counter(name)
        self._counters[name].inc(n)

    def add_dropped(self, dropped: Mapping[str, int]) -> None:
        """What was dropped, by reason."""
        for reason, n in dropped.items():
            self.add(f"dropped_{reason.replace(' ', '_')}", n)


class Take(ScalarFunction):
    """A batch of messages: what those of each bucket and minute say, on the last row of each."""

    def __init__(
        self, bound: Mapping[str, tuple[str, ...]], redact_keys: tuple[str, ...], buckets: int
    ) -> None:
        self._bound = bound
        self._redact_keys = redact_keys
        self._buckets = buckets

    def open(self, context: FunctionContext) -> None:
        self._redaction = Redaction(self._redact_keys)
        self._counters = Counters(context.get_metric_group())
        self._letters = Allowance(PER_MINUTE)
        self._news = Allowance(NEWS_PER_MINUTE)
        self._untouched = list(range(self._buckets))

    @alone()
    def eval(
        self,
        topics: Sequence[str],
        partitions: Sequence[int],
        offsets: Sequence[int],
        arrivals: Any,
        sent: Sequence[bytes | None],
        payloads: Sequence[bytes | None],
    ) -> pd.DataFrame:
        """Rows of TAKEN, one for each message."""
        rows: dict[str, list[Any]] = {name: [None] * len(topics) for name in COLUMNS}
        rows["bucket"] = [0] * len(topics)
        arrived: list[Arrived] = []
        last: dict[tuple[int, int], int] = {}
        now_ms = int(time.monotonic() * 1_000)
        arrivals_ms = arrivals.dt.as_unit("ms").astype("int64")

        def put(row: int, **told: object) -> None:
            rows["arrived_ms"][row] = int(arrivals_ms[row])
            for name, value in told.items():
                rows[name][row] = value

        given = zip(topics, partitions, offsets, arrivals_ms, sent, payloads, strict=True)
        for row, (topic, partition, offset, arrival_ms, sent_ms, payload) in enumerate(given):
            payload = payload or b""
            message = self._examined(payload, topic)
            if isinstance(message, Refusal):
                self._counters.add("refused")
                if self._letters.has_room(now_ms):
                    headers = letter_headers(payload, message.reason, "", topic, partition, offset)
                    letter = Sent(None, headers, shown(payload, self._redaction))
                    put(row, at_once=encode_sent(letter))
                continue
            if isinstance(message, ContainerEvent | ConfigEvent):
                continue
            one = Arrived(arrival_ms, arrival_ms - waited_ms(sent_ms, message), message)
            arrived.append(one)
            last[bucket_of(one.group, self._buckets), one.minute] = row
            if isinstance(message, FailureEvent | ChangeEvent) and self._news.has_room(now_ms):
                for news in told("news", unbundled([Bundle((one,))])[0]):
                    put(row, at_once=encode_sent(news))
        found, dropped = bundles(arrived, self._buckets)
        self._counters.add_dropped(dropped)
        for key, bundle in found.items():
            put(last[key], bucket=key[0], bundle=packed(bundle))
        if self._untouched:
            self._touch(rows["arrived_ms"], put)
        return pd.DataFrame(rows, dtype=object)

    def _touch(self, arrived_ms: Sequence[int | None], put: Callable[..., None]) -> None:
        """Let rows that say nothing speak to each bucket once. It may hold what was restored
        without a timer: a checkpoint may have what a function has put aside, and not its timer."""
        for row, told_ms in enumerate(arrived_ms):
            if told_ms is None and self._untouched:
                put(row, bucket=self._untouched.pop())

    def _examined(self, payload: bytes, topic: str) -> Message | Refusal:
        """One message that breaks what reads it ends no job, which would read it again."""
        try:
            return examined(payload, self._bound.get(topic), self._redaction)
        except Exception:
            return Refusal("not understood")


class Window(KeyedProcessFunction):
    """The bundles of a bucket: joined each minute, told when its window closes. What comes later is
    told at once."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def open(self, context: RuntimeContext) -> None:
        self._counters = Counters(context.get_metrics_group())
        self._bundles = context.get_list_state(ListStateDescriptor("bundles", PAYLOAD))
        self._minutes = context.get_list_state(ListStateDescriptor("minutes", PAYLOAD))

    def process_element(self, value: Row, context: KeyedProcessFunction.Context) -> Iterator[Row]:
        """`value` is a row of TAKEN."""
        arrived_ms, bucket, bundle, at_once = value
        timers = context.timer_service()
        if at_once is not None:
            yield _row(arrived_ms, decode_sent(at_once))
        closes = closes_ms(bucket, self._buckets, arrived_ms)
        if bundle is not None and closes <= timers.current_watermark():
            yield from self._told("late", arrived_ms, [bundle])
            return
        timers.register_event_time_timer(closes)
        if bundle is not None:
            self._bundles.add(bundle)
            timers.register_processing_time_timer(
                joins_ms(bucket, self._buckets, timers.current_processing_time())
            )

    def on_timer(
        self, timestamp: int, context: KeyedProcessFunction.OnTimerContext
    ) -> Iterator[Row]:
        """A window closes, or it is time to join what came since the last time."""
        found = _taken(self._bundles)
        if context.time_domain() == TimeDomain.EVENT_TIME:
            yield from self._told("window", timestamp, found + _taken(self._minutes))
        elif found:
            self._minutes.add(self._joined(found))

    @alone()
    def _joined(self, parts: list[bytes]) -> bytes:
        return packed(bundled(self._known(parts)))

    @alone()
    def _told(self, kind: str, ts_ms: int, parts: list[bytes]) -> list[Row]:
        return [_row(ts_ms, one) for one in told(kind, self._known(parts))]

    def _known(self, parts: list[bytes]) -> dict[tuple[Group, int], list[Snapshot]]:
        found, dropped = unbundled(map(unpacked, parts))
        self._counters.add_dropped(dropped)
        return found


def told(kind: str, found: Mapping[tuple[Group, int], list[Snapshot]]) -> Iterator[Sent]:
    """The snapshot of each group and window."""
    for (group, _), snapshots in found.items():
        name = msgspec.json.encode([group.job, group.container, group.slice])
        headers = {"kind": kind.encode(), "group": name}
        payload = fitting(snapshots, SNAPSHOT_BYTES - HEAD_BYTES)
        yield Sent(group.cluster, headers, payload)


def _taken(state: ListState) -> list[bytes]:
    """All in it, which is empty then. PyFlink forgets a `clear` when the next key has its turn and
    nothing is cached."""
    found = [*state.get()]
    state.update([])
    return found


def _row(ts_ms: int, one: Sent) -> Row:
    return Row(ts_ms, one.id, one.headers, one.payload)
