package io.drsquirrel.flink;

import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.traces.Span;
import org.apache.flink.traces.reporter.TraceReporter;
import org.apache.flink.traces.reporter.TraceReporterFactory;

import java.util.Properties;

/** Makes the reporter of checkpoints, in Flink 1.19 and later. */
public final class KafkaTraceReporterFactory implements TraceReporterFactory {
    @Override
    public TraceReporter createTraceReporter(Properties properties) {
        return NewerJava.make(
                TraceReporter.class,
                "io.drsquirrel.flink.trace.KafkaTraceReporter",
                new Nothing());
    }

    /** Reports nothing. */
    private static final class Nothing implements TraceReporter {
        @Override
        public void open(MetricConfig config) {
            // There is nothing to open.
        }

        @Override
        public void close() {
            // There is nothing to close.
        }

        @Override
        public void notifyOfAddedSpan(Span span) {
            // It is not reported.
        }
    }
}
