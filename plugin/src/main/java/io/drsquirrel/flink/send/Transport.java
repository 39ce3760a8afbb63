package io.drsquirrel.flink.send;

import java.util.function.Consumer;

/** The way to Kafka; used by the publisher's thread only. */
interface Transport {
    /** What a failure means for the message that failed. */
    enum Verdict {
        TRY_AGAIN,
        NO_TOPIC,
        TOO_LARGE,
        REFUSED
    }

    /** Hands over; `done` is called once, by any thread, with null or with what went wrong. */
    void send(Parcel parcel, Consumer<Throwable> done);

    Verdict verdict(Throwable failure);

    void close(long withinMs);

    /** Opens the way; may throw, and is then called again later. */
    interface Opening {
        Transport open();
    }
}
