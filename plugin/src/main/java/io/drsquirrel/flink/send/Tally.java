package io.drsquirrel.flink.send;

import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.LongAdder;

/** Counts of lines: offered = sent + dropped for whatever reason + still here. */
final class Tally {
    private final LongAdder offered = new LongAdder();
    private final LongAdder sent = new LongAdder();
    private final AtomicLongArray dropped = new AtomicLongArray(Reason.values().length);

    void offered(long lines) {
        offered.add(lines);
    }

    void sent(long lines) {
        sent.add(lines);
    }

    void dropped(Reason reason, long lines) {
        dropped.addAndGet(reason.ordinal(), lines);
    }

    long offered() {
        return offered.sum();
    }

    long sent() {
        return sent.sum();
    }

    long dropped(Reason reason) {
        return dropped.get(reason.ordinal());
    }

    long dropped() {
        long all = 0;
        for (Reason reason : Reason.values()) {
            all += dropped(reason);
        }
        return all;
    }
}
