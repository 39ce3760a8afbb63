package com.example.shop.queue;

import java.nio.ByteBuffer;
import org.apache.flink.api.connector.source.SourceSplit;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** A partition of the queue, when it began to fill, and the next offset to read. */
final class Partition implements SourceSplit {
    final int id;
    final long startMs;
    final long offset;

    Partition(int id, long startMs, long offset) {
        this.id = id;
        this.startMs = startMs;
        this.offset = offset;
    }

    @Override
    public String splitId() {
        return "partition-" + id;
    }

    /** The bytes of a partition in checkpoints. */
    static final class Serializer implements SimpleVersionedSerializer<Partition> {
        static final int BYTES = Integer.BYTES + 2 * Long.BYTES;

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(Partition partition) {
            return ByteBuffer.allocate(BYTES)
                    .putInt(partition.id)
                    .putLong(partition.startMs)
                    .putLong(partition.offset)
                    .array();
        }

        @Override
        public Partition deserialize(int version, byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes);
            return new Partition(in.getInt(), in.getLong(), in.getLong());
        }
    }
}
