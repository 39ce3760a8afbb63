package io.drsquirrel.flink.metric;

/** To what a metric belongs, as in drsquirrel/model/metric.py. */
enum Scope {
    JOB,
    SUBTASK,
    OPERATOR,
    CONTAINER,
    COLLECTOR
}
