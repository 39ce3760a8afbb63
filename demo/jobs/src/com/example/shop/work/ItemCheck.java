package com.example.shop.work;

import com.example.shop.Order;
import com.example.shop.queue.Content;

/** Work that grows with the order: those of one customer hold many times the items of others. */
final class ItemCheck implements Work {
    private static final long serialVersionUID = 1L;

    private final long micros;
    private final long factor;
    private final Pause pause = new Pause();

    ItemCheck(long micros, long factor) {
        this.micros = micros;
        this.factor = factor;
    }

    @Override
    public void on(Order order) throws InterruptedException {
        pause.micros(order.customer.equals(Content.HOT) ? micros * factor : micros);
    }
}
