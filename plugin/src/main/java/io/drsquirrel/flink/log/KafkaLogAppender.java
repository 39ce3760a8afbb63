package io.drsquirrel.flink.log;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.ErrorHandler;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;

/** Takes warnings, errors and whatever has a throwable from Log4j 2. */
public final class KafkaLogAppender extends AbstractAppender {
    private final LineSender lines;

    KafkaLogAppender(Session session, TaskThreads threads) {
        super("drsquirrel", null, null, true, Property.EMPTY_ARRAY);
        this.lines = new LineSender(session, threads);
        setHandler(new Recursions());
    }

    @Override
    public void append(LogEvent event) {
        boolean isInfo = event.getLevel().isLessSpecificThan(Level.INFO);
        if (!isInfo || event.getThrown() != null) {
            lines.take(new Log4jLine(event));
        }
    }

    void flush(boolean everything) {
        lines.flush(everything);
    }

    void end() {
        lines.end();
        stop();
    }

    private static final class Log4jLine implements LoggedLine {
        private final LogEvent event;

        Log4jLine(LogEvent event) {
            this.event = event;
        }

        @Override
        public String level() {
            Level level = event.getLevel();
            if (level.isMoreSpecificThan(Level.FATAL)) {
                return "FATAL";
            }
            if (level.isMoreSpecificThan(Level.ERROR)) {
                return "ERROR";
            }
            return level.isMoreSpecificThan(Level.WARN) ? "WARN" : "INFO";
        }

        @Override
        public long timeMs() {
            return event.getTimeMillis();
        }

        @Override
        public String logger() {
            return String.valueOf(event.getLoggerName());
        }

        @Override
        public String thread() {
            return event.getThreadName();
        }

        @Override
        public long threadId() {
            return event.getThreadId();
        }

        @Override
        public String format() {
            return event.getMessage().getFormat();
        }

        @Override
        public String message() {
            return String.valueOf(event.getMessage().getFormattedMessage());
        }

        @Override
        public Throwable thrown() {
            return event.getThrown();
        }

        @Override
        public String context(String name) {
            return event.getContextData().getValue(name);
        }
    }

    /** Log4j's own guard, which refuses a line that was caused by reading another. */
    private final class Recursions implements ErrorHandler {
        @Override
        public void error(String message) {
            lines.lost();
        }

        @Override
        public void error(String message, Throwable failure) {
            error(message);
        }

        @Override
        public void error(String message, LogEvent event, Throwable failure) {
            error(message);
        }
    }
}
