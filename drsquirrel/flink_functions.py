"""The functions of FlinkJobWatcher, which run where Flink runs its tasks.

Messages are taken in batches, and what they say is passed on in bundles of many groups: each row is
dear where Python works in Flink.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import repeat
from threading import Lock
from typing import Any

import msgspec
import pandas as pd
from msgspec import Struct
from pyflink.common import Row, Types
from pyflink.datastream import KeyedProcessFunction, RuntimeContext, TimeDomain
from pyflink.datastream.state import ListStateDescriptor
from pyflink.metrics import MetricGroup
from pyflink.table import DataTypes, ScalarFunction
from pyflink.table.udf import FunctionContext

from drsquirrel.collect.kafka.message import (
    PER_MINUTE,
    SNAPSHOT_BYTES,
    Allowance,
    Refusal,
    believed_ms,
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
from drsquirrel.model.snapshot import MINUTE_MS, Snapshot
from drsquirrel.store.body import Zstd
from drsquirrel.watch.bundle import (
    Bundle,
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
TOGETHER = 50
"""Messages that are looked through at once for what might be a secret."""
NEWS_PER_MINUTE = 1_000
"""Of one task; what is more waits for its window."""
NEWS = FailureEvent, ChangeEvent
"""Told at once as well."""
LEFT_OUT = ContainerEvent, ConfigEvent
COLUMNS = {
    "arrived_ms": DataTypes.BIGINT(),
    "bucket": DataTypes.INT(),
    "bundle": DataTypes.BYTES(),
    "at_once": DataTypes.BYTES(),
}
"""What is taken of a batch; the rows behind it have no `arrived_ms`."""
TAKEN = DataTypes.ROW([DataTypes.FIELD(name, type_) for name, type_ in COLUMNS.items()])
PAYLOAD = Types.PRIMITIVE_ARRAY(Types.BYTE())
BUNDLED = Types.TUPLE([Types.LONG(), PAYLOAD])
"""When the last of a bundle arrived, in ms, and the bundle."""
TOLD = Types.ROW_NAMED(
    ["ts_ms", "id", "headers", "payload"],
    [Types.LONG(), Types.STRING(), Types.MAP(Types.STRING(), PAYLOAD), PAYLOAD],
)
"""A message as it is sent; a dead letter has no id."""


class Sent(Struct, frozen=True, array_like=True, gc=False):
    """A message to send: a row of TOLD."""

    ts_ms: int
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


def packed(bundle: Bundle, counters: Counters) -> bytes:
    """A bundle as it is passed on."""
    encoded, dropped = encode(bundle)
    counters.add_dropped(dropped)
    return ZSTD.pack(encoded)


def unpacked(parts: Iterable[bytes], counters: Counters) -> dict[tuple[Group, int], list[Snapshot]]:
    """The pieces in what `packed` gave, by group and window."""
    found, dropped = unbundled(decode(ZSTD.unpack(part)) for part in parts)
    counters.add_dropped(dropped)
    return found


class Take(ScalarFunction):
    """A batch of messages: what those of each bucket and minute say, a row each."""

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
        self._untouched = set(range(self._buckets))
        """Those it has not spoken to. They may hold what was restored without a timer: a checkpoint
        may have what a function has put aside, and not its timer."""

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
        arrived: list[Arrived] = []
        at_once: list[bytes] = []
        now_ms, clock_ms = int(time.monotonic() * 1_000), int(time.time() * 1_000)
        arrivals_ms = arrivals.dt.as_unit("ms").astype("int64").tolist()
        values = [payload or b"" for payload in payloads]
        redactions = self._redactions(values)
        given = zip(topics, partitions, offsets, arrivals_ms, sent, values, redactions, strict=True)
        for topic, partition, offset, arrival_ms, sent_ms, payload, redaction in given:
            message = self._examined(payload, topic, redaction)
            if isinstance(message, Refusal):
                self._counters.add("refused")
                if self._letters.has_room(now_ms):
                    headers = letter_headers(payload, message.reason, "", topic, partition, offset)
                    letter = Sent(arrival_ms, None, headers, shown(payload, self._redaction))
                    at_once.append(encode_sent(letter))
                continue
            if isinstance(message, LEFT_OUT):
                continue
            told_ms = believed_ms(arrival_ms, message, clock_ms) - waited_ms(sent_ms, message)
            one = Arrived(arrival_ms, told_ms, message)
            arrived.append(one)
            if isinstance(message, NEWS) and self._news.has_room(now_ms):
                news, _ = unbundled([Bundle((one,))])
                at_once += map(encode_sent, told("news", arrival_ms, news))
        found, dropped = bundles(arrived, self._buckets)
        self._counters.add_dropped(dropped)
        rows: list[tuple[int | None, int, bytes | None]] = [
            (bundle.arrived_ms, bucket, packed(bundle, self._counters))
            for (bucket, _), bundle in found.items()
        ]
        first_ms, count = min(arrivals_ms), len(topics)
        self._untouched.difference_update(bucket for bucket, _ in found)
        while len(rows) < count and self._untouched:
            rows.append((first_ms, self._untouched.pop(), None))
        rows += [(first_ms, 0, None)] * (len(at_once) - len(rows))
        rows += [(None, 0, None)] * (count - len(rows))
        columns = [*zip(*rows, strict=True), at_once + [None] * (count - len(at_once))]
        return pd.DataFrame(dict(zip(COLUMNS, columns, strict=True)), dtype=object)

    def _redactions(self, payloads: Sequence[bytes]) -> Iterator[Redaction | None]:
        """What each is to be examined with. Most have nothing to hide, and to see it of many at
        once is faster."""
        for begin in range(0, len(payloads), TOGETHER):
            some = payloads[begin : begin + TOGETHER]
            yield from repeat(
                self._redaction if self._redaction.suspects(some) else None, len(some)
            )

    def _examined(
        self, payload: bytes, topic: str, redaction: Redaction | None
    ) -> Message | Refusal:
        """One message that breaks what reads it ends no job, which would read it again."""
        try:
            return examined(payload, self._bound.get(topic), redaction)
        except Exception:
            return Refusal("not understood")


class Window(KeyedProcessFunction):
    """The bundles of a bucket: joined minute by minute, told when its window closes. What comes
    later is told at once."""

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets

    def open(self, context: RuntimeContext) -> None:
        self._counters = Counters(context.get_metrics_group())
        self._bundles = context.get_list_state(ListStateDescriptor("bundles", BUNDLED))
        self._minutes = context.get_list_state(ListStateDescriptor("minutes", PAYLOAD))

    def process_element(self, value: Row, context: KeyedProcessFunction.Context) -> Iterator[Row]:
        """`value` is a row of TAKEN."""
        arrived_ms, bucket, bundle, at_once = value
        timers = context.timer_service()
        if at_once is not None:
            yield _row(decode_sent(at_once))
        closes = closes_ms(bucket, self._buckets, arrived_ms)
        if bundle is not None and closes <= timers.current_watermark():
            yield from self._told("late", arrived_ms, [bundle])
            return
        timers.register_event_time_timer(closes)
        if bundle is not None:
            self._bundles.add((arrived_ms, bundle))
            timers.register_processing_time_timer(
                joins_ms(bucket, self._buckets, timers.current_processing_time())
            )

    def on_timer(
        self, timestamp: int, context: KeyedProcessFunction.OnTimerContext
    ) -> Iterator[Row]:
        """A window closes, or it is time to join what came in minutes that are over. Those that are
        not would be folded twice."""
        found = [*self._bundles.get()]
        if context.time_domain() == TimeDomain.EVENT_TIME:
            parts = [bundle for _, bundle in found]
            yield from self._told("window", timestamp, [*parts, *self._minutes.get()])
            # PyFlink forgets a `clear` when the next key has its turn and nothing is cached.
            self._bundles.update([])
            self._minutes.update([])
            return
        begin_ms = max((at_ms for at_ms, _ in found), default=0) // MINUTE_MS * MINUTE_MS
        over = [bundle for at_ms, bundle in found if at_ms < begin_ms]
        if over:
            self._minutes.add(self._joined(over))
            self._bundles.update([one for one in found if one[0] >= begin_ms])

    @alone()
    def _joined(self, parts: list[bytes]) -> bytes:
        return packed(bundled(unpacked(parts, self._counters)), self._counters)

    @alone()
    def _told(self, kind: str, ts_ms: int, parts: list[bytes]) -> list[Row]:
        return [_row(one) for one in told(kind, ts_ms, unpacked(parts, self._counters))]


def told(
    kind: str, ts_ms: int, found: Mapping[tuple[Group, int], list[Snapshot]]
) -> Iterator[Sent]:
    """The snapshots of each group and window: one, if it is not too large."""
    for (group, _), snapshots in found.items():
        name = msgspec.json.encode([group.job, group.container, group.slice])
        headers = {"kind": kind.encode(), "group": name}
        for payload in fitting(snapshots, SNAPSHOT_BYTES - HEAD_BYTES):
            yield Sent(ts_ms, group.cluster, headers, payload)


def _row(one: Sent) -> Row:
    return Row(one.ts_ms, one.id, one.headers, one.payload)
