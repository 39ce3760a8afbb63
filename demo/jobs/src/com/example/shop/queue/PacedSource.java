package com.example.shop.queue;

import com.example.shop.Order;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.api.connector.source.Boundedness;
import org.apache.flink.api.connector.source.Source;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.api.connector.source.SplitEnumerator;
import org.apache.flink.api.connector.source.SplitEnumeratorContext;
import org.apache.flink.core.io.SimpleVersionedSerializer;

/**
 * Reads an imagined external queue, as one reads Kafka: its records appear by the clock, whether
 * they are read or not; the reader takes them as fast as the job does, and a restart reads again
 * what came after the last checkpoint.
 */
public final class PacedSource implements Source<Order, Partition, List<Partition>> {
    private static final long serialVersionUID = 1L;

    private final int partitions;
    private final Arrivals arrivals;
    private final Content content;
    private final boolean sleeps;

    /** A source that sleeps blocks its task while it waits for records, as bad ones do. */
    public PacedSource(int partitions, Arrivals arrivals, Content content, boolean sleeps) {
        this.partitions = partitions;
        this.arrivals = arrivals;
        this.content = content;
        this.sleeps = sleeps;
    }

    @Override
    public Boundedness getBoundedness() {
        return arrivals.bounded() ? Boundedness.BOUNDED : Boundedness.CONTINUOUS_UNBOUNDED;
    }

    @Override
    public SplitEnumerator<Partition, List<Partition>> createEnumerator(
            SplitEnumeratorContext<Partition> context) {
        long startMs = System.currentTimeMillis();
        List<Partition> all = new ArrayList<>();
        for (int id = 0; id < partitions; id++) {
            all.add(new Partition(id, startMs, 0));
        }
        return new PartitionAssigner(context, arrivals.bounded(), all);
    }

    @Override
    public SplitEnumerator<Partition, List<Partition>> restoreEnumerator(
            SplitEnumeratorContext<Partition> context, List<Partition> waiting) {
        return new PartitionAssigner(context, arrivals.bounded(), waiting);
    }

    @Override
    public SourceReader<Order, Partition> createReader(SourceReaderContext context) {
        return new PacedReader(context, arrivals, content, sleeps);
    }

    @Override
    public SimpleVersionedSerializer<Partition> getSplitSerializer() {
        return new Partition.Serializer();
    }

    @Override
    public SimpleVersionedSerializer<List<Partition>> getEnumeratorCheckpointSerializer() {
        return new PartitionAssigner.Serializer();
    }
}
