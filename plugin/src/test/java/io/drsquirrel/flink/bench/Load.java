package io.drsquirrel.flink.bench;

import org.apache.logging.log4j.Logger;

import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/** Logs so many events per second for a while, from two threads, a few each millisecond. */
public final class Load {
    private static final int THREADS = 2;
    private static final long STEP_NS = 1_000_000;

    private final long perSecond;
    private final double seconds;
    private long number;

    public Load(long perSecond, double seconds) {
        this.perSecond = perSecond;
        this.seconds = seconds;
    }

    /** What it took: time, CPU of the whole process until all is drained, and each call. */
    public static final class Took {
        public final double seconds;
        public final long cpuNs;
        public final Latencies calls;

        Took(double seconds, long cpuNs, Latencies calls) {
            this.seconds = seconds;
            this.cpuNs = cpuNs;
            this.calls = calls;
        }
    }

    public Took on(Logger logger, Lines lines, Runnable drain) throws InterruptedException {
        long first = number;
        long steps = (long) (seconds * 1e9 / STEP_NS);
        long inStep = perSecond * STEP_NS / 1_000_000_000 / THREADS;
        number += steps * inStep * THREADS;
        Latencies calls = new Latencies();
        long cpuNs = cpuNs();
        long beganNs = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            long from = first + i * steps * inStep;
            threads.add(
                    new Thread(
                            () -> {
                                for (long step = 0; step < steps; step++) {
                                    awaitNs(beganNs + step * STEP_NS);
                                    for (long n = 0; n < inStep; n++) {
                                        long calledNs = System.nanoTime();
                                        lines.log(logger, from + step * inStep + n);
                                        calls.add(System.nanoTime() - calledNs);
                                    }
                                }
                            },
                            "load-" + i));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        double took = (System.nanoTime() - beganNs) / 1e9;
        drain.run();
        return new Took(took, cpuNs() - cpuNs, calls);
    }

    private static void awaitNs(long dueNs) {
        long left = dueNs - System.nanoTime();
        while (left > 0) {
            LockSupport.parkNanos(left);
            left = dueNs - System.nanoTime();
        }
    }

    private static long cpuNs() {
        return ((com.sun.management.OperatingSystemMXBean)
                        ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }
}
