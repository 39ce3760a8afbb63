package io.drsquirrel.flink.session;

import io.drsquirrel.flink.wire.Message;
import io.drsquirrel.flink.wire.Origin;

import java.util.concurrent.atomic.AtomicLong;

/** Messages that are counted together, from 0 and without holes. */
public final class Stream {
    private final Origin origin;
    private final AtomicLong next = new AtomicLong();

    Stream(Origin origin) {
        this.origin = origin;
    }

    public Message message(String type, long timeMs) {
        return new Message(type, origin, next.getAndIncrement(), timeMs);
    }

    public String key() {
        return Identity.keyOf(origin.container());
    }
}
