package com.example.shop.work;

import com.example.shop.Order;

/** A call to another system that takes its time to answer; the thread waits and uses no CPU. */
final class RemoteCall implements Work {
    private static final long serialVersionUID = 1L;

    private final long micros;
    private final Pause pause = new Pause();

    RemoteCall(long micros) {
        this.micros = micros;
    }

    @Override
    public void on(Order order) throws InterruptedException {
        awaitReply();
    }

    private void awaitReply() throws InterruptedException {
        pause.micros(micros);
    }
}
