package com.example.shop.queue;

import java.io.Serializable;

/**
 * When the records of one partition appear in the queue. A backlog is there at the start; the rest
 * comes at a steady rate, or squeezed into the first part of each period (a burst); a limit may
 * end it.
 */
public final class Arrivals implements Serializable {
    private static final long serialVersionUID = 1L;

    private final double perSecond;
    private final long backlog;
    private final long periodMs;
    private final long burstMs;
    private final long limit;

    /** Of one partition, all of it. A burst as long as the period is no burst. */
    public Arrivals(double perSecond, long backlog, long periodMs, long burstMs, long limit) {
        this.perSecond = perSecond;
        this.backlog = backlog;
        this.periodMs = periodMs;
        this.burstMs = burstMs;
        this.limit = limit;
    }

    public boolean bounded() {
        return limit != Long.MAX_VALUE;
    }

    public long limit() {
        return limit;
    }

    /** How many records have appeared this long after the start. */
    public long countAt(long elapsedMs) {
        long within = Math.min(elapsedMs % periodMs, burstMs) * periodMs / burstMs;
        double steadyMs = elapsedMs / periodMs * periodMs + within;
        return Math.min(limit, backlog + (long) (steadyMs * perSecond / 1000));
    }

    /** When the record of this offset appeared, in ms after the start; negative in the backlog. */
    public long timeOf(long offset) {
        long steadyMs = (long) Math.ceil((offset + 1 - backlog) * 1000 / perSecond);
        if (steadyMs < 0) {
            return steadyMs;
        }
        return steadyMs / periodMs * periodMs + steadyMs % periodMs * burstMs / periodMs;
    }
}
