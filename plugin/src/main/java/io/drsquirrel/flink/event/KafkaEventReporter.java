package io.drsquirrel.flink.event;

import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;

import org.apache.flink.events.Event;
import org.apache.flink.events.reporter.EventReporter;
import org.apache.flink.metrics.MetricConfig;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Map;

/** Sends every change of a job's state. */
public final class KafkaEventReporter implements EventReporter {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaEventReporter.class);
    private static final String STATE_CHANGE = "JobStatusChangeEvent";

    @Override
    public void open(MetricConfig config) {
        // All options are the metric reporter's.
    }

    @Override
    public void close() {
        // The session is the metric reporter's.
    }

    @Override
    public void notifyOfAddedEvent(Event event) {
        Session session = Session.current("event reporter");
        if (session == null || !STATE_CHANGE.equals(event.getName())) {
            return;
        }
        try {
            Map<String, Object> attributes = event.getAttributes();
            byte[] message =
                    session.events()
                            .message("change", event.getObservedTsMillis())
                            .have("what", "job-state")
                            .have("job", text(attributes, "<job_id>", "job_id", "jobId"))
                            .have("subject", text(attributes, "newJobStatus"))
                            .bytes();
            session.publisher().offer(Topic.EVENTS, session.events().key(), message, Kind.EVENT);
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not send a change of state.", e);
        }
    }

    private static String text(Map<String, Object> attributes, String... keys) {
        for (String key : keys) {
            if (attributes.get(key) != null) {
                return attributes.get(key).toString();
            }
        }
        return "";
    }
}
