package io.drsquirrel.flink.metric;

import org.apache.flink.metrics.CharacterFilter;
import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;

import java.util.HashMap;
import java.util.Map;

/** A group as Flink hands it to reporters. */
public final class FakeGroup extends UnregisteredMetricsGroup implements LogicalScopeProvider {
    static final String JOB = "0123456789abcdef0123456789abcdef";
    static final String VERTEX = "cbc357ccb763df2852fee8c4fc7d55f2";

    private final String logical;
    private final Map<String, String> variables;

    private FakeGroup(String logical, Map<String, String> variables) {
        this.logical = logical;
        this.variables = variables;
    }

    static FakeGroup jobmanager(String below) {
        return new FakeGroup("jobmanager" + below, Map.of("<host>", "jm-host"));
    }

    static FakeGroup job() {
        return jobNamed("orders");
    }

    static FakeGroup jobNamed(String name) {
        Map<String, String> variables = new HashMap<>();
        variables.put("<host>", "jm-host");
        variables.put("<job_id>", JOB);
        variables.put("<job_name>", name);
        return new FakeGroup("jobmanager.job", variables);
    }

    static FakeGroup taskmanager(String below) {
        return new FakeGroup("taskmanager" + below, Map.of("<host>", "tm-host", "<tm_id>", "tm-1"));
    }

    static FakeGroup task(int subtask, int attempt, String below) {
        return new FakeGroup("taskmanager.job.task" + below, taskVariables(JOB, subtask, attempt));
    }

    static FakeGroup operator(String name, int subtask, int attempt, String below) {
        Map<String, String> variables = taskVariables(JOB, subtask, attempt);
        variables.put("<operator_name>", name);
        return new FakeGroup("taskmanager.job.task.operator" + below, variables);
    }

    static FakeGroup operatorOf(String job, String name, int subtask) {
        Map<String, String> variables = taskVariables(job, subtask, 0);
        variables.put("<operator_name>", name);
        return new FakeGroup("taskmanager.job.task.operator", variables);
    }

    private static Map<String, String> taskVariables(String job, int subtask, int attempt) {
        Map<String, String> variables = new HashMap<>();
        variables.put("<host>", "tm-host");
        variables.put("<tm_id>", "tm-1");
        variables.put("<job_id>", job);
        variables.put("<job_name>", "orders");
        variables.put("<task_id>", VERTEX);
        variables.put("<task_name>", "Source: orders -> map");
        variables.put("<subtask_index>", "" + subtask);
        variables.put("<task_attempt_num>", "" + attempt);
        return variables;
    }

    @Override
    public Map<String, String> getAllVariables() {
        return new HashMap<>(variables);
    }

    @Override
    public String getLogicalScope(CharacterFilter filter) {
        return getLogicalScope(filter, '.');
    }

    @Override
    public String getLogicalScope(CharacterFilter filter, char delimiter) {
        String[] parts = logical.split("\\.");
        for (int i = 0; i < parts.length; i++) {
            parts[i] = filter.filterCharacters(parts[i]);
        }
        return String.join("" + delimiter, parts);
    }

    @Override
    public MetricGroup getWrappedMetricGroup() {
        return this;
    }
}
