package io.drsquirrel.flink.bench;

import java.util.concurrent.atomic.AtomicLongArray;

/** How long calls took, in buckets that are 1/64 wide of what they hold. */
public final class Latencies {
    private static final int PARTS = 64;
    private static final int PART_BITS = 6;

    private final AtomicLongArray counts = new AtomicLongArray(PARTS * (64 - PART_BITS));

    public void add(long ns) {
        counts.incrementAndGet(bucket(Math.max(0, ns)));
    }

    private static int bucket(long ns) {
        if (ns < PARTS) {
            return (int) ns;
        }
        int shift = 63 - Long.numberOfLeadingZeros(ns) - PART_BITS;
        return (shift + 1) * PARTS + (int) (ns >> shift) - PARTS;
    }

    /** The shortest time of a bucket. */
    private static long timeOf(int bucket) {
        int shift = bucket / PARTS - 1;
        return shift < 0 ? bucket : (long) (PARTS + bucket % PARTS) << shift;
    }

    public long count() {
        return from(0);
    }

    private long from(int first) {
        long sum = 0;
        for (int i = first; i < counts.length(); i++) {
            sum += counts.get(i);
        }
        return sum;
    }

    /** How many took at least so long. */
    public long atLeast(long ns) {
        return from(bucket(ns));
    }

    /** The time within which this share of all calls was over. */
    public long quantile(double share) {
        long wanted = (long) Math.ceil(share * count());
        long seen = 0;
        for (int i = 0; i < counts.length(); i++) {
            seen += counts.get(i);
            if (seen >= wanted && seen > 0) {
                return timeOf(i);
            }
        }
        return 0;
    }
}
