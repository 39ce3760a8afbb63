package io.drsquirrel.flink.trace;

import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.wire.Message;

import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.traces.Span;
import org.apache.flink.traces.reporter.TraceReporter;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

import java.util.Map;

/** Sends what Flink says of each checkpoint when it ends. */
public final class KafkaTraceReporter implements TraceReporter {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaTraceReporter.class);
    private static final String CHECKPOINT = "Checkpoint";

    @Override
    public void open(MetricConfig config) {
        // All options are the metric reporter's.
    }

    @Override
    public void close() {
        // The session is the metric reporter's.
    }

    @Override
    public void notifyOfAddedSpan(Span span) {
        Session session = Session.current("trace reporter");
        if (session == null || !CHECKPOINT.equals(span.getName())) {
            return;
        }
        try {
            String job = job(span.getAttributes());
            if (!job.isEmpty()) {
                byte[] message = checkpoint(session, span, job).bytes();
                session.publisher()
                        .offer(Topic.EVENTS, session.events().key(), message, Kind.EVENT);
            }
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not send a checkpoint.", e);
        }
    }

    private static Message checkpoint(Session session, Span span, String job) {
        Map<String, Object> attributes = span.getAttributes();
        long startMs = span.getStartTsMillis();
        long endMs = span.getEndTsMillis();
        boolean hasEnded = endMs >= startMs;
        Message message = session.events()
                .message("checkpoint", startMs)
                .have("job", job)
                .have("id", whole(attributes, "checkpointId"))
                .have("status", text(attributes, "checkpointStatus"))
                .with("ended_ms", hasEnded ? endMs : -1, -1)
                .with("duration_ms", hasEnded ? endMs - startMs : -1, -1)
                .with("state_bytes", whole(attributes, "checkpointedSize"), -1)
                .with("full_bytes", whole(attributes, "fullSize"), -1)
                .with("start_delay_ms", whole(attributes, "maxCheckpointStartDelayMs"), -1)
                .with("alignment_ms", whole(attributes, "maxAlignmentDurationMs"), -1)
                .with("sync_ms", whole(attributes, "maxSyncCheckpointDurationMs"), -1)
                .with("async_ms", whole(attributes, "maxAsyncCheckpointDurationMs"), -1);
        // Flink 1.x does not say of what type it is.
        boolean isSavepoint = text(attributes, "checkpointType").contains("Savepoint");
        return isSavepoint ? message.with("savepoint", true) : message;
    }

    /** Flink 2.x says it; in 1.20 the thread that tells of the checkpoint works for the job. */
    private static String job(Map<String, Object> attributes) {
        for (String key : new String[] {"<job_id>", "job_id", "jobId"}) {
            if (attributes.get(key) != null) {
                return attributes.get(key).toString();
            }
        }
        String job = MDC.get("flink-job-id");
        return job == null ? "" : job;
    }

    private static String text(Map<String, Object> attributes, String key) {
        return String.valueOf(attributes.getOrDefault(key, ""));
    }

    private static long whole(Map<String, Object> attributes, String key) {
        Object value = attributes.get(key);
        return value instanceof Number ? ((Number) value).longValue() : -1;
    }
}
