package io.drsquirrel.flink.send;

/** A message on its way: `lines` is what it stands for, 1 but for log lines that were collapsed. */
final class Parcel {
    /** Of an object, its arrays and its place in a queue. */
    private static final int OVERHEAD_BYTES = 160;

    final Topic topic;
    final byte[] key;
    final byte[] value;
    final Kind kind;
    final long lines;
    final long timeMs;
    int attempts;

    Parcel(Topic topic, byte[] key, byte[] value, Kind kind, long lines, long timeMs) {
        this.topic = topic;
        this.key = key;
        this.value = value;
        this.kind = kind;
        this.lines = lines;
        this.timeMs = timeMs;
    }

    long bytes() {
        return value.length + key.length + OVERHEAD_BYTES;
    }
}
