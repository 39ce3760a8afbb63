package io.drsquirrel.flink.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggerContextListener;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Option;

import org.slf4j.LoggerFactory;

/** Attaches the appender to logback, again whenever that is configured anew. */
final class LogbackTap implements LogTap, LoggerContextListener {
    private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    private final Session session;
    private final LogbackAppender appender;
    private final boolean takesLines;
    private boolean closed;

    LogbackTap(Session session, TaskThreads threads) {
        this.session = session;
        this.appender = new LogbackAppender(session, threads);
        this.takesLines = session.settings().isOn(Option.LOGS);
        context.addListener(this);
    }

    @Override
    public void attach() {
        attachEverywhere();
        appender.lines.flush(false);
    }

    private synchronized void attachEverywhere() {
        if (closed || session.identity() == null) {
            return;
        }
        Logger client = context.getLogger(CLIENT_LOGGER);
        if (client.getLevel() == null) {
            client.setLevel(Level.OFF);
        }
        if (takesLines) {
            for (Logger logger : context.getLoggerList()) {
                if (isEnd(logger)) {
                    // Once, however often it is asked for.
                    logger.addAppender(appender);
                }
            }
        }
    }

    /** Where lines end up: the root, and those that pass nothing on to it. */
    private static boolean isEnd(Logger logger) {
        return logger.getName().equals(Logger.ROOT_LOGGER_NAME) || !logger.isAdditive();
    }

    @Override
    public synchronized void close() {
        closed = true;
        context.removeListener(this);
        context.getLoggerList().forEach(logger -> logger.detachAppender(appender));
        appender.lines.end();
    }

    @Override
    public boolean isResetResistant() {
        return true;
    }

    /** Called by logback when all appenders are gone, before others come. */
    @Override
    public void onReset(LoggerContext whose) {
        attachEverywhere();
    }

    @Override
    public void onStart(LoggerContext whose) {
        // It is attached by then.
    }

    @Override
    public void onStop(LoggerContext whose) {
        // Nothing is left that could be attached to.
    }

    @Override
    public void onLevelChange(Logger logger, Level level) {
        // The appender looks at levels for itself.
    }
}
