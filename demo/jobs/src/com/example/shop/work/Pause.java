package com.example.shop.work;

import java.io.Serializable;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits, exact on average: what one wait overshoots is taken from the next, and waits too short for
 * the timer are saved up.
 */
final class Pause implements Serializable {
    private static final long serialVersionUID = 1L;
    private static final long SHORTEST_NS = 1_000_000;
    private static final long MOST_AHEAD_NS = 20_000_000;

    private long owedNs;

    void micros(long micros) throws InterruptedException {
        owedNs += micros * 1000;
        if (owedNs < SHORTEST_NS) {
            return;
        }
        long began = System.nanoTime();
        LockSupport.parkNanos(owedNs);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        // A process that was stopped for a minute shall not run without pauses for the next.
        owedNs = Math.max(owedNs - (System.nanoTime() - began), -MOST_AHEAD_NS);
    }
}
