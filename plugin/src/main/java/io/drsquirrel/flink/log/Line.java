package io.drsquirrel.flink.log;

/** A log line as it is sent, within bounds and without secrets. */
final class Line {
    final long timeMs;
    final String level;
    final String logger;
    final String message;
    final String throwable;
    final String thread;
    final String task;
    final String job;

    Line(
            long timeMs,
            String level,
            String logger,
            String message,
            String throwable,
            String thread,
            String task,
            String job) {
        this.timeMs = timeMs;
        this.level = level;
        this.logger = logger;
        this.message = message;
        this.throwable = throwable;
        this.thread = thread;
        this.task = task;
        this.job = job;
    }

    /** A later line of the same kind. */
    Line later(long laterMs, String laterMessage) {
        return new Line(laterMs, level, logger, laterMessage, throwable, thread, task, job);
    }
}
