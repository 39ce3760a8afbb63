package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.send.Topic;

import org.apache.flink.metrics.Gauge;
import org.junit.jupiter.api.Test;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

class ManyMetricsTest {
    private static final int MANY = 100_000;

    @Test
    void a_hundred_thousand_metrics_that_are_not_on_the_list_are_neither_read_nor_kept()
            throws InterruptedException {
        AtomicInteger read = new AtomicInteger();
        List<WeakReference<Object>> added = new ArrayList<>();
        try (Bench bench = new Bench().taskmanager()) {
            bench.gauge(FakeGroup.operator("Source: a", 0, 0, ""), "pendingRecords", 7L);
            bench.reporter.report();
            for (int i = 0; i < MANY; i++) {
                Gauge<Integer> gauge = new Counting(read);
                // The last part of every second one's name is on the list, of another scope.
                String name = i % 2 == 0 ? "mine" + i : "Used";
                FakeGroup group = FakeGroup.operator("map", i % 64, 0, ".user" + i);
                bench.reporter.notifyOfAddedMetric(gauge, name, group);
                added.add(new WeakReference<>(gauge));
            }
            bench.reporter.report();
            List<String> runs = bench.at(Topic.METRICS);
            assertEquals(numbers(runs.get(0)), numbers(runs.get(1)));
            assertEquals(0, read.get());
            assertTrue(allAreForgotten(added), "the reporter keeps some");
        }
    }

    private static String numbers(String report) {
        return report.substring(report.indexOf("\"tables\""));
    }

    private static boolean allAreForgotten(List<WeakReference<Object>> added)
            throws InterruptedException {
        for (int attempt = 0; attempt < 20; attempt++) {
            System.gc();
            if (added.stream().allMatch(reference -> reference.get() == null)) {
                return true;
            }
            Thread.sleep(50);
        }
        return false;
    }

    /** Counts how often it is read. */
    private static final class Counting implements Gauge<Integer> {
        private final AtomicInteger read;

        Counting(AtomicInteger read) {
            this.read = read;
        }

        @Override
        public Integer getValue() {
            return read.incrementAndGet();
        }
    }
}
