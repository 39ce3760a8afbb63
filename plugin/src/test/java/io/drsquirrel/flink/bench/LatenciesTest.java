package io.drsquirrel.flink.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class LatenciesTest {
    @Test
    void quantiles_are_what_was_added_to_a_sixty_fourth() {
        Latencies latencies = new Latencies();
        for (int ns = 1; ns <= 100_000; ns++) {
            latencies.add(ns);
        }
        assertEquals(100_000, latencies.count());
        assertEquals(50_000, latencies.quantile(0.5), 50_000 / 64.0);
        assertEquals(99_000, latencies.quantile(0.99), 99_000 / 64.0);
        assertEquals(100_000, latencies.quantile(1), 100_000 / 64.0);
        assertEquals(1_000, latencies.atLeast(99_001), 1_600);
        assertEquals(0, new Latencies().quantile(0.5));
    }

    @Test
    void any_time_has_its_place() {
        Latencies latencies = new Latencies();
        latencies.add(-1);
        latencies.add(0);
        latencies.add(Long.MAX_VALUE);
        assertEquals(0, latencies.quantile(0.5));
        assertEquals(Long.MAX_VALUE, latencies.quantile(1), Long.MAX_VALUE / 64.0);
    }
}
