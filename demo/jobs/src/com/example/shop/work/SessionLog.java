package com.example.shop.work;

import com.example.shop.Order;
import java.util.ArrayList;
import java.util.List;

/**
 * Remembers something of every order and forgets nothing, until the heap is full. It grows by large
 * blocks: the one that does not fit fails at once, and leaves room for the rest of the process.
 */
final class SessionLog implements Work {
    private static final long serialVersionUID = 1L;
    private static final int BLOCK_BYTES = 4 << 20;

    private final int bytesPerOrder;
    private transient List<byte[]> blocks;
    private transient int usedBytes;

    SessionLog(long kbPerOrder) {
        this.bytesPerOrder = (int) (kbPerOrder * 1024);
    }

    @Override
    public void on(Order order) {
        if (blocks == null) {
            blocks = new ArrayList<>();
        }
        usedBytes += bytesPerOrder;
        if (usedBytes > blocks.size() * BLOCK_BYTES) {
            blocks.add(new byte[BLOCK_BYTES]);
        }
    }
}
