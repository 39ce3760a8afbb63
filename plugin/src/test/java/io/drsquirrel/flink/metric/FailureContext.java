package io.drsquirrel.flink.metric;

import org.apache.flink.api.common.JobInfo;
import org.apache.flink.core.failure.FailureEnricher;
import org.apache.flink.metrics.MetricGroup;

import java.util.concurrent.Executor;

/** What Flink says of a failure of a task. */
final class FailureContext implements FailureEnricher.Context {
    @Override
    public MetricGroup getMetricGroup() {
        return FakeGroup.job();
    }

    @Override
    public FailureType getFailureType() {
        return FailureType.TASK;
    }

    @Override
    public ClassLoader getUserClassLoader() {
        return null;
    }

    @Override
    public Executor getIOExecutor() {
        return Runnable::run;
    }

    @Override
    public JobInfo getJobInfo() {
        return null;
    }
}
