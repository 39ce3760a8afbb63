package com.example.shop.work;

import com.example.shop.Order;

/** Work that takes longer on a slow machine: a JVM started with -Dshop.slow.machine=true. */
final class LocalDisk implements Work {
    private static final long serialVersionUID = 1L;

    private final long micros;
    private final long factor;
    private final Pause pause = new Pause();

    LocalDisk(long micros, long factor) {
        this.micros = micros;
        this.factor = factor;
    }

    @Override
    public void on(Order order) throws InterruptedException {
        pause.micros(Boolean.getBoolean("shop.slow.machine") ? micros * factor : micros);
    }
}
