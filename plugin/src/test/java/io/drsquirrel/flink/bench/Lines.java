package io.drsquirrel.flink.bench;

import org.apache.logging.log4j.Logger;

import java.io.IOException;

/** What a sick job logs. */
public enum Lines {
    /** One line again and again, with other numbers. */
    NUMBERED {
        @Override
        void log(Logger logger, long number) {
            logger.warn("Could not write order {} to ledger {}, trying again", number, number % 7);
        }
    },
    /** With a new throwable, of some 30 frames and a cause. */
    THROWN {
        @Override
        void log(Logger logger, long number) {
            logger.warn("Could not write order {}", number, thrown(25));
        }
    },
    /** Of a level that nobody waits for. */
    INFO {
        @Override
        void log(Logger logger, long number) {
            logger.info("Wrote order {} to ledger {}", number, number % 7);
        }
    };

    abstract void log(Logger logger, long number);

    private static Throwable thrown(int depth) {
        return depth == 0
                ? new IllegalStateException("order", new IOException("ledger"))
                : thrown(depth - 1);
    }
}
