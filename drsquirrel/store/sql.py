"""Every statement on rows, as SQLite and PostgreSQL both understand it.

An upsert keeps the later state, so that replays change nothing.
"""

SEE_CLUSTER = """
INSERT INTO clusters VALUES (:cluster, :time_ms, :time_ms)
ON CONFLICT (id) DO UPDATE SET last_seen_ms = excluded.last_seen_ms
WHERE excluded.last_seen_ms > clusters.last_seen_ms
"""
SEE_JOB = "INSERT INTO jobs VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
SEE_RUN = """
INSERT INTO runs VALUES
    (:id, :job, :cluster, :flink_job, :start_ms, :end_ms, :state, :job_type, :time_ms, :time_ms,
    :is_heard)
ON CONFLICT (id) DO UPDATE SET
    state = excluded.state, end_ms = excluded.end_ms, last_seen_ms = excluded.last_seen_ms
WHERE excluded.last_seen_ms > runs.last_seen_ms
"""
PUT_JOB_FACTS = """
INSERT INTO job_facts VALUES (?, ?, ?, ?)
ON CONFLICT (run) DO UPDATE SET
    flink_version = excluded.flink_version, written_ms = excluded.written_ms, body = excluded.body
WHERE excluded.written_ms > job_facts.written_ms
"""
PUT_CONTAINER_FACTS = """
INSERT INTO container_facts VALUES (?, ?, ?, ?)
ON CONFLICT (cluster, container) DO UPDATE SET
    written_ms = excluded.written_ms, body = excluded.body
WHERE excluded.written_ms > container_facts.written_ms
"""
# A window only grows; by this a writer that lost its memory cannot shrink it.
PUT_SNAPSHOT = """
INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (cluster, window_ms, job, start_ms, container) DO UPDATE SET
    reports_seen = excluded.reports_seen, written_ms = excluded.written_ms, body = excluded.body
WHERE (excluded.reports_seen, excluded.written_ms) > (snapshots.reports_seen, snapshots.written_ms)
"""
PUT_EVENT = """
INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (kind, subject, identity) DO UPDATE SET
    progress = excluded.progress, written_ms = excluded.written_ms, body = excluded.body
WHERE (excluded.progress, excluded.written_ms) > (events.progress, events.written_ms)
"""
PUT_REPORT = """
INSERT INTO reports VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run) DO UPDATE SET
    made_ms = excluded.made_ms, severity = excluded.severity, etag = excluded.etag,
    body = excluded.body
WHERE excluded.made_ms > reports.made_ms
"""
# Of an hour the worst verdict stands; a lower severity is worse. Of equals, the latest.
PUT_HOUR = """
INSERT INTO report_hours VALUES (?, ?, ?, ?, ?)
ON CONFLICT (run, hour_ms) DO UPDATE SET
    severity = excluded.severity, made_ms = excluded.made_ms, cause = excluded.cause
WHERE (-excluded.severity, excluded.made_ms) > (-report_hours.severity, report_hours.made_ms)
"""
PUT_INCIDENT = """
INSERT INTO incidents VALUES (?, ?, ?, ?)
ON CONFLICT (run, began_ms) DO UPDATE SET made_ms = excluded.made_ms, body = excluded.body
WHERE excluded.made_ms > incidents.made_ms
"""
PUT_OFFSET = """
INSERT INTO offsets VALUES (?, ?, ?)
ON CONFLICT (topic, part) DO UPDATE SET next = excluded.next WHERE excluded.next > offsets.next
"""
OFFSETS = "SELECT topic, part, next FROM offsets"
PUT_MEMORY = """
INSERT INTO memories VALUES (?, ?, ?)
ON CONFLICT (run) DO UPDATE SET written_ms = excluded.written_ms, body = excluded.body
WHERE excluded.written_ms > memories.written_ms
"""
PUT_JOB_LIST = """
INSERT INTO job_lists VALUES (?, ?, ?, ?)
ON CONFLICT (part) DO UPDATE SET
    made_ms = excluded.made_ms, etag = excluded.etag, body = excluded.body
WHERE excluded.made_ms > job_lists.made_ms
"""
CLAIM = """
INSERT INTO claims VALUES (?, 1) ON CONFLICT (part) DO UPDATE SET term = claims.term + 1
"""
TERM = "SELECT term FROM claims WHERE part = ?"
# Holds the row, so that nobody claims it before all of the batch is stored.
HOLD_CLAIM = "UPDATE claims SET term = term WHERE part = ? AND term = ?"
# A term that was used once is never given again, though its part may come back.
FORGET_PARTS = (
    "UPDATE claims SET term = term + 1 WHERE part >= ?",
    "DELETE FROM job_lists WHERE part >= ?",
)
TRIM_EVENTS = """
DELETE FROM events WHERE kind = ? AND subject = ? AND time_ms < (
    SELECT time_ms FROM events WHERE kind = ? AND subject = ?
    ORDER BY time_ms DESC LIMIT 1 OFFSET ?
)
"""

