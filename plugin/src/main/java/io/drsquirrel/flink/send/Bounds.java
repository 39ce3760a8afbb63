package io.drsquirrel.flink.send;

/** How much may wait, and for how long the publisher does. */
public final class Bounds {
    public final int messages;
    public final long bytes;
    /** Of what waits, that may be in Kafka's own hands, where kinds no longer count. */
    public final int flightMessages;

    public final long flightBytes;
    public final int messageBytes;
    /** After a failure, doubled up to the longest. */
    public final long pauseMs;
    public final long longestPauseMs;
    /** In which nothing is tried on a topic that does not exist. */
    public final long noTopicMs;
    public final long closeMs;

    public Bounds(int messages, long bytes) {
        this(messages, bytes, 4 << 20, 4_000_000, 500, 5_000, 60_000, 900);
    }

    Bounds(
            int messages,
            long bytes,
            long flightBytes,
            int messageBytes,
            long pauseMs,
            long longestPauseMs,
            long noTopicMs,
            long closeMs) {
        this.messages = messages;
        this.bytes = bytes;
        // The rest is for what is worth more than that.
        this.flightMessages = Math.max(1, messages / 2);
        this.flightBytes = Math.min(flightBytes, Math.max(1, bytes / 2));
        this.messageBytes = messageBytes;
        this.pauseMs = pauseMs;
        this.longestPauseMs = longestPauseMs;
        this.noTopicMs = noTopicMs;
        this.closeMs = closeMs;
    }
}
