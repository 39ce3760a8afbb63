package com.example.shop.work;

import com.example.shop.Order;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;

/**
 * Keeps much alive in small objects and replaces some with each order: as many as it takes for
 * garbage collection to use the set share of the time, on a fast machine and on a slow one.
 */
final class BasketCache implements Work {
    private static final long serialVersionUID = 1L;
    private static final int ITEMS_PER_KB = 32;
    private static final long ADJUST_NS = 1_000_000_000;

    private final int baskets;
    private final double share;
    private transient Item[] cache;
    private transient int next;
    private double replacedPerOrder = 50;
    private transient long adjustedNs;
    private transient long collectedMs;

    BasketCache(long liveMb, long percent) {
        this.baskets = (int) (liveMb * 1024);
        this.share = percent / 100.0;
    }

    @Override
    public void on(Order order) {
        if (cache == null) {
            cache = new Item[baskets];
            adjustedNs = System.nanoTime();
            collectedMs = totalCollectedMs();
        }
        for (int i = 0; i < replacedPerOrder; i++) {
            cache[next] = basket(order.offset);
            next = (next + 1) % baskets;
        }
        if (System.nanoTime() - adjustedNs > ADJUST_NS) {
            adjust();
        }
    }

    private void adjust() {
        long nowNs = System.nanoTime();
        long nowMs = totalCollectedMs();
        double found = (nowMs - collectedMs) * 1e6 / (nowNs - adjustedNs);
        replacedPerOrder *= found < share ? 1.25 : 0.8;
        adjustedNs = nowNs;
        collectedMs = nowMs;
    }

    private static long totalCollectedMs() {
        return ManagementFactory.getGarbageCollectorMXBeans().stream()
                .filter(collector -> !collector.getName().contains("Concurrent"))
                .mapToLong(GarbageCollectorMXBean::getCollectionTime)
                .sum();
    }

    /** About a kilobyte. */
    private static Item basket(long number) {
        Item first = null;
        for (int i = 0; i < ITEMS_PER_KB; i++) {
            first = new Item(number + i, first);
        }
        return first;
    }

    /** 24 to 32 bytes with its header. */
    private static final class Item {
        final long number;
        final Item next;

        Item(long number, Item next) {
            this.number = number;
            this.next = next;
        }
    }
}
