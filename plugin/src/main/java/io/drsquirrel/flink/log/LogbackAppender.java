package io.drsquirrel.flink.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.IThrowableProxy;
import ch.qos.logback.classic.spi.ThrowableProxy;
import ch.qos.logback.core.UnsynchronizedAppenderBase;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;

/** Takes warnings, errors and whatever has a throwable from logback. */
final class LogbackAppender extends UnsynchronizedAppenderBase<ILoggingEvent> {
    final LineSender lines;

    LogbackAppender(Session session, TaskThreads threads) {
        this.lines = new LineSender(session, threads);
        setName("drsquirrel");
    }

    /** Not through logback's own guards: they count nothing of what they refuse. */
    @Override
    public void doAppend(ILoggingEvent event) {
        try {
            append(event);
        } catch (Throwable e) {
            lines.lost();
        }
    }

    @Override
    protected void append(ILoggingEvent event) {
        int level = event.getLevel().toInt();
        boolean hasThrowable = level >= Level.INFO_INT && event.getThrowableProxy() != null;
        if (level >= Level.WARN_INT || hasThrowable) {
            lines.take(new LogbackLine(event));
        }
    }

    private static final class LogbackLine implements LoggedLine {
        private final ILoggingEvent event;

        LogbackLine(ILoggingEvent event) {
            this.event = event;
        }

        @Override
        public String level() {
            return event.getLevel().toString();
        }

        @Override
        public long timeMs() {
            return event.getTimeStamp();
        }

        @Override
        public String logger() {
            return String.valueOf(event.getLoggerName());
        }

        @Override
        public String thread() {
            return event.getThreadName();
        }

        /** We stand at the loggers themselves: no other thread is between. */
        @Override
        public long threadId() {
            return Thread.currentThread().getId();
        }

        @Override
        public String format() {
            return event.getMessage();
        }

        @Override
        public String message() {
            return String.valueOf(event.getFormattedMessage());
        }

        @Override
        public Throwable thrown() {
            IThrowableProxy proxy = event.getThrowableProxy();
            return proxy instanceof ThrowableProxy ? ((ThrowableProxy) proxy).getThrowable() : null;
        }

        @Override
        public String context(String name) {
            return event.getMDCPropertyMap().get(name);
        }
    }
}
