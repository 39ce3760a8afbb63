package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.failure.FailureSender;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;

import org.apache.flink.metrics.MetricConfig;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.util.List;

class DeclineTest {
    @Test
    void what_is_missing_is_told_in_one_line_and_by_no_other_part_again() {
        try (LogLines log = new LogLines("io.drsquirrel")) {
            MetricConfig config = new MetricConfig();
            config.setProperty("kafka.bootstrap.servers", "kafka:9092");
            KafkaMetricReporter reporter = new KafkaMetricReporter();
            reporter.open(config);
            assertNull(Session.current("trace reporter"));
            new FailureSender().processFailure(new IOException(), new FailureContext());
            reporter.close();
            assertEquals(1, log.lines.size(), log.lines.toString());
            assertTrue(log.lines.get(0).contains("option cluster is missing"), log.lines.get(0));
        }
        try (Bench bench = new Bench().taskmanager()) {
            new FailureSender().processFailure(new IOException(), new FailureContext());
            List<String> events = bench.at(Topic.EVENTS);
            assertEquals(1, events.size(), "one that is opened later takes failures all the same");
        }
    }

    @Test
    void every_wrong_option_is_told_when_the_reporter_is_opened() {
        try (LogLines log = new LogLines("io.drsquirrel.flink.metric")) {
            MetricConfig config = new MetricConfig();
            config.setProperty("cluster", "prod");
            config.setProperty("kafka.bootstrap.servers", "127.0.0.1:1");
            config.setProperty("config", "perhaps");
            config.setProperty("logs", "perhaps");
            config.setProperty("log-chars", "many");
            config.setProperty("log-window-lines", "0");
            KafkaMetricReporter reporter = new KafkaMetricReporter();
            reporter.open(config);
            reporter.close();
            assertEquals(4, log.lines.size(), log.lines.toString());
        }
    }
}
