"""FlinkJobWatcher: a Flink job that folds what the plugin sends and tells snapshots of it.

Messages are taken in batches as they come; windows of about one and five minutes of arrival join
the bundles in which each batch is passed on. What happened just now, and what came after its window
had closed, leaves at once as a piece of its own. PyFlink is imported here and in flink_functions.
"""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, StatementSet, TableEnvironment
from pyflink.table.udf import udf, udtf
from pyflink.util.exceptions import TableException

from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.kafka.message import SNAPSHOT_BYTES
from drsquirrel.flink_functions import BYTES, TAKEN, TEXT, Join, Take, Tell
from drsquirrel.watch.bundle import MINUTES_S, PHASES
from drsquirrel.watch.piece import DELAY_MS

BATCH = 5_000
"""Messages taken at once; the more of a process lie in a batch, the less is passed on."""
BATCH_MS = 1_000
"""For so long a batch is waited for."""
IDLE_S = 60
"""A partition without a message for so long holds up no window. One that is not read for a while,
because the job has much to catch up, is not to count as such: all in it would be late."""
BUCKETS_PER_SLOT = 16 * PHASES
"""The more, the less memory each takes when it is joined, and the more rows are passed on."""


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
PARTS = """
CREATE TEMPORARY VIEW parts AS
SELECT ts, t.bucket AS bucket, t.bundle AS bundle,
  CURRENT_WATERMARK(ts) IS NOT NULL AND
    TO_TIMESTAMP_LTZ(t.closes_ms - 1, 3) <= CURRENT_WATERMARK(ts) AS late
FROM taken WHERE t.bundle IS NOT NULL
"""
MINUTES = """
CREATE TEMPORARY VIEW minutes_{phase} AS
SELECT bucket, rt, join_bundles(bundles) AS bundle FROM (
  SELECT bucket, ARRAY_AGG(bundle) AS bundles, TUMBLE_ROWTIME(ts, INTERVAL '{s}' SECOND) AS rt
  FROM parts WHERE NOT late AND MOD(bucket, {phases}) = {phase}
  GROUP BY bucket, TUMBLE(ts, INTERVAL '{s}' SECOND))
"""
WINDOW = """
SELECT ARRAY_AGG(bundle) AS bundles, TUMBLE_ROWTIME(rt, INTERVAL '{s}' SECOND(3)) AS rt
FROM minutes_{phase} GROUP BY bucket, TUMBLE(rt, INTERVAL '{s}' SECOND(3))
"""


def _minutes(phase: int) -> str:
    return MINUTES.format(phase=phase, phases=PHASES, s=MINUTES_S[phase])


def _windows() -> str:
    each = (WINDOW.format(phase=phase, s=5 * s) for phase, s in enumerate(MINUTES_S))
    return f"CREATE TEMPORARY VIEW windows AS {'UNION ALL'.join(each)}"


VIEWS = (TAKE, PARTS, *map(_minutes, range(PHASES)), _windows())


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


def _told(kind: str, ts: str, bundles: str, source: str) -> str:
    """A statement that tells what is in some bundles."""
    return f"""
INSERT INTO snapshots
SELECT cluster, {ts}, {_headers(kind=f"'{kind}'", group="grp")}, snapshot
FROM {source}, LATERAL TABLE(tell({bundles})) AS told(cluster, grp, snapshot)
"""


OUTPUTS = (
    _told("window", "rt", "bundles", "windows"),
    _told("late", "ts", "ARRAY[bundle]", "(SELECT * FROM parts WHERE late)"),
    _told("news", "ts", "ARRAY[t.news]", "(SELECT * FROM taken WHERE t.news IS NOT NULL)"),
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
    slots = int(environment.get_config().get("parallelism.default", "1"))
    take = Take(spec.bound, spec.redact_keys, BUCKETS_PER_SLOT * slots)
    functions = {
        "take": udf(take, result_type=TAKEN, func_type="pandas"),
        "join_bundles": udf(Join(), result_type=BYTES),
        "tell": udtf(Tell(), result_types=[TEXT, TEXT, BYTES]),
    }
    for name, function in functions.items():
        environment.create_temporary_function(name, function)
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
    for view in VIEWS:
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
