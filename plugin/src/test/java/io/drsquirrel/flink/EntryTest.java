package io.drsquirrel.flink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.metric.KafkaMetricReporter;

import org.apache.flink.core.failure.FailureEnricherFactory;
import org.apache.flink.events.reporter.EventReporterFactory;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.apache.flink.metrics.reporter.Scheduled;
import org.apache.flink.traces.reporter.TraceReporterFactory;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Properties;
import java.util.ServiceLoader;
import java.util.stream.Collectors;
import java.util.stream.Stream;

class EntryTest {
    private static final int JAVA_8 = 52;
    private static final int JAVA_11 = 55;

    @Test
    void what_flink_looks_up_by_name_loads_on_java_8_and_the_rest_needs_11() throws IOException {
        Path classes = Path.of("target/classes/io/drsquirrel/flink");
        try (Stream<Path> files = Files.walk(classes)) {
            List<Path> found =
                    files.filter(f -> f.toString().endsWith(".class")).collect(Collectors.toList());
            assertTrue(found.size() > 40);
            for (Path file : found) {
                int expected = file.getParent().equals(classes) ? JAVA_8 : JAVA_11;
                assertEquals(expected, majorVersion(file), file.toString());
            }
        }
    }

    @Test
    void every_service_is_found_and_makes_the_part_behind_it() {
        MetricReporterFactory metrics = only(MetricReporterFactory.class);
        assertTrue(metrics.createMetricReporter(new Properties()) instanceof Scheduled);
        assertEquals(
                "io.drsquirrel.flink.trace.KafkaTraceReporter",
                only(TraceReporterFactory.class)
                        .createTraceReporter(new Properties())
                        .getClass()
                        .getName());
        assertEquals(
                "io.drsquirrel.flink.event.KafkaEventReporter",
                only(EventReporterFactory.class)
                        .createEventReporter(new Properties())
                        .getClass()
                        .getName());
        assertEquals(
                "io.drsquirrel.flink.KafkaFailureEnricher",
                only(FailureEnricherFactory.class)
                        .createFailureEnricher(null)
                        .getClass()
                        .getName());
    }

    @Test
    void on_an_older_java_or_where_something_is_missing_it_does_nothing() {
        Object other = new Object();
        String reporter = KafkaMetricReporter.class.getName();
        assertSame(other, NewerJava.make(Object.class, reporter, other, "1.8"));
        assertSame(other, NewerJava.make(Object.class, "io.drsquirrel.flink.No", other, "11"));
        assertTrue(
                NewerJava.make(Object.class, reporter, other, "17")
                        instanceof KafkaMetricReporter);
    }

    private static <T> T only(Class<T> service) {
        List<T> found =
                ServiceLoader.load(service).stream()
                        .filter(p -> p.type().getName().startsWith("io.drsquirrel"))
                        .map(ServiceLoader.Provider::get)
                        .collect(Collectors.toList());
        assertEquals(1, found.size());
        return found.get(0);
    }

    private static int majorVersion(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            byte[] head = in.readNBytes(8);
            return head[6] << 8 | head[7];
        }
    }
}
