package com.example.shop.work;

import com.example.shop.Order;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** Computes for a set CPU time of its own thread, whatever else the machine does meanwhile. */
final class FraudScore implements Work {
    private static final long serialVersionUID = 1L;
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int ROUNDS = 20_000;

    private final long micros;
    private long owedNs;
    private long score;

    FraudScore(long micros) {
        this.micros = micros;
    }

    @Override
    public void on(Order order) {
        owedNs += micros * 1000;
        long began = THREADS.getCurrentThreadCpuTime();
        long spentNs = 0;
        while (spentNs < owedNs) {
            score = mix(score + order.offset);
            spentNs = THREADS.getCurrentThreadCpuTime() - began;
        }
        owedNs -= spentNs;
    }

    private static long mix(long seed) {
        long hash = seed;
        for (int i = 0; i < ROUNDS; i++) {
            hash = (hash ^ (hash >>> 33)) * 0xff51afd7ed558ccdL;
        }
        return hash;
    }
}
