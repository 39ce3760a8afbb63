package io.drsquirrel.flink.send;

import java.io.IOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * What became of each message: at the publisher's door, and of each attempt to send it. The file
 * outlives a kill of the process.
 */
final class Journal {
    static final int RECORD_BYTES = 16;

    private static final int LINES_AT = 8;
    private static final int KIND_AT = 9;
    private static final int FATE_AT = 10;
    private static final int HANDED_AT = 11;
    private static final int FAILED_AT = 12;
    private static final int ACKED_AT = 13;
    private static final byte TAKEN = 1;
    private static final byte REFUSED = 2;

    private final MappedByteBuffer file;

    Journal(Path path, int messages) throws IOException {
        try (FileChannel channel =
                FileChannel.open(
                        path,
                        StandardOpenOption.CREATE,
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE)) {
            file = channel.map(FileChannel.MapMode.READ_WRITE, 0, (long) messages * RECORD_BYTES);
        }
    }

    int messages() {
        return file.capacity() / RECORD_BYTES;
    }

    /** It is about to be offered. */
    void offers(int id, int lines, int kind) {
        int at = id * RECORD_BYTES;
        file.put(at + LINES_AT, (byte) lines);
        file.put(at + KIND_AT, (byte) kind);
        file.putLong(at, System.currentTimeMillis());
    }

    void offered(int id, boolean taken) {
        file.put(id * RECORD_BYTES + FATE_AT, taken ? TAKEN : REFUSED);
    }

    /** It is given to Kafka. */
    void handed(int id) {
        add(id, HANDED_AT);
    }

    /** Kafka has answered, or nothing came in time. */
    void answered(int id, boolean acknowledged) {
        add(id, acknowledged ? ACKED_AT : FAILED_AT);
    }

    /** A message is in one hand at a time. */
    private void add(int id, int what) {
        int at = id * RECORD_BYTES + what;
        file.put(at, (byte) Math.min(Byte.MAX_VALUE, file.get(at) + 1));
    }
}
