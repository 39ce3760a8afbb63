package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.text.ShownNames;
import io.drsquirrel.flink.wire.Place;

import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.MetricGroup;

import java.util.Map;

/** Where one of Flink's metrics belongs, with names as Flink's REST API writes them. */
final class Spot {
    private static final String JOB_SCOPE = "jobmanager.job";
    private static final String TASK_SCOPE = "taskmanager.job.task";
    private static final String OPERATOR_SCOPE = "taskmanager.job.task.operator";
    private static final String COLLECTOR_PREFIX = "Status.JVM.GarbageCollector.";
    /** As REST writes them. */
    private static final ShownNames SHOWN = new ShownNames(Spot::replaceInvalid);
    private static final ShownNames SHOWN_JOBS = new ShownNames();

    final Scope scope;
    final Subject subject;
    final Place place;
    final String name;
    final String host;
    final String task;

    private Spot(Scope scope, Place place, String name, Map<String, String> variables) {
        this.scope = scope;
        this.place = place;
        this.name = name.intern();
        this.host = variables.getOrDefault("<host>", "");
        this.task = variables.getOrDefault("<task_name>", "");
        String container = variables.getOrDefault("<tm_id>", "");
        boolean isOfProcess = scope == Scope.CONTAINER || scope == Scope.COLLECTOR;
        this.subject = isOfProcess ? Subject.ofProcess(container) : run(container, variables);
    }

    private static Subject run(String container, Map<String, String> variables) {
        String name = variables.get("<job_name>");
        String shown = name == null ? "" : SHOWN_JOBS.of(name);
        return new Subject(container, variables.getOrDefault("<job_id>", ""), shown);
    }

    /** The spot of a metric; null if it is at none of which reports speak. */
    static Spot of(String metricName, MetricGroup group) {
        String logical =
                LogicalScopeProvider.castFrom(group).getLogicalScope(Spot::replaceInvalid, '.');
        String name = replaceInvalid(metricName);
        Map<String, String> variables = group.getAllVariables();
        String rest = below(OPERATOR_SCOPE, logical, name);
        if (rest != null) {
            return new Spot(Scope.OPERATOR, taskPlace(variables, true), rest, variables);
        }
        rest = below(TASK_SCOPE, logical, name);
        if (rest != null) {
            return new Spot(Scope.SUBTASK, taskPlace(variables, false), rest, variables);
        }
        rest = below(JOB_SCOPE, logical, name);
        if (rest != null) {
            return new Spot(Scope.JOB, Place.WHOLE, rest, variables);
        }
        rest = below("taskmanager", logical, name);
        rest = rest != null ? rest : below("jobmanager", logical, name);
        return rest == null ? null : ofContainer(rest, variables);
    }

    private static Spot ofContainer(String name, Map<String, String> variables) {
        if (!name.startsWith(COLLECTOR_PREFIX)) {
            return new Spot(Scope.CONTAINER, Place.WHOLE, name, variables);
        }
        int dot = name.lastIndexOf('.');
        Place place = Place.ofGroup(name.substring(COLLECTOR_PREFIX.length(), dot));
        return new Spot(Scope.COLLECTOR, place, name.substring(dot + 1), variables);
    }

    /** The metric's name with the groups below a scope; null if it is not in there. */
    private static String below(String scope, String logical, String name) {
        if (logical.equals(scope)) {
            return name;
        }
        boolean isBelow = logical.startsWith(scope) && logical.charAt(scope.length()) == '.';
        return isBelow ? logical.substring(scope.length() + 1) + '.' + name : null;
    }

    private static Place taskPlace(Map<String, String> variables, boolean ofOperator) {
        return new Place(
                variables.getOrDefault("<task_id>", ""),
                whole(variables.get("<subtask_index>")),
                ofOperator ? SHOWN.of(variables.getOrDefault("<operator_name>", "")) : "",
                "",
                whole(variables.get("<task_attempt_num>")));
    }

    private static int whole(String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            return -1;
        }
    }

    /** As Flink's MetricQueryService does for its REST API. */
    static String replaceInvalid(String text) {
        return text.replace(' ', '_').replace('.', '_').replace(':', '_').replace(',', '_');
    }
}
