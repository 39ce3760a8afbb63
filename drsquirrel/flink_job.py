"""FlinkJobWatcher: a Flink job that folds what the plugin sends and tells snapshots of it.

Messages are folded in batches as they come; windows of one and of five minutes of arrival join the
pieces, so that no message is ever in state. What happened just now, and what came after its window
had closed, leaves at once as a piece of its own. This is the only file that imports pyflink.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd
from py4j.protocol import Py4JJavaError
from pyflink.common import Configuration
from pyflink.table import (
    DataTypes,
    EnvironmentSettings,
    ScalarFunction,
    StatementSet,
    TableEnvironment,
)
from pyflink.table.udf import FunctionContext, udaf, udf
from pyflink.util.exceptions import TableException

from drsquirrel.collect.flink_rest.error import FlinkError
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
from drsquirrel.model.snapshot import Snapshot, decoder
from drsquirrel.store.body import Zstd
from drsquirrel.watch.piece import DELAY_MS, Arrived, Group, fitting, pieces

BATCH = 5_000
"""Messages folded at once; the more of a run lie in a batch, the less is passed on."""
BATCH_MS = 1_000
"""For so long a batch is waited for."""
IDLE_S = 10
"""A partition without a message for so long holds up no window."""
HEAD_BYTES = 64 << 10
"""For what Kafka puts around a snapshot, which may not be compressible."""
NEWS_PER_MINUTE = 1_000
"""Of one task; what is more waits for its window."""
TEXT, BYTES = DataTypes.STRING(), DataTypes.BYTES()
COLUMNS = {
    "cluster": TEXT,
    "grp": TEXT,
    "piece": BYTES,
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


class RefusedError(FlinkError):
    """One sentence that says why Flink does not take the job."""


@dataclass(frozen=True, slots=True)
class Spec:
    """What the job reads and writes."""

    kafka: Mapping[str, str]
    """How to reach Kafka: the options of its Java client."""
    topics: tuple[str, ...]
    bound: Mapping[str, tuple[str, ...]]
    """By topic, the clusters that may speak in it; in others any may."""
    snapshots: str
    dead_letters: str
    redact_keys: tuple[str, ...]
    group: str
    start_ms: int | None
    """From which arrival on it reads; without it, from the beginning."""


class Take(ScalarFunction):
    """A batch of messages: what each group and minute of them says, on the last row of each."""

    def __init__(self, bound: Mapping[str, tuple[str, ...]], redact_keys: tuple[str, ...]) -> None:
        self._bound = bound
        self._redact_keys = redact_keys

    def open(self, context: FunctionContext) -> None:
        self._redaction = Redaction(self._redact_keys)
        metrics = context.get_metric_group()
        self._counters: dict[str, Any] = {}
        self._counter = metrics.counter
        self._letters = Allowance(PER_MINUTE)
        self._news = Allowance(NEWS_PER_MINUTE)

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
        last: dict[tuple[Group, int], int] = {}
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
                self._count("refused")
                if self._letters.has_room(now_ms):
                    put(row, letter=shown(payload, self._redaction), reason=message.reason)
                    put(row, topic=topic, partition=str(partition), offset=str(offset))
                    put(row, bytes=str(len(payload)))
                continue
            if isinstance(message, ContainerEvent | ConfigEvent):
                continue
            one = Arrived(arrival_ms, arrival_ms - waited_ms(sent_ms, message), message)
            arrived.append(one)
            last[one.group, one.minute] = row
            if isinstance(message, FailureEvent | ChangeEvent) and self._news.has_room(now_ms):
                [((group, _), news)] = pieces([one])[0].items()
                put(row, cluster=group.cluster, grp=_key(group), news=_fitting([news]))
        found, dropped = pieces(arrived)
        for reason, n in dropped.items():
            self._count(f"dropped_{reason.replace(' ', '_')}", n)
        for key, piece in found.items():
            group, _ = key
            packed = ZSTD.pack(_fitting([piece]))
            put(last[key], cluster=group.cluster, grp=_key(group), piece=packed)
        return pd.DataFrame(rows, dtype=object)

    def _examined(self, payload: bytes, topic: str) -> Message | Refusal:
        """One message that breaks what reads it ends no job, which would read it again."""
        try:
            return examined(payload, self._bound.get(topic), self._redaction)
        except Exception:
            return Refusal("not understood")

    def _count(self, name: str, n: int = 1) -> None:
        if name not in self._counters:
            self._counters[name] = self._counter(name)
        self._counters[name].inc(n)


ZSTD = Zstd(1, checksum=False)
"""A piece in state repeats itself. All functions of a slot run in one process."""


def join(parts: Iterable[bytes]) -> bytes:
    """Pieces of one group and window, joined and packed."""
    return ZSTD.pack(told(parts))


def told(parts: Iterable[bytes]) -> bytes:
    """Packed pieces of one group and window, joined, as they are told."""
    return _fitting([decoder.decode(ZSTD.unpack(part)) for part in parts])


def told_alone(parts: pd.Series) -> pd.Series:
    """Each of some packed pieces, as it is told."""
    return parts.map(lambda part: ZSTD.unpack(part) if part else None)


def _fitting(parts: Iterable[Snapshot]) -> bytes:
    return fitting(parts, SNAPSHOT_BYTES - HEAD_BYTES)


def _key(group: Group) -> str:
    return msgspec.json.encode([group.job, group.container, group.slice]).decode()


SOURCE = """
CREATE TEMPORARY TABLE messages (
  payload BYTES,
  topic STRING METADATA VIRTUAL,
  part INT METADATA FROM 'partition' VIRTUAL,
  off BIGINT METADATA FROM 'offset' VIRTUAL,
  headers MAP<STRING, BYTES> METADATA VIRTUAL,
  ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  WATERMARK FOR ts AS ts - INTERVAL '{delay_s}' SECOND
) WITH ({options})
"""
SINK = """
CREATE TEMPORARY TABLE {name} (
  id STRING, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp',
  headers MAP<STRING, BYTES> METADATA, payload BYTES
) WITH ({options})
"""
TAKE = """
CREATE TEMPORARY VIEW taken AS
SELECT ts, take(topic, part, off, ts, headers['sent_ms'], payload) AS t
FROM messages
"""
LATE = """
CREATE TEMPORARY VIEW parts AS
SELECT ts, t.cluster AS cluster, t.grp AS grp, t.piece AS piece,
  CURRENT_WATERMARK(ts) IS NOT NULL AND
    FLOOR(ts TO MINUTE) + INTERVAL '59.999' SECOND <= CURRENT_WATERMARK(ts) AS late
