package io.drsquirrel.flink.send;

/** What a message holds, from what is given up first when there is no room to what is kept. */
public enum Kind {
    INFO,
    WARN,
    ERROR,
    METRICS,
    EVENT
}
