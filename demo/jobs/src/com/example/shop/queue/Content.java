package com.example.shop.queue;

import com.example.shop.Order;
import java.io.Serializable;

/** What records hold: a function of partition and offset, so reading again gives the same. */
public final class Content implements Serializable {
    public static final String HOT = "customer-hot";
    private static final long serialVersionUID = 1L;
    private static final int CUSTOMERS = 1000;

    private final double hotShare;
    private final byte[] payload;

    /** The hot share of the orders is that of one customer; the others are spread evenly. */
    public Content(double hotShare, int payloadBytes) {
        this.hotShare = hotShare;
        this.payload = new byte[payloadBytes];
    }

    Order order(int partition, long offset, long timeMs) {
        // Spread by the golden ratio: even over any stretch of offsets, and no random numbers.
        double spread = (offset + 1) * 0.6180339887498949 % 1;
        Order order = new Order();
        order.partition = partition;
        order.offset = offset;
        order.customer =
                spread < hotShare ? HOT : "customer-" + (int) (spread * CUSTOMERS);
        order.time = timeMs;
        order.payload = payload;
        return order;
    }
}
