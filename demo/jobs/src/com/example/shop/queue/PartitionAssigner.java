package com.example.shop.queue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/** Gives partition p to reader p modulo the parallelism, like Kafka's; its state is what waits. */
final class PartitionAssigner implements SplitEnumerator<Partition, List<Partition>> {
    private final SplitEnumeratorContext<Partition> context;
    private final boolean bounded;
    private final List<Partition> waiting;

    PartitionAssigner(
            SplitEnumeratorContext<Partition> context, boolean bounded, List<Partition> waiting) {
        this.context = context;
        this.bounded = bounded;
        this.waiting = new ArrayList<>(waiting);
    }

    @Override
    public void addReader(int reader) {
        for (Iterator<Partition> all = waiting.iterator(); all.hasNext(); ) {
            Partition partition = all.next();
            if (partition.id % context.currentParallelism() == reader) {
                context.assignSplit(partition, reader);
                all.remove();
            }
        }
        if (bounded) {
            context.signalNoMoreSplits(reader);
        }
    }

    @Override
    public void addSplitsBack(List<Partition> partitions, int reader) {
        waiting.addAll(partitions);
    }

    @Override
    public List<Partition> snapshotState(long checkpointId) {
        return new ArrayList<>(waiting);
    }

    @Override
    public void start() {}

    @Override
    public void handleSplitRequest(int reader, String host) {}

    @Override
    public void close() {}

    /** The bytes of the waiting partitions in checkpoints. */
    static final class Serializer implements SimpleVersionedSerializer<List<Partition>> {
        private final Partition.Serializer each = new Partition.Serializer();

        @Override
        public int getVersion() {
            return 1;
        }

        @Override
        public byte[] serialize(List<Partition> partitions) {
            ByteBuffer out = ByteBuffer.allocate(partitions.size() * Partition.Serializer.BYTES);
            partitions.forEach(partition -> out.put(each.serialize(partition)));
            return out.array();
        }

        @Override
        public List<Partition> deserialize(int version, byte[] bytes) {
            List<Partition> partitions = new ArrayList<>();
            byte[] one = new byte[Partition.Serializer.BYTES];
            for (ByteBuffer in = ByteBuffer.wrap(bytes); in.hasRemaining(); ) {
                in.get(one);
                partitions.add(each.deserialize(version, one));
            }
            return partitions;
        }
    }
}