LOG_CHUNKS_OF_SPAN = """
SELECT body FROM log_chunks WHERE subject = ? AND last_ms >= ? AND first_ms <= ?
"""
LOG_TAIL_SIZE = "SELECT sum(events) FROM log_chunks WHERE subject = ? AND events < ?"
LOG_TAIL = "SELECT body FROM log_chunks WHERE subject = ? AND events < ?"
DELETE_LOG_TAIL = "DELETE FROM log_chunks WHERE subject = ? AND events < ?"
ADD_LOG_CHUNK = """
INSERT INTO log_chunks (subject, first_ms, last_ms, events, body)
VALUES (:subject, :first_ms, :last_ms, :events, :body)
"""
LOG_CHUNKS = """
SELECT last_ms, body FROM log_chunks WHERE subject = ? ORDER BY last_ms DESC LIMIT ?
"""
COUNT_LOG_CHUNKS = "SELECT count(*) FROM log_chunks WHERE subject = ?"

JOB_LISTS = "SELECT body, etag, made_ms FROM job_lists ORDER BY part"
REPORT = "SELECT body, etag, made_ms FROM reports WHERE run = ?"
RUNS = """
SELECT runs.id, job, flink_job, start_ms, end_ms, state, job_type, jobs.name,
    coalesce(flink_version, ''), first_seen_ms, last_seen_ms, is_heard
FROM runs JOIN jobs ON jobs.id = runs.job LEFT JOIN job_facts ON job_facts.run = runs.id
WHERE runs.cluster = ? ORDER BY last_seen_ms DESC, runs.id
"""
STARTS = "SELECT start_ms FROM runs WHERE flink_job = ? AND cluster = ?"
# Live: not ended, and listed at the last look at its cluster, give or take a minute.
_SHOWN_FIRST = """
SELECT id FROM (
    SELECT runs.id, runs.start_ms, coalesce(severity, ?) AS severity,
        end_ms IS NULL AND runs.last_seen_ms >= clusters.last_seen_ms - 60000 AS live
    FROM runs JOIN clusters ON clusters.id = runs.cluster
        LEFT JOIN reports ON reports.run = runs.id
    WHERE {column} = ?
) AS candidates
ORDER BY live DESC, CASE WHEN live THEN severity END, start_ms DESC, id LIMIT 1
"""
RUN_OF_JOB = _SHOWN_FIRST.format(column="runs.job")
RUN_OF_FLINK_JOB = _SHOWN_FIRST.format(column="runs.flink_job")
SNAPSHOTS = """
SELECT body FROM snapshots WHERE cluster = ? AND window_ms > ?
ORDER BY window_ms, job, start_ms, container
"""
EVENTS = """
SELECT body FROM events WHERE kind = ? AND subject = ? ORDER BY time_ms DESC, identity DESC LIMIT ?
"""
INCIDENTS = "SELECT body FROM incidents WHERE run = ? ORDER BY began_ms DESC LIMIT ?"
HOURS = """
SELECT hour_ms, severity, cause FROM report_hours WHERE run = ? ORDER BY hour_ms DESC LIMIT ?
"""
MEMORY = "SELECT body FROM memories WHERE run = ?"
JOB_FACTS = "SELECT body FROM job_facts WHERE run = ?"
CONTAINER_FACTS = "SELECT body FROM container_facts WHERE cluster = ? ORDER BY container"

_EXPIRE = """
DELETE FROM {table} WHERE ({key}) IN (
    SELECT {key} FROM {table} WHERE {time} < ? ORDER BY {time} LIMIT ?
)
"""
EXPIRE_LOG_CHUNKS = _EXPIRE.format(table="log_chunks", key="id", time="last_ms")
EXPIRE_SNAPSHOTS = _EXPIRE.format(
    table="snapshots", key="cluster, window_ms, job, start_ms, container", time="window_ms"
)
EXPIRE_EVENTS = _EXPIRE.format(table="events", key="kind, subject, identity", time="time_ms")
EXPIRE_HOURS = _EXPIRE.format(table="report_hours", key="run, hour_ms", time="hour_ms")
EXPIRE_INCIDENTS = _EXPIRE.format(table="incidents", key="run, began_ms", time="began_ms")
EXPIRE_MEMORIES = _EXPIRE.format(table="memories", key="run", time="written_ms")
EXPIRE_CONTAINER_FACTS = _EXPIRE.format(
    table="container_facts", key="cluster, container", time="written_ms"
)
EXPIRE_CLUSTERS = _EXPIRE.format(table="clusters", key="id", time="last_seen_ms")
OLD_RUNS = "SELECT id, job FROM runs WHERE last_seen_ms < ? ORDER BY last_seen_ms LIMIT ?"
DELETE_RUN = (
    "DELETE FROM job_facts WHERE run = ?",
    "DELETE FROM reports WHERE run = ?",
    "DELETE FROM report_hours WHERE run = ?",
    "DELETE FROM incidents WHERE run = ?",
    "DELETE FROM memories WHERE run = ?",
    "DELETE FROM runs WHERE id = ?",
)
DELETE_JOB = """
DELETE FROM jobs WHERE id = ? AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.job = jobs.id)
"""
# In the order in which a batch is written, so that nobody waits for whoever waits for them.
BRING_TO_NOW = tuple(
    f"UPDATE {table} SET {time} = :now_ms WHERE {time} > :now_ms"
    for table, time in (
        ("runs", "last_seen_ms"),
        ("job_facts", "written_ms"),
        ("container_facts", "written_ms"),
        ("reports", "made_ms"),
        ("incidents", "made_ms"),
        ("memories", "written_ms"),
        ("clusters", "last_seen_ms"),
        ("job_lists", "made_ms"),
    )
)
