package io.drsquirrel.flink.send;

import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Sends to Kafka for everything in this JVM, from one thread of its own: {@link #offer} neither
 * waits nor throws, and what is lost is counted by reason.
 */
public final class Publisher {
    private static final int NO_TOPIC_ATTEMPTS = 3;
    private static final long IDLE_MS = 200;

    private final Bounds bounds;
    private final Transport.Opening opening;
    private final LongSupplier clockMs;
    private final Tally tally = new Tally();
    private final Backlog backlog;
    private final Standing standing = new Standing(tally);
    private final Map<Topic, Long> noTopicUntil = new ConcurrentHashMap<>();
    private final Thread thread;
    /** How long to wait after the next attempt; 0 while what is sent arrives. */
    private final AtomicLong pauseMs = new AtomicLong();

    private volatile long closeBy;
    private volatile boolean leaves;

    Publisher(Bounds bounds, Transport.Opening opening, LongSupplier clockMs, String name) {
        this.bounds = bounds;
        this.opening = opening;
        this.clockMs = clockMs;
        this.backlog = new Backlog(bounds, tally);
        // Without the thread locals and the class loader of the job that happens to be the first.
        this.thread = new Thread(null, this::run, name, 0, false);
        thread.setContextClassLoader(Publisher.class.getClassLoader());
        thread.setDaemon(true);
    }

    public void start() {
        thread.start();
    }

    /** Takes a message in, or counts the lines it stands for as lost. */
    public boolean offer(Topic topic, String key, byte[] value, Kind kind, long lines) {
        tally.offered(lines);
        if (value.length > bounds.messageBytes) {
            tally.dropped(Reason.TOO_LARGE, lines);
            return false;
        }
        byte[] keyBytes = key.getBytes(StandardCharsets.UTF_8);
        return backlog.offer(
                new Parcel(topic, keyBytes, value, kind, lines, clockMs.getAsLong()));
    }

    public boolean offer(Topic topic, String key, byte[] value, Kind kind) {
        return offer(topic, key, value, kind, 1);
    }

    /** Why a message of this kind would not be taken in, however small; null if it would. */
    public Reason fullFor(Kind kind) {
        return backlog.fullFor(kind);
    }

    /** Counts lines that could not even be offered. */
    public void lost(Reason reason, long lines) {
        tally.offered(lines);
        tally.dropped(reason, lines);
    }

    public long offered() {
        return tally.offered();
    }

    public long sent() {
        return tally.sent();
    }

    public long dropped(Reason reason) {
        return tally.dropped(reason);
    }

    public long dropped() {
        return tally.dropped();
    }

    public long queued() {
        return backlog.lines();
    }

    /** Whether the thread belongs to the publisher, or to Kafka on its behalf. */
    public boolean owns(String threadName) {
        return threadName.endsWith(thread.getName());
    }

    /** Sends what it can within the time that {@link Bounds} gives, and counts the rest as lost. */
    public void close() {
        // The thread that closes a reporter may be interrupted, and would not wait at all.
        boolean interrupted = Thread.interrupted();
        closeBy = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(bounds.closeMs);
        backlog.beginClosing();
        try {
            thread.join(bounds.closeMs / 2);
            if (!leaves) {
                thread.interrupt();
            }
            thread.join(Math.max(1, closeLeftMs()));
        } catch (InterruptedException e) {
            interrupted = true;
        }
        backlog.close();
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private long closeLeftMs() {
        return TimeUnit.NANOSECONDS.toMillis(closeBy - System.nanoTime());
    }

    private void run() {
        Transport transport = null;
        try {
            while (!backlog.isClosing()) {
                if (transport == null) {
                    transport = open();
                } else {
                    sendNext(transport, IDLE_MS);
                }
            }
            if (transport == null && !fails()) {
                // The end came before there was a beginning.
                transport = open();
            }
            drain(transport);
        } catch (InterruptedException e) {
            // close() wants the thread back.
        } finally {
            backlog.close();
            close(transport);
        }
    }

    private void drain(Transport transport) throws InterruptedException {
        while (transport != null && !fails() && closeLeftMs() > bounds.closeMs * 2 / 3) {
            if (!sendNext(transport, 0)) {
                return;
            }
        }
    }

    private void close(Transport transport) {
        leaves = true;
        // An interrupted thread would make Kafka drop what it holds.
        Thread.interrupted();
        if (transport != null) {
            try {
                transport.close(Math.max(0, closeLeftMs() - bounds.closeMs / 9));
            } catch (Throwable e) {
                // What it held is counted by its callbacks; there is nothing left to do.
            }
        }
    }

    /** The way to Kafka, once there is something to send; null if it cannot be opened now. */
    private Transport open() throws InterruptedException {
        if (!backlog.await(IDLE_MS)) {
            return null;
        }
        try {
            return opening.open();
        } catch (Throwable e) {
            standing.failed(e);
            fail();
            pause();
            return null;
        }
    }

    private boolean sendNext(Transport transport, long waitMs) throws InterruptedException {
        Parcel parcel = backlog.take(waitMs);
        if (parcel == null) {
            return false;
        }
        if (noTopicUntil.getOrDefault(parcel.topic, 0L) > clockMs.getAsLong()) {
            lose(parcel, Reason.NO_TOPIC);
            return true;
        }
        try {
            transport.send(parcel, failure -> landed(transport, parcel, failure));
        } catch (Throwable e) {
            landed(transport, parcel, e);
        }
        pause();
        return true;
    }

    private boolean fails() {
        return pauseMs.get() > 0;
    }

    private void fail() {
        pauseMs.compareAndSet(0, bounds.pauseMs);
    }

    /** Ends as soon as something arrives; what nothing has ended is longer the next time. */
    private void pause() throws InterruptedException {
        long ms = pauseMs.get();
        backlog.pause(ms, this::fails);
        pauseMs.compareAndSet(ms, Math.min(2 * ms, bounds.longestPauseMs));
    }

    private void landed(Transport transport, Parcel parcel, Throwable failure) {
        if (failure == null) {
            if (fails()) {
                pauseMs.set(0);
                backlog.endPause();
            }
            standing.sent(parcel.topic);
            tally.sent(parcel.lines);
            backlog.landed(parcel);
            return;
        }
        if (backlog.isClosing()) {
            lose(parcel, Reason.CLOSED);
            return;
        }
        switch (transport.verdict(failure)) {
            case TRY_AGAIN:
                standing.failed(failure);
                fail();
                putBack(parcel);
                break;
            case NO_TOPIC:
                noTopic(parcel);
                break;
            case TOO_LARGE:
                standing.refused(parcel.topic, failure);
                lose(parcel, Reason.TOO_LARGE);
                break;
            default:
                standing.refused(parcel.topic, failure);
                lose(parcel, Reason.REFUSED);
        }
    }

    private void noTopic(Parcel parcel) {
        if (++parcel.attempts < NO_TOPIC_ATTEMPTS) {
            putBack(parcel);
            return;
        }
        standing.noTopic(parcel.topic);
        noTopicUntil.put(parcel.topic, clockMs.getAsLong() + bounds.noTopicMs);
        lose(parcel, Reason.NO_TOPIC);
    }

    private void putBack(Parcel parcel) {
        if (!backlog.putBack(parcel)) {
            tally.dropped(Reason.CLOSED, parcel.lines);
        }
    }

    private void lose(Parcel parcel, Reason reason) {
        tally.dropped(reason, parcel.lines);
        backlog.landed(parcel);
    }
}
