package io.drsquirrel.flink.send;

/** Why something was not sent. */
public enum Reason {
    QUEUE_FULL("queue_full"),
    BYTES_FULL("bytes_full"),
    TOO_LARGE("too_large"),
    NO_TOPIC("no_topic"),
    REFUSED("refused"),
    CLOSED("closed"),
    UNREADABLE("unreadable");

    public final String word;

    Reason(String word) {
        this.word = word;
    }
}
