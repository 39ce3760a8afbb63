package io.drsquirrel.flink;

import org.apache.flink.events.Event;
import org.apache.flink.events.reporter.EventReporter;
import org.apache.flink.events.reporter.EventReporterFactory;
import org.apache.flink.metrics.MetricConfig;

import java.util.Properties;

/** Makes the reporter of changes of state, in Flink 2.x. */
public final class KafkaEventReporterFactory implements EventReporterFactory {
    @Override
    public EventReporter createEventReporter(Properties properties) {
        return NewerJava.make(
                EventReporter.class,
                "io.drsquirrel.flink.event.KafkaEventReporter",
                new Nothing());
    }

    /** Reports nothing. */
    private static final class Nothing implements EventReporter {
        @Override
        public void open(MetricConfig config) {
            // There is nothing to open.
        }

        @Override
        public void close() {
            // There is nothing to close.
        }

        @Override
        public void notifyOfAddedEvent(Event event) {
            // It is not reported.
        }
    }
}
