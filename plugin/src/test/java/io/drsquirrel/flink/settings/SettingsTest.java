package io.drsquirrel.flink.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.send.Topic;

import org.junit.jupiter.api.Test;

import java.util.Properties;

class SettingsTest {
    private final Properties given = new Properties();

    SettingsTest() {
        given.setProperty("cluster", "prod");
        given.setProperty("kafka.bootstrap.servers", "kafka:9092");
    }

    @Test
    void the_least_that_is_needed_is_enough() {
        given.setProperty("factory.class", "io.drsquirrel.flink.KafkaMetricReporterFactory");
        given.setProperty("interval", "10 SECONDS");
        given.setProperty("scope.variables.excludes", "x");
        Settings settings = new Settings(given);
        assertTrue(settings.isUsable());
        assertEquals("flink-logs", settings.topics().get(Topic.LOGS));
        assertEquals(10_000, settings.whole(Option.QUEUE_MESSAGES));
        assertTrue(settings.isOn(Option.LOGS));
        assertEquals(0, settings.complaints().size(), settings.complaints().toString());
    }

    @Test
    void what_is_missing_is_said_and_nothing_is_thrown() {
        Settings settings = new Settings(new Properties());
        assertFalse(settings.isUsable());
        assertEquals(2, settings.complaints().size());
        assertTrue(settings.complaints().get(0).contains("cluster"));
    }

    @Test
    void on_yarn_the_cluster_is_the_application_unless_it_is_named() {
        Properties unnamed = new Properties();
        unnamed.setProperty("kafka.bootstrap.servers", "kafka:9092");
        for (String epoch : new String[] {"", "e17_"}) {
            String container = "container_" + epoch + "1410901177871_0001_01_000005";
            Settings settings = new Settings(unnamed, container);
            assertEquals("application_1410901177871_0001", settings.cluster());
            assertTrue(settings.isUsable());
            assertEquals(0, settings.complaints().size(), settings.complaints().toString());
            assertEquals("prod", new Settings(given, container).cluster());
        }
        assertFalse(new Settings(unnamed, "4f6a1b2c").isUsable());
    }

    @Test
    void what_is_wrong_counts_as_the_default_and_is_told_without_its_value() {
        given.setProperty("queue-bytes", "hunter2");
        given.setProperty("queue-messages", "-5");
        given.setProperty("logs", "hunter2");
        given.setProperty("log-byts", "hunter2");
        given.setProperty("kafka.max.block.ms", "hunter2");
        Settings settings = new Settings(given);
        settings.bounds();
        assertTrue(settings.isOn(Option.LOGS));
        settings.isOn(Option.LOGS);
        assertEquals(5, settings.complaints().size(), settings.complaints().toString());
        assertFalse(settings.complaints().toString().contains("hunter2"));
    }

    @Test
    void the_producer_is_told_the_users_options_but_not_against_what_must_be() {
        given.setProperty("kafka.security.protocol", "SASL_SSL");
        given.setProperty("kafka.linger.ms", "50");
        given.setProperty("kafka.metric.reporters", "x.Y");
        given.setProperty("topic.prefix", "team-");
        Settings settings = new Settings(given);
        Properties options = settings.producer("ab12");
        assertEquals("SASL_SSL", options.getProperty("security.protocol"));
        assertEquals("50", options.getProperty("linger.ms"));
        assertEquals("", options.getProperty("metric.reporters"));
        assertEquals("2000", options.getProperty("max.block.ms"));
        assertEquals("drsquirrel-ab12", options.getProperty("client.id"));
        assertNotEquals(options, settings.producer("ab13"));
        assertEquals("team-flink-metrics", settings.topics().get(Topic.METRICS));
    }
}
