package com.example.shop.queue;

import com.example.shop.Order;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.flink.api.connector.source.ReaderOutput;
import org.apache.flink.api.connector.source.SourceReader;
import org.apache.flink.api.connector.source.SourceReaderContext;
import org.apache.flink.core.io.InputStatus;
import org.apache.flink.metrics.Counter;

/** Reads the partitions assigned to one subtask, in turn, up to what has appeared by now. */
final class PacedReader implements SourceReader<Order, Partition> {
    private static final long WAIT_MS = 20;

    private final SourceReaderContext context;
    private final Arrivals arrivals;
    private final Content content;
    private final boolean sleeps;
    private final Counter recordsIn;
    private final List<Position> positions = new ArrayList<>();
    private final ScheduledExecutorService timer =
            Executors.newSingleThreadScheduledExecutor(
                    task -> {
                        Thread thread = new Thread(task, "queue-poll");
                        thread.setDaemon(true);
                        return thread;
                    });
    private CompletableFuture<Void> available = new CompletableFuture<>();
    private boolean noMorePartitions;
    private volatile Position[] seen = {};
    private int next;

    PacedReader(SourceReaderContext context, Arrivals arrivals, Content content, boolean sleeps) {
        this.context = context;
        this.arrivals = arrivals;
        this.content = content;
        this.sleeps = sleeps;
        this.recordsIn = context.metricGroup().getIOMetricGroup().getNumRecordsInCounter();
    }

    @Override
    public void start() {
        context.metricGroup().setPendingRecordsGauge(this::pending);
    }

    @Override
    public InputStatus pollNext(ReaderOutput<Order> output) throws InterruptedException {
        for (int tried = 0; tried < positions.size(); tried++) {
            Position position = positions.get(next);
            next = (next + 1) % positions.size();
            if (position.offset < position.end()) {
                long time = position.startMs + arrivals.timeOf(position.offset);
                recordsIn.inc();
                output.collect(content.order(position.id, position.offset, time), time);
                position.offset++;
                return InputStatus.MORE_AVAILABLE;
            }
        }
        if (noMorePartitions && positions.stream().allMatch(p -> p.offset == arrivals.limit())) {
            return InputStatus.END_OF_INPUT;
        }
        if (sleeps && !positions.isEmpty()) {
            Thread.sleep(WAIT_MS);
            return InputStatus.MORE_AVAILABLE;
        }
        waitForMore();
        return InputStatus.NOTHING_AVAILABLE;
    }

    private void waitForMore() {
        CompletableFuture<Void> wait = new CompletableFuture<>();
        available = wait;
        if (!positions.isEmpty()) {
            timer.schedule(() -> wait.complete(null), WAIT_MS, TimeUnit.MILLISECONDS);
        }
    }

    @Override
    public CompletableFuture<Void> isAvailable() {
        return available;
    }

    @Override
    public void addSplits(List<Partition> partitions) {
        partitions.forEach(partition -> positions.add(new Position(partition)));
        seen = positions.toArray(new Position[0]);
        available.complete(null);
    }

    @Override
    public void notifyNoMoreSplits() {
        noMorePartitions = true;
        available.complete(null);
    }

    @Override
    public List<Partition> snapshotState(long checkpointId) {
        List<Partition> partitions = new ArrayList<>();
        positions.forEach(p -> partitions.add(new Partition(p.id, p.startMs, p.offset)));
        return partitions;
    }

    @Override
    public void close() {
        timer.shutdownNow();
    }

    /** How many records have appeared and are not read; asked by the metric reporter's thread. */
    private long pending() {
        long sum = 0;
        for (Position position : seen) {
            sum += position.end() - position.offset;
        }
        return sum;
    }

    /** Where the reader stands in one partition; the offset is written by the task thread alone. */
    private final class Position {
        final int id;
        final long startMs;
        volatile long offset;

        Position(Partition partition) {
            id = partition.id;
            startMs = partition.startMs;
            offset = partition.offset;
        }

        long end() {
            return arrivals.countAt(System.currentTimeMillis() - startMs);
        }
    }
}
