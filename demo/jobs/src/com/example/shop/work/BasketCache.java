package com.example.shop.work;

import com.example.shop.Order;

/** Keeps much alive in many small objects and replaces some with each order: food for the GC. */
final class BasketCache implements Work {
    private static final long serialVersionUID = 1L;
    private static final int BASKET_BYTES = 1024;

    private final int baskets;
    private final int replacedPerOrder;
    private transient byte[][] cache;
    private transient int next;

    BasketCache(long liveMb, long allocatedKbPerOrder) {
        this.baskets = (int) (liveMb * 1024);
        this.replacedPerOrder = (int) allocatedKbPerOrder;
    }

    @Override
    public void on(Order order) {
        if (cache == null) {
            cache = new byte[baskets][];
        }
        for (int i = 0; i < replacedPerOrder; i++) {
            cache[next] = new byte[BASKET_BYTES];
            // A stride that visits every place: what is replaced is old and scattered.
            next = (next + 7919) % baskets;
        }
    }
}
