package io.drsquirrel.flink;

import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;

import java.util.Properties;

/** Makes the metric reporter, on which all other parts depend. */
public final class KafkaMetricReporterFactory implements MetricReporterFactory {
    @Override
    public MetricReporter createMetricReporter(Properties properties) {
        return NewerJava.make(
                MetricReporter.class,
                "io.drsquirrel.flink.metric.KafkaMetricReporter",
                new Nothing());
    }

    /** Reports nothing. */
    private static final class Nothing implements MetricReporter {
        @Override
        public void open(MetricConfig config) {
            // There is nothing to open.
        }

        @Override
        public void close() {
            // There is nothing to close.
        }

        @Override
        public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
            // It is not reported.
        }

        @Override
        public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
            // It was not reported.
        }
    }
}
