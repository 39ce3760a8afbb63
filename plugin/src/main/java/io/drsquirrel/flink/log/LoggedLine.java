package io.drsquirrel.flink.log;

/**
 * A line as Flink's logging hands it over, on the thread that wrote it. Any of its parts may be
 * made only now, by the code of users: it may log, fail, or take long.
 */
interface LoggedLine {
    /** FATAL, ERROR, WARN or INFO. */
    String level();

    long timeMs();

    String logger();

    String thread();

    long threadId();

    /** The text before its parts are put in; null where there is none. */
    String format();

    String message();

    /** Null where there is none. */
    Throwable thrown();

    /** What the context of the thread says under this name; null where it says nothing. */
    String context(String name);
}
