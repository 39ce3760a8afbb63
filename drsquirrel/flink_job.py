"""FlinkJobWatcher: a Flink job that folds what the plugin sends and tells snapshots of it.

SQL reads messages and takes them in batches as they come; a process function holds what they say,
in bundles, for a window of five minutes of arrival; SQL writes. What happened just now, and what
came after its window had closed, leaves at once as a piece of its own. PyFlink is imported here and
in flink_functions.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError
from pyflink.common import Configuration, Types
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.table import EnvironmentSettings, StatementSet, StreamTableEnvironment
from pyflink.table.udf import udf
from pyflink.util.exceptions import TableException

from drsquirrel.collect.flink_rest.error import FlinkError
from drsquirrel.collect.kafka.message import SNAPSHOT_BYTES
from drsquirrel.flink_functions import TAKEN, TOLD, Take, Window
from drsquirrel.watch.piece import DELAY_MS

BATCH = 5_000
"""Messages taken at once; the more of a process lie in a batch, the less is passed on."""
BATCH_MS = 500
"""For so long a batch is waited for, and what is held up meanwhile by each function in turn. The
shorter, the less has to be done before a checkpoint."""
IDLE_S = 60
"""A partition without a message for so long holds up no window. One that is not read for a while,
because the job has much to catch up, is not to count as such: all in it would be late."""
BUCKETS_PER_SLOT = 48
"""The more, the less work comes at once when the window of one closes, and the more rows are passed
on."""


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
    """Whose offsets say where it begins."""


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
SELECT t.arrived_ms, t.bucket, t.bundle, t.at_once
FROM (SELECT take(topic, part, off, ts, headers['sent_ms'], payload) AS t FROM messages)
WHERE t.arrived_ms IS NOT NULL
"""
OUTPUT = """
INSERT INTO {name} SELECT id, TO_TIMESTAMP_LTZ(ts_ms, 3), headers, payload
FROM told WHERE {condition}
"""


def environments(
    options: Mapping[str, str],
) -> tuple[StreamExecutionEnvironment, StreamTableEnvironment]:
    """Where the job is planned, with these options of Flink's."""
    # Otherwise the functions would run in this process, and not where Flink runs its tasks.
    os.environ["_python_worker_execution_mode"] = "process"  # noqa: SIM112
    told = {
        "table.local-time-zone": "UTC",
        "python.fn-execution.bundle.size": str(BATCH),
        "python.fn-execution.arrow.batch.size": str(BATCH),
        "python.fn-execution.bundle.time": str(BATCH_MS),
        "python.state.cache-size": "0",
        "execution.checkpointing.interval": "30 s",
        "restart-strategy.type": "exponential-delay",
        "restart-strategy.exponential-delay.initial-backoff": "500 ms",
        "restart-strategy.exponential-delay.max-backoff": "5 s",
        **options,
    }
    configuration = Configuration()
    for key, value in told.items():
        configuration.set_string(key, value)
    streams = StreamExecutionEnvironment.get_execution_environment(configuration)
    settings = EnvironmentSettings.new_instance().with_configuration(configuration).build()
    return streams, StreamTableEnvironment.create(streams, settings)


def planned(tables: StreamTableEnvironment, spec: Spec) -> StatementSet:
    """The statements of the job."""
    buckets = BUCKETS_PER_SLOT * int(tables.get_config().get("parallelism.default", "1"))
    take = Take(spec.bound, spec.redact_keys, buckets)
    function = udf(take, result_type=TAKEN, func_type="pandas")
    tables.create_temporary_function("take", function)
    kafka = {f"properties.{key}": value for key, value in spec.kafka.items()}
    reading = {
        "connector": "kafka",
        "topic": ";".join(spec.topics),
        "format": "raw",
        "scan.startup.mode": "group-offsets",
        "properties.group.id": spec.group,
        "properties.auto.offset.reset": "earliest",
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
    tables.execute_sql(SOURCE.format(delay_s=DELAY_MS // 1_000, options=_options(reading)))
    told = (
        tables.to_data_stream(tables.sql_query(TAKE))
        .key_by(lambda row: row[1], Types.INT())
        .process(Window(buckets), TOLD)
    )
    tables.create_temporary_view("told", tables.from_data_stream(told))
    statements = tables.create_statement_set()
    for name, topic, condition in (
        ("snapshots", spec.snapshots, "id IS NOT NULL"),
        ("dead_letters", spec.dead_letters, "id IS NULL"),
    ):
        options = _options(writing | {"topic": topic})
        tables.execute_sql(SINK.format(name=name, options=options))
        statements.add_insert_sql(OUTPUT.format(name=name, condition=condition))
    return statements


def _options(told: Mapping[str, str]) -> str:
    return ", ".join(f"{_quoted(key)} = {_quoted(value)}" for key, value in told.items())


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def submitted(options: Mapping[str, str], spec: Spec) -> str:
    """The id of the job, which Flink has taken; raises RefusedError."""
    with _refusals():
        _, tables = environments(options)
        client = planned(tables, spec).execute().get_job_client()
        return str(client.get_job_id())


def explained(options: Mapping[str, str], spec: Spec) -> str:
    """The topology of the job, an operator a line; raises RefusedError."""
    with _refusals():
        streams, tables = environments(options)
        planned(tables, spec).attach_as_datastream()
        nodes = json.loads(streams.get_execution_plan())["nodes"]
    return "\n".join(
        f"{node['id']}  {node['contents']}"
        + "".join(f"  <- {p['id']} {p['ship_strategy']}" for p in node.get("predecessors", ()))
        for node in nodes
    )


@contextmanager
def _refusals() -> Iterator[None]:
    """What Java throws, as one sentence."""
    try:
        yield
    except (Py4JJavaError, TableException) as error:
        causes = re.findall(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)$", str(error), re.M)
        why = causes[-1] if causes else str(error).partition("\n")[0]
        raise RefusedError(f"Flink does not take the job: {why.rstrip('.')}.") from None
