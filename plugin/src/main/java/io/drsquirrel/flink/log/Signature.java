package io.drsquirrel.flink.log;

import io.drsquirrel.flink.text.Secrets;

import java.util.Objects;

/**
 * Lines alike. Of each window of time the first few are sent at once; the others are held back and
 * told by one line at its end: `count` had the same text, `dropped` had others. Their sum over all
 * that is sent is the number of lines.
 */
final class Signature {
    /** Of lines with a throwable so many of a window are told apart by where it was thrown. */
    static final int LOOKS = 100;

    /** Of one that is told instead of the line that was sent. */
    private static final int TEXT_CHARS = 8_192;

    private final long windowMs;
    private final int windowLines;
    private volatile long beganMs;
    private int sentLines;
    private int looks;
    private Line sample;
    private String sentText;
    private String otherText;
    private long lastMs;
    private long same;
    private long other;
    private boolean retired;

    Signature(long windowMs, int windowLines, long nowMs) {
        this.windowMs = windowMs;
        this.windowLines = windowLines;
        this.beganMs = nowMs;
    }

    /** What becomes of a line. */
    enum Fate {
        SENT,
        HELD,
        /** Where it was thrown decides: {@link Key#at} has the signature that takes it. */
        LOOK,
        /** The signature takes no more: another one has to. */
        RETIRED
    }

    /** To find out where something was thrown takes long, so it is not done for every line. */
    synchronized Fate take(String text, long nowMs, boolean canLook) {
        if (retired) {
            return Fate.RETIRED;
        }
        if (isOver(nowMs)) {
            beganMs = nowMs;
            sentLines = 0;
            sentText = null;
            looks = 0;
        }
        if (canLook && looks < LOOKS) {
            looks++;
            return Fate.LOOK;
        }
        lastMs = nowMs;
        if (text.equals(sentText)) {
            same++;
            return Fate.HELD;
        }
        if (sentLines < windowLines) {
            sentLines++;
            sentText = text;
            return Fate.SENT;
        }
        other++;
        otherText = text;
        return Fate.HELD;
    }

    /** The line that was sent, as which those held back will be told. */
    synchronized void sent(Line line) {
        sample = line;
    }

    /** What was held back, once the window is over or if there will be no other time. */
    synchronized Due due(long nowMs, boolean now) {
        boolean isDue = now || isOver(nowMs) && sample != null;
        if (!isDue || same + other == 0) {
            return null;
        }
        Due due = held();
        same = 0;
        other = 0;
        otherText = null;
        return due;
    }

    private Due held() {
        if (sample == null) {
            // The one that was to be sent could not be read.
            return new Due(null, same, other);
        }
        if (same > 0) {
            return new Due(sample.later(lastMs, sample.message), same, other);
        }
        String text = Secrets.hide(otherText, TEXT_CHARS);
        return new Due(sample.later(lastMs, text), 1, other - 1);
    }

    boolean isOver(long nowMs) {
        long sinceMs = nowMs - beganMs;
        return sinceMs >= windowMs || sinceMs < 0;
    }

    /** Whether nothing is left to tell; then it takes no more lines. */
    synchronized boolean retire(long nowMs) {
        retired = isOver(nowMs) && same + other == 0;
        return retired;
    }

    /** A line to send, how many had this text, and how many others were alike. */
    static final class Due {
        /** Null where none could be read. */
        final Line line;
        final long count;
        final long dropped;

        Due(Line line, long count, long dropped) {
            this.line = line;
            this.count = count;
            this.dropped = dropped;
        }

        long lines() {
            return count + dropped;
        }
    }

    /** What lines have to have in common to be alike. */
    static final class Key {
        final String level;
        private final String logger;
        private final String template;
        private final String thrown;
        private final StackTraceElement place;
        private final int hash;

        Key(String level, String logger, String template, Throwable thrown) {
            this(
                    level,
                    logger,
                    template,
                    thrown == null ? "" : thrown.getClass().getName(),
                    null);
        }

        private Key(
                String level,
                String logger,
                String template,
                String thrown,
                StackTraceElement place) {
            this.level = level;
            this.logger = logger;
            this.template = template;
            this.thrown = thrown;
            this.place = place;
            int parts = level.hashCode() * 31 + logger.hashCode();
            parts = (parts * 31 + template.hashCode()) * 31 + thrown.hashCode();
            this.hash = parts * 31 + Objects.hashCode(place);
        }

        /** Of those lines whose throwable comes from the same place as this one. */
        Key at(Throwable where) {
            StackTraceElement[] frames = where.getStackTrace();
            StackTraceElement first = frames.length == 0 ? null : frames[0];
            return new Key(level, logger, template, thrown, first);
        }

        @Override
        public boolean equals(Object whose) {
            if (!(whose instanceof Key)) {
                return false;
            }
            Key that = (Key) whose;
            return hash == that.hash
                    && level.equals(that.level)
                    && logger.equals(that.logger)
                    && template.equals(that.template)
                    && thrown.equals(that.thrown)
                    && Objects.equals(place, that.place);
        }

        @Override
        public int hashCode() {
            return hash;
        }
    }
}
