package io.drsquirrel.flink.send;

/** Why something was not sent. */
public enum Reason {
    QUEUE_FULL("queue-full"),
    BYTES_FULL("bytes-full"),
    TOO_LARGE("too-large"),
    NO_TOPIC("no-topic"),
    REFUSED("refused"),
    CLOSED("closed"),
    UNREADABLE("unreadable");

    public final String word;

    Reason(String word) {
        this.word = word;
    }
}
