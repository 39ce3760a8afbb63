package io.drsquirrel.flink.log;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Option;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.impl.Log4jContextFactory;

import java.beans.PropertyChangeEvent;
import java.beans.PropertyChangeListener;
import java.util.Collections;
import java.util.HashSet;
import java.util.Set;
import java.util.WeakHashMap;

/** Attaches the appender to every context of Log4j, again whenever one is configured anew. */
final class Log4jTap implements LogTap, PropertyChangeListener {
    private final Log4jContextFactory factory = (Log4jContextFactory) LogManager.getFactory();
    private final Session session;
    private final KafkaLogAppender appender;
    private final boolean takesLines;
    private final Set<LoggerContext> contexts =
            Collections.newSetFromMap(new WeakHashMap<>());
    private boolean closed;

    Log4jTap(Session session, TaskThreads threads) {
        this.session = session;
        this.appender = new KafkaLogAppender(session, threads);
        this.takesLines = session.settings().isOn(Option.LOGS);
        appender.start();
    }

    @Override
    public void attach() {
        attachEverywhere();
        appender.flush(false);
    }

    private synchronized void attachEverywhere() {
        if (closed || session.identity() == null) {
            return;
        }
        for (LoggerContext context : factory.getSelector().getLoggerContexts()) {
            if (contexts.add(context)) {
                context.addPropertyChangeListener(this);
            }
            attach(context, context.getConfiguration());
        }
    }

    /** Called by Log4j when a context has a new configuration. */
    @Override
    public synchronized void propertyChange(PropertyChangeEvent event) {
        if (!closed && LoggerContext.PROPERTY_CONFIG.equals(event.getPropertyName())) {
            attach((LoggerContext) event.getSource(), (Configuration) event.getNewValue());
        }
    }

    private void attach(LoggerContext context, Configuration configuration) {
        boolean changed = quieten(configuration);
        if (takesLines) {
            for (LoggerConfig logger : ends(configuration)) {
                if (!logger.getAppenders().containsKey(appender.getName())) {
                    logger.addAppender(appender, Level.INFO, null);
                    changed = true;
                }
            }
        }
        if (changed) {
            context.updateLoggers(configuration);
        }
    }

    /** Where lines end up: the root, and those that pass nothing on to it. */
    private static Set<LoggerConfig> ends(Configuration configuration) {
        Set<LoggerConfig> ends = new HashSet<>();
        ends.add(configuration.getRootLogger());
        for (LoggerConfig logger : configuration.getLoggers().values()) {
            if (!logger.isAdditive()) {
                ends.add(logger);
            }
        }
        return ends;
    }

    private static boolean quieten(Configuration configuration) {
        if (configuration.getLoggerConfig(CLIENT_LOGGER).getName().equals(CLIENT_LOGGER)) {
            return false;
        }
        configuration.addLogger(CLIENT_LOGGER, new LoggerConfig(CLIENT_LOGGER, Level.OFF, true));
        return true;
    }

    @Override
    public synchronized void close() {
        closed = true;
        for (LoggerContext context : contexts) {
            context.removePropertyChangeListener(this);
            Configuration configuration = context.getConfiguration();
            ends(configuration).forEach(logger -> logger.removeAppender(appender.getName()));
            context.updateLoggers(configuration);
        }
        contexts.clear();
        appender.end();
    }
}
