package io.drsquirrel.flink.log;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;

import org.slf4j.LoggerFactory;

/** What takes log lines from Flink's logging. */
public interface LogTap {
    /** Kafka's client says a hundred lines at every start; what matters the publisher says. */
    String CLIENT_LOGGER = "io.drsquirrel.flink.shaded.kafka";

    /** Attaches itself wherever it is not yet; called now and then. */
    void attach();

    /** Sends what was held back and goes without a trace. */
    void close();

    /**
     * The tap for the logging that stands behind slf4j, by which Flink logs; jars of others may lie
     * beside it. One that does nothing where it is neither Log4j 2 nor logback.
     */
    static LogTap of(Session session, TaskThreads threads) {
        String logging = LoggerFactory.getILoggerFactory().getClass().getName();
        try {
            if (logging.startsWith("org.apache.logging.slf4j.")) {
                return new Log4jTap(session, threads);
            }
            if (logging.startsWith("ch.qos.logback.classic.")) {
                return new LogbackTap(session, threads);
            }
        } catch (LinkageError | ClassCastException e) {
            // One of a kind that we do not know.
        }
        LoggerFactory.getLogger(LogTap.class)
                .warn(
                        "Dr. Squirrel sends no log lines: this Flink logs by {}, and only Log4j 2"
                                + " and logback are supported. Metrics are sent.",
                        logging);
        return new Nothing();
    }

    /** Takes no lines. */
    final class Nothing implements LogTap {
        @Override
        public void attach() {
            // There is nothing to attach to.
        }

        @Override
        public void close() {
            // Nothing was attached.
        }
    }
}
