package io.drsquirrel.flink.send;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * What waits to be sent or is on its way, bounded by number and by bytes. Its lock is held for a
 * few steps only, never while sending.
 */
final class Backlog {
    private static final int KINDS = Kind.values().length;

    private final Bounds bounds;
    private final Tally tally;
    private final List<ArrayDeque<Parcel>> waiting = new ArrayList<>();
    private final long[] waitingBytes = new long[KINDS];
    private int messages;
    private int waitingMessages;
    private long bytes;
    private int flightMessages;
    private long flightBytes;
    private long lines;
    private boolean sleeps;
    private boolean closing;
    private boolean closed;

    Backlog(Bounds bounds, Tally tally) {
        this.bounds = bounds;
        this.tally = tally;
        for (int kind = 0; kind < KINDS; kind++) {
            waiting.add(new ArrayDeque<>());
        }
    }

    /** Takes it in, if need be instead of older messages of lower kinds; else counts it as lost. */
    synchronized boolean offer(Parcel parcel) {
        Reason reason = closing ? Reason.CLOSED : makeRoom(parcel);
        if (reason != null) {
            tally.dropped(reason, parcel.lines);
            return false;
        }
        messages++;
        bytes += parcel.bytes();
        lines += parcel.lines;
        waiting.get(parcel.kind.ordinal()).addLast(parcel);
        waits(parcel, 1);
        wake();
        return true;
    }

    /** Why there is no room, not even in the place of what is worth less; null if there is. */
    synchronized Reason fullFor(Kind kind) {
        if (messages < bounds.messages && bytes < bounds.bytes) {
            return null;
        }
        for (int lower = 0; lower < kind.ordinal(); lower++) {
            if (!waiting.get(lower).isEmpty()) {
                return null;
            }
        }
        return messages < bounds.messages ? Reason.BYTES_FULL : Reason.QUEUE_FULL;
    }

    private Reason makeRoom(Parcel parcel) {
        int tooMany = messages + 1 - bounds.messages;
        long tooMuch = bytes + parcel.bytes() - bounds.bytes;
        if (tooMany <= 0 && tooMuch <= 0) {
            return null;
        }
        Reason reason = tooMany > 0 ? Reason.QUEUE_FULL : Reason.BYTES_FULL;
        for (int kind = 0; kind < parcel.kind.ordinal(); kind++) {
            tooMany -= waiting.get(kind).size();
            tooMuch -= waitingBytes[kind];
        }
        if (tooMany > 0 || tooMuch > 0) {
            return reason;
        }
        for (int kind = 0; kind < parcel.kind.ordinal(); kind++) {
            while (isFullFor(parcel) && !waiting.get(kind).isEmpty()) {
                Parcel lost = poll(kind, false);
                release(lost);
                tally.dropped(reason, lost.lines);
            }
        }
        return null;
    }

    private boolean isFullFor(Parcel parcel) {
        return messages + 1 > bounds.messages || bytes + parcel.bytes() > bounds.bytes;
    }

    /** The next to be sent, the highest kind first; null if there is none within the time. */
    synchronized Parcel take(long waitMs) throws InterruptedException {
        return await(waitMs) ? next() : null;
    }

    /** Whether there is something to send, now or within the time. */
    synchronized boolean await(long waitMs) throws InterruptedException {
        if (!isReady() && waitMs > 0 && !closing) {
            sleeps = true;
            wait(waitMs);
            sleeps = false;
        }
        return isReady();
    }

    /** Wakes who waits for something to send, once. */
    private void wake() {
        if (sleeps && isReady()) {
            sleeps = false;
            notifyAll();
        }
    }

    private boolean isReady() {
        return flightMessages < bounds.flightMessages
                && flightBytes < bounds.flightBytes
                && waitingMessages > 0;
    }

    private Parcel next() {
        int kind = KINDS - 1;
        while (waiting.get(kind).isEmpty()) {
            kind--;
        }
        return poll(kind, true);
    }

    private Parcel poll(int kind, boolean takesOff) {
        Parcel parcel = waiting.get(kind).pollFirst();
        waits(parcel, -1);
        if (takesOff) {
            flies(parcel, 1);
        }
        return parcel;
    }

    /** It has not arrived and shall be tried again, before what came after it. */
    synchronized boolean putBack(Parcel parcel) {
        flies(parcel, -1);
        if (closed) {
            release(parcel);
            return false;
        }
        waiting.get(parcel.kind.ordinal()).addFirst(parcel);
        waits(parcel, 1);
        return true;
    }

    /** It has arrived, or is given up. */
    synchronized void landed(Parcel parcel) {
        flies(parcel, -1);
        release(parcel);
        wake();
    }

    private void flies(Parcel parcel, int more) {
        flightMessages += more;
        flightBytes += more * parcel.bytes();
    }

    private void waits(Parcel parcel, int more) {
        waitingMessages += more;
        waitingBytes[parcel.kind.ordinal()] += more * parcel.bytes();
    }

    private void release(Parcel parcel) {
        messages--;
        bytes -= parcel.bytes();
        lines -= parcel.lines;
    }

    /** Waits until the time is over, it is not needed any more, or the end has come. */
    synchronized void pause(long ms, BooleanSupplier isNeeded) throws InterruptedException {
        long until = System.nanoTime() + ms * 1_000_000;
        long left = ms;
        while (left > 0 && isNeeded.getAsBoolean() && !closing) {
            wait(left);
            left = (until - System.nanoTime()) / 1_000_000;
        }
    }

    /** To be called when it has become so that no pause is needed. */
    synchronized void endPause() {
        notifyAll();
    }

    /** From now on nothing is taken in. */
    synchronized void beginClosing() {
        closing = true;
        notifyAll();
    }

    synchronized boolean isClosing() {
        return closing;
    }

    /** What still waits is lost; what is on its way counts when it lands. */
    synchronized void close() {
        closing = true;
        closed = true;
        for (int kind = 0; kind < KINDS; kind++) {
            while (!waiting.get(kind).isEmpty()) {
                Parcel lost = poll(kind, false);
                release(lost);
                tally.dropped(Reason.CLOSED, lost.lines);
            }
        }
    }

    synchronized long lines() {
        return lines;
    }
}
