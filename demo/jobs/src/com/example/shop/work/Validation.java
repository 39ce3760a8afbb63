package com.example.shop.work;

import com.example.shop.Order;
import java.io.IOException;

/** Fails at one certain order of partition 0, each time it is read again. */
final class Validation implements Work {
    private static final long serialVersionUID = 1L;
    static final int REJECT = 0;
    static final int NULL = 1;
    static final int MALFORMED = 2;

    private final long badOffset;
    private final int failure;

    Validation(long badOffset, int failure) {
        this.badOffset = badOffset;
        this.failure = failure;
    }

    @Override
    public void on(Order order) throws Exception {
        if (order.partition != 0 || order.offset != badOffset) {
            return;
        }
        if (failure == REJECT) {
            throw new InvalidOrderException(
                    "order of " + order.customer + " has no delivery address");
        }
        if (failure == MALFORMED) {
            parseAmount(order, "12,50 EUR");
        }
        order.customer = discountCode(order).trim();
    }

    private static String discountCode(Order order) {
        return null;
    }

    private static double parseAmount(Order order, String amount) throws IOException {
        try {
            return Double.parseDouble(amount);
        } catch (NumberFormatException e) {
            throw new IOException(
                    "Failed to deserialize record: partition "
                            + order.partition
                            + ", offset "
                            + order.offset,
                    e);
        }
    }
}
