"""The watcher's windows with COUNT instead of Python: what Flink and Kafka alone take.

Run by benchmarks/watcher.py with the interpreter that has PyFlink: URL BROKERS JARS.
"""

import sys
from urllib.parse import urlsplit

from drsquirrel.flink_job import environments

STATEMENTS = (
    """
CREATE TEMPORARY TABLE messages (
  id STRING, payload BYTES, ts TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL,
  WATERMARK FOR ts AS ts - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka', 'topic' = 'flink-metrics', 'properties.bootstrap.servers' = '{brokers}',
  'scan.startup.mode' = 'earliest-offset', 'scan.watermark.idle-timeout' = '60 s',
  'properties.group.id' = 'count', 'key.format' = 'raw', 'key.fields' = 'id',
  'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY'
)""",
    """
CREATE TEMPORARY TABLE counted (id STRING, n STRING) WITH (
  'connector' = 'kafka', 'topic' = 'job-snapshots', 'properties.bootstrap.servers' = '{brokers}',
  'key.format' = 'raw', 'key.fields' = 'id',
  'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY'
)""",
    """
CREATE TEMPORARY VIEW minutes AS
SELECT id, COUNT(payload) AS n, TUMBLE_ROWTIME(ts, INTERVAL '1' MINUTE) AS rt
FROM messages GROUP BY id, TUMBLE(ts, INTERVAL '1' MINUTE)""",
)
COUNTED = """
INSERT INTO counted SELECT id, CAST(SUM(n) AS STRING)
FROM minutes GROUP BY id, TUMBLE(rt, INTERVAL '5' MINUTE)"""


def submit(url: str, brokers: str, jars: str) -> str:
    """Submit it; returns the id of the job."""
    at = urlsplit(url)
    told = {"rest.address": at.hostname or "", "rest.port": str(at.port), "pipeline.jars": jars}
    _, tables = environments({"execution.target": "remote", "parallelism.default": "1", **told})
    for statement in STATEMENTS:
        tables.execute_sql(statement.format(brokers=brokers))
    return str(tables.execute_sql(COUNTED).get_job_client().get_job_id())


if __name__ == "__main__":
    print(submit(*sys.argv[1:4]))