FROM taken WHERE t.piece IS NOT NULL
"""
MINUTES = """
CREATE TEMPORARY VIEW minutes AS
SELECT cluster, grp, join_pieces(piece) AS piece, TUMBLE_ROWTIME(ts, INTERVAL '1' MINUTE) AS rt
FROM parts WHERE NOT late GROUP BY cluster, grp, TUMBLE(ts, INTERVAL '1' MINUTE)
"""


def _headers(**told: str) -> str:
    """Headers of a message: each an expression of SQL by its name."""
    pairs = (f"'{name}', ENCODE({sql}, 'UTF-8')" for name, sql in told.items())
    return f"MAP[{', '.join(pairs)}]"


OF_LETTER = _headers(
    reason="t.reason",
    error="''",
    topic="t.topic",
    partition="t.`partition`",
    offset="t.`offset`",
    bytes="t.`bytes`",
)


OUTPUTS = (
    f"""
INSERT INTO snapshots
SELECT cluster, TUMBLE_ROWTIME(rt, INTERVAL '5' MINUTE), {_headers(kind="'window'", group="grp")},
  tell_pieces(piece)
FROM minutes GROUP BY cluster, grp, TUMBLE(rt, INTERVAL '5' MINUTE)
""",
    f"""
INSERT INTO snapshots
SELECT cluster, ts, {_headers(kind="'late'", group="grp")}, tell_piece(piece)
FROM parts WHERE late
""",
    f"""
INSERT INTO snapshots
SELECT t.cluster, ts, {_headers(kind="'news'", group="t.grp")}, t.news
FROM taken WHERE t.news IS NOT NULL
""",
    f"""
