package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.send.FakeKafka;
import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.send.Reason;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Settings;

import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricGroup;

import java.util.Comparator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The plugin of one process, opened as Flink opens it, with a clock and a Kafka of the test's. */
public final class Bench implements AutoCloseable {
    private static final Pattern ORIGIN =
            Pattern.compile("\"epoch\":\"([^\"]*)\",\"sequence\":(\\d+)");

    public final AtomicLong clockMs = new AtomicLong(1_764_000_000_000L);
    final KafkaMetricReporter reporter = new KafkaMetricReporter();
    final FakeKafka kafka = new FakeKafka();
    final Publisher publisher = kafka.publisher();

    public Bench(String... options) {
        Properties given = new Properties();
        given.setProperty("cluster", "prod");
        given.setProperty("kafka.bootstrap.servers", "kafka:9092");
        for (int i = 0; i < options.length; i += 2) {
            given.setProperty(options[i], options[i + 1]);
        }
        Session session =
                new Session(new Settings(given), publisher, clockMs::get, "ab12", "2.3.0");
        reporter.open(session, 10_000);
    }

    /** A TaskManager introduces itself. */
    public Bench taskmanager() {
        gauge(FakeGroup.taskmanager(".Status.JVM.Memory.Heap"), "Used", 100L);
        return this;
    }

    public void report() {
        reporter.report();
    }

    Metric gauge(MetricGroup group, String name, Object value) {
        Gauge<Object> gauge = () -> value;
        reporter.notifyOfAddedMetric(gauge, name, group);
        return gauge;
    }

    /** How many lines could not be read. */
    public long unreadable() {
        return publisher.dropped(Reason.UNREADABLE);
    }

    /** What has arrived at a topic, once everything has, in the order in which it was said. */
    public List<String> at(Topic topic) {
        long until = System.nanoTime() + 20_000_000_000L;
        while (publisher.queued() > 0 && System.nanoTime() < until) {
            Thread.yield();
        }
        List<String> texts = kafka.texts(topic);
        texts.sort(Comparator.comparing(Bench::order));
        return texts;
    }

    /** Kinds overtake each other on the way; a goodbye is the last that is said. */
    private static String order(String message) {
        Matcher found = ORIGIN.matcher(message);
        if (!found.find()) {
            throw new AssertionError("a message without origin: " + message);
        }
        String last = message.contains("\"what\":\"goodbye\"") ? "~" : "";
        return String.format("%s%s %09d", last, found.group(1), Long.valueOf(found.group(2)));
    }

    @Override
    public void close() {
        reporter.close();
    }
}
