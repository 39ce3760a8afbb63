package io.drsquirrel.flink;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.atomic.AtomicBoolean;

/**
 * Makes the parts that need Java 11; on an older one says so in one line. What is in this package
 * is byte code of Java 8, on which Flink 1.x may run.
 */
final class NewerJava {
    private static final Logger LOG = LoggerFactory.getLogger(NewerJava.class);
    private static final AtomicBoolean HAS_TOLD = new AtomicBoolean();
    private static final double NEEDED = 11;

    private NewerJava() {}

    /** The part of this class name, or the other that does nothing. */
    static <T> T make(Class<T> type, String name, T otherwise) {
        return make(type, name, otherwise, System.getProperty("java.specification.version"));
    }

    static <T> T make(Class<T> type, String name, T otherwise, String javaVersion) {
        String told = "this is Java " + javaVersion + ", and it needs 11 or later";
        try {
            if (Double.parseDouble(javaVersion) >= NEEDED) {
                ClassLoader loader = NewerJava.class.getClassLoader();
                Class<?> found = Class.forName(name, true, loader);
                return type.cast(found.getDeclaredConstructor().newInstance());
            }
        } catch (ReflectiveOperationException | RuntimeException | LinkageError e) {
            told = e.toString();
        }
        if (HAS_TOLD.compareAndSet(false, true)) {
            LOG.warn("Dr. Squirrel does nothing here: {}.", told);
        }
        return otherwise;
    }
}