INSERT INTO dead_letters
SELECT CAST(NULL AS STRING), ts, {OF_LETTER}, t.letter
FROM taken WHERE t.letter IS NOT NULL
""",
)


def environment(options: Mapping[str, str]) -> TableEnvironment:
    """Where the job is planned, with these options of Flink's."""
    # Otherwise the functions would run in this process, and not where Flink runs its tasks.
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112
    told = {
        "table.local-time-zone": "UTC",
        "python.fn-execution.bundle.size": str(BATCH),
        "python.fn-execution.arrow.batch.size": str(BATCH),
        "python.fn-execution.bundle.time": str(BATCH_MS),
        "execution.checkpointing.interval": "30 s",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500 ms",
        "restart-strategy.exponential-delay.max-backoff": "5 s",
        **options,
    }
    configuration = Configuration()
    for key, value in told.items():
        configuration.set_string(key, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode()
    return TableEnvironment.create(settings.with_configuration(configuration).build())


def planned(environment: TableEnvironment, spec: Spec) -> StatementSet:
    """The statements of the job."""
    environment.create_temporary_function(
        "take", udf(Take(spec.bound, spec.redact_keys), result_type=TAKEN, func_type="pandas")
    )
    for name, joining in (("join_pieces", join), ("tell_pieces", told)):
        function = udaf(joining, result_type=BYTES, func_type="pandas")
        environment.create_temporary_function(name, function)
    alone = udf(told_alone, result_type=BYTES, func_type="pandas")
    environment.create_temporary_function("tell_piece", alone)
    kafka = {f"properties.{key}": value for key, value in spec.kafka.items()}
    starting = {"scan.startup.mode": "earliest-offset"}
    if spec.start_ms is not None:
        starting = {
            "scan.startup.mode": "timestamp",
            "scan.startup.timestamp-millis": str(spec.start_ms),
        }
    reading = {
        "connector": "kafka",
        "topic": ";".join(spec.topics),
        "format": "raw",
        **starting,
        "properties.group.id": spec.group,
        "scan.watermark.idle-timeout": f"{IDLE_S} s",
        **kafka,
    }
    writing = {
        "connector": "kafka",
        "key.format": "raw",
        "key.fields": "id",
        "value.format": "raw",
        "value.fields-include": "EXCEPT_KEY",
        "sink.delivery-guarantee": "at-least-once",
        "properties.compression.type": "zstd",
        "properties.max.request.size": str(SNAPSHOT_BYTES),
        "properties.buffer.memory": str(2 * SNAPSHOT_BYTES),
        **kafka,
    }
    environment.execute_sql(SOURCE.format(delay_s=DELAY_MS // 1_000, options=_options(reading)))
    for name, topic in (("snapshots", spec.snapshots), ("dead_letters", spec.dead_letters)):
        options = _options(writing | {"topic": topic})
        environment.execute_sql(SINK.format(name=name, options=options))
    for view in (TAKE, LATE, MINUTES):
        environment.execute_sql(view)
    statements = environment.create_statement_set()
    for output in OUTPUTS:
        statements.add_insert_sql(output)
    return statements


def _options(told: Mapping[str, str]) -> str:
    return ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in told.items())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def submitted(options: Mapping[str, str], spec: Spec) -> str:
    """The id of the job, which Flink has taken; raises RefusedError."""
    with _refusals():
        client = planned(environment(options), spec).execute().get_job_client()
        return str(client.get_job_id())


def explained(options: Mapping[str, str], spec: Spec) -> str:
    """The topology of the job; raises RefusedError."""
    with _refusals():
        return str(planned(environment(options), spec).explain())


@contextmanager
def _refusals() -> Iterator[None]:
    """What Java throws, as one sentence."""
    try:
        yield
    except (Py4JJavaError, TableException) as error:
        causes = re.findall(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)$", str(error), re.M)
        why = causes[-1] if causes else str(error).partition("\n")[0]
        raise RefusedError(f"Flink does not take the job: {why.rstrip('.')}.") from None
