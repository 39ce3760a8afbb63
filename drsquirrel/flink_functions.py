"""The functions of FlinkJobWatcher, which run where Flink runs its tasks.

Messages are taken in batches, and what they say is passed on in bundles of many groups: each row is
dear where Python works in Flink.
"""

import gc
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import msgspec
import pandas as pd
from pyflink.table import DataTypes, ScalarFunction, TableFunction
from pyflink.table.udf import FunctionContext

from drsquirrel.collect.kafka.message import (
    PER_MINUTE,
    SNAPSHOT_BYTES,
    Allowance,
    Refusal,
    examined,
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
from drsquirrel.store.body import Zstd
from drsquirrel.watch.bundle import (
    Bundle,
    bucket_of,
    bundled,
    bundles,
    closes_ms,
    decode,
    encode,
    unbundled,
)
from drsquirrel.watch.piece import Arrived, Group, fitting

HEAD_BYTES = 64 << 10
"""For what Kafka puts around a snapshot, which may not be compressible."""
NEWS_PER_MINUTE = 1_000
"""Of one task; what is more waits for its window."""
TEXT, BYTES = DataTypes.STRING(), DataTypes.BYTES()
COLUMNS = {
    "bucket": DataTypes.INT(),
    "bundle": BYTES,
    "closes_ms": DataTypes.BIGINT(),
    "news": BYTES,
    "letter": BYTES,
    "reason": TEXT,
    "topic": TEXT,
    "partition": TEXT,
    "offset": TEXT,
    "bytes": TEXT,
}
"""What is taken of each message; the last six of one that is refused."""
TAKEN = DataTypes.ROW([DataTypes.FIELD(name, type_) for name, type_ in COLUMNS.items()])


ZSTD = Zstd(1, checksum=False)
"""What is alike lies together."""
LOCK = Lock()
sys.setswitchinterval(0.0005)
"""Who waits for the interpreter, as all do that send or receive a row, gets it ten times sooner."""


@contextmanager
def alone() -> Iterator[None]:
    """One function of a slot at a time: they share an interpreter; side by side they would be no
    faster, and need the memory of all at once. The many objects of a batch hold no cycles, and are
    not looked through for them."""
    with LOCK:
        gc.disable()
        try:
            yield
        finally:
            gc.enable()


def packed(bundle: Bundle) -> bytes:
    """A bundle as it is passed on."""
    return ZSTD.pack(encode(bundle))


def unpacked(data: bytes) -> Bundle:
    """What `packed` was given."""
    return decode(ZSTD.unpack(data))


class Counters:
    """Of a function, each there once it is more than nothing."""

    def __init__(self, context: FunctionContext) -> None:
        self._counter = context.get_metric_group().counter
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
        self._counters = Counters(context)
        self._letters = Allowance(PER_MINUTE)
        self._news = Allowance(NEWS_PER_MINUTE)

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
        arrived: list[Arrived] = []
        last: dict[tuple[int, int], int] = {}
        now_ms = int(time.monotonic() * 1_000)
        arrivals_ms = arrivals.dt.as_unit("ms").astype("int64")

        def put(row: int, **told: object) -> None:
            for name, value in told.items():
                rows[name][row] = value

        given = zip(topics, partitions, offsets, arrivals_ms, sent, payloads, strict=True)
        for row, (topic, partition, offset, arrival_ms, sent_ms, payload) in enumerate(given):
            payload = payload or b""
            message = self._examined(payload, topic)
            if isinstance(message, Refusal):
                self._counters.add("refused")
                if self._letters.has_room(now_ms):
                    put(row, letter=shown(payload, self._redaction), reason=message.reason)
                    put(row, topic=topic, partition=str(partition), offset=str(offset))
                    put(row, bytes=str(len(payload)))
                continue
            if isinstance(message, ContainerEvent | ConfigEvent):
                continue
            one = Arrived(arrival_ms, arrival_ms - waited_ms(sent_ms, message), message)
            arrived.append(one)
            last[bucket_of(one.group, self._buckets), one.minute] = row
            if isinstance(message, FailureEvent | ChangeEvent) and self._news.has_room(now_ms):
                for bundle in bundles([one], self._buckets)[0].values():
                    put(row, news=packed(bundle))
        found, dropped = bundles(arrived, self._buckets)
        self._counters.add_dropped(dropped)
        for key, bundle in found.items():
            row, bucket = last[key], key[0]
            closes = closes_ms(bucket, int(arrivals_ms[row]))
            put(row, bucket=bucket, bundle=packed(bundle), closes_ms=closes)
        return pd.DataFrame(rows, dtype=object)

    def _examined(self, payload: bytes, topic: str) -> Message | Refusal:
        """One message that breaks what reads it ends no job, which would read it again."""
        try:
            return examined(payload, self._bound.get(topic), self._redaction)
        except Exception:
            return Refusal("not understood")


class Join(ScalarFunction):
    """Bundles of a bucket and window, joined."""

    def open(self, context: FunctionContext) -> None:
        self._counters = Counters(context)

    @alone()
    def eval(self, parts: Iterable[bytes]) -> bytes:
        """One bundle. No pandas: a row is large here, and what Arrow needs for many of them lies
        outside of Java's heap, where there is little."""
        found, dropped = unbundled(map(unpacked, parts))
        self._counters.add_dropped(dropped)
        return packed(bundled(found))


class Tell(TableFunction):
    """What is known of each group in bundles of a bucket and window, as it is told."""

    def open(self, context: FunctionContext) -> None:
        self._counters = Counters(context)

    @alone()
    def eval(self, parts: Iterable[bytes]) -> list[tuple[str, str, bytes]]:
        """The cluster, the group and the snapshot of each."""
        found, dropped = unbundled(map(unpacked, parts))
        self._counters.add_dropped(dropped)
        return [
            (group.cluster, _key(group), fitting(snapshots, SNAPSHOT_BYTES - HEAD_BYTES))
            for (group, _), snapshots in found.items()
        ]


def _key(group: Group) -> str:
    return msgspec.json.encode([group.job, group.container, group.slice]).decode()
