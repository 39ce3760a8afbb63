package io.drsquirrel.flink.wire;

import java.util.Objects;

/** The scope of a number: a subtask in an attempt, an operator of it, a collector, the whole. */
public final class Place {
    public static final Place WHOLE = new Place("", -1, "", "", -1);

    public final String vertex;
    public final int subtask;
    public final String operator;
    public final String group;
    public final int attempt;

    public Place(String vertex, int subtask, String operator, String group, int attempt) {
        this.vertex = vertex.intern();
        this.subtask = subtask;
        this.operator = operator.intern();
        this.group = group.intern();
        this.attempt = attempt;
    }

    public static Place ofGroup(String group) {
        return new Place("", -1, "", group, -1);
    }

    /** The place of the subtask to which this operator belongs. */
    public Place ofSubtask() {
        return new Place(vertex, subtask, "", "", attempt);
    }

    void write(Json json) {
        json.open('[').string(vertex).number(subtask).string(operator).string(group);
        json.number(attempt).close(']');
    }

    @Override
    public boolean equals(Object other) {
        if (!(other instanceof Place)) {
            return false;
        }
        Place that = (Place) other;
        return subtask == that.subtask
                && attempt == that.attempt
                && vertex.equals(that.vertex)
                && operator.equals(that.operator)
                && group.equals(that.group);
    }

    @Override
    public int hashCode() {
        return Objects.hash(vertex, subtask, operator, group, attempt);
    }
}
