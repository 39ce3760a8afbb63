package com.example.shop.work;

import com.example.shop.Order;
import java.util.ArrayList;
import java.util.List;

/** Remembers something of every order and forgets nothing, until the heap is full. */
final class SessionLog implements Work {
    private static final long serialVersionUID = 1L;

    private final int bytesPerOrder;
    private transient List<byte[]> sessions;

    SessionLog(long kbPerOrder) {
        this.bytesPerOrder = (int) (kbPerOrder * 1024);
    }

    @Override
    public void on(Order order) {
        if (sessions == null) {
            sessions = new ArrayList<>();
        }
        sessions.add(new byte[bytesPerOrder]);
    }
}
