package io.drsquirrel.flink.bench;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.Appender;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.config.LoggerConfig;
import org.apache.logging.log4j.core.config.Property;

/** A logger whose only appender is the one to be measured. */
public final class Arm {
    public final String name;
    public final Logger logger;
    private final Appender measured;
    private volatile Latencies latencies = new Latencies();

    public Arm(String name, Appender measured) {
        this.name = name;
        this.measured = measured;
        LoggerContext context = (LoggerContext) LogManager.getContext(false);
        Configuration configuration = context.getConfiguration();
        String loggerName = "bench." + name;
        LoggerConfig config = new LoggerConfig(loggerName, Level.INFO, false);
        config.addAppender(new Timed(name), Level.INFO, null);
        configuration.removeLogger(loggerName);
        configuration.addLogger(loggerName, config);
        context.updateLoggers();
        logger = context.getLogger(loggerName);
    }

    /** What was measured since the last call. */
    public Latencies taken() {
        Latencies taken = latencies;
        latencies = new Latencies();
        return taken;
    }

    private final class Timed extends AbstractAppender {
        Timed(String name) {
            super("timed-" + name, null, null, false, Property.EMPTY_ARRAY);
            start();
        }

        @Override
        public void append(LogEvent event) {
            long beganNs = System.nanoTime();
            measured.append(event);
            latencies.add(System.nanoTime() - beganNs);
        }
    }
}
