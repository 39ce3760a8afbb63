package io.drsquirrel.flink.log;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.session.Session;

import org.slf4j.LoggerFactory;

/** What takes log lines from Flink's logging. */
public interface LogTap {
    /** Attaches itself wherever it is not yet; called now and then. */
    void attach();

    /** Sends what was held back and goes without a trace. */
    void close();

    /** The tap for the logging that is there; one that does nothing where it is not Log4j 2. */
    static LogTap of(Session session, TaskThreads threads) {
        try {
            return new Log4jTap(session, threads);
        } catch (LinkageError | ClassCastException e) {
            LoggerFactory.getLogger(LogTap.class)
                    .warn(
                            "Dr. Squirrel sends no log lines: this Flink does not log by Log4j 2,"
                                    + " and nothing else is supported. Metrics are sent.");
            return new LogTap() {
                @Override
                public void attach() {
                    // There is nothing to attach to.
                }

                @Override
                public void close() {
                    // Nothing was attached.
                }
            };
        }
    }
}
