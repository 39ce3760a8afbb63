package io.drsquirrel.flink.metric;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** The lines that loggers of a package write while it is open. */
public final class LogLines extends AbstractAppender implements AutoCloseable {
    public final List<String> lines = new CopyOnWriteArrayList<>();
    private final String loggers;

    public LogLines(String loggers) {
        super("lines of " + loggers, null, null, true, Property.EMPTY_ARRAY);
        this.loggers = loggers;
        start();
        context().getConfiguration().getRootLogger().addAppender(this, Level.INFO, null);
        context().updateLoggers();
    }

    private static LoggerContext context() {
        return (LoggerContext) LogManager.getContext(false);
    }

    @Override
    public void append(LogEvent event) {
        if (event.getLoggerName().startsWith(loggers)) {
            lines.add(event.getMessage().getFormattedMessage());
        }
    }

    @Override
    public void close() {
        context().getConfiguration().getRootLogger().removeAppender(getName());
        context().updateLoggers();
        stop();
    }
}
