package io.drsquirrel.flink.send;

/** The topics, each with its name after the prefix. */
public enum Topic {
    METRICS("flink-metrics"),
    LOGS("flink-logs"),
    EVENTS("flink-events"),
    CONTAINERS("flink-containers"),
    CONFIGS("flink-configs");

    public final String word;

    Topic(String word) {
        this.word = word;
    }
}
