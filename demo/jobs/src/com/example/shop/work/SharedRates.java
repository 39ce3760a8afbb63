package com.example.shop.work;

import com.example.shop.Order;

/** Looks something up under one lock that all subtasks of a TaskManager share. */
final class SharedRates implements Work {
    private static final long serialVersionUID = 1L;
    private static final Object LOCK = new Object();

    private final long micros;
    private final Pause pause = new Pause();

    SharedRates(long micros) {
        this.micros = micros;
    }

    @Override
    public void on(Order order) throws InterruptedException {
        synchronized (LOCK) {
            pause.micros(micros);
        }
    }
}
