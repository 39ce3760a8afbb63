package io.drsquirrel.flink.metric;

import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;

import java.math.BigDecimal;
import java.util.function.Supplier;

/** Where a number comes from; reading it never fails, it only may give none. */
final class Reading {
    private final Object source;
    private final Supplier<?> number;
    private final boolean isNeverNegative;

    private Reading(Object source, Supplier<?> number, boolean isNeverNegative) {
        this.source = source;
        this.number = number;
        this.isNeverNegative = isNeverNegative;
    }

    /** Of one of Flink's; null if it is of a kind that is no single number. */
    static Reading of(Metric metric, Scope scope) {
        // Below zero is what an operator says where it does not know.
        boolean isNeverNegative = scope == Scope.OPERATOR;
        if (metric instanceof Counter) {
            return new Reading(metric, ((Counter) metric)::getCount, isNeverNegative);
        }
        if (metric instanceof Gauge) {
            return new Reading(metric, ((Gauge<?>) metric)::getValue, isNeverNegative);
        }
        return null;
    }

    static Reading of(Supplier<Long> own) {
        return new Reading(own, own, true);
    }

    boolean isOf(Object whose) {
        return source == whose;
    }

    /** The number now; null where there is none, as Long.MIN_VALUE says in Flink. */
    Number now() {
        try {
            Object value = number.get();
            if (value instanceof BigDecimal) {
                value = ((BigDecimal) value).doubleValue();
            }
            if (!(value instanceof Number)) {
                return null;
            }
            Number found = (Number) value;
            boolean isUnknown = found.longValue() == Long.MIN_VALUE;
            return isUnknown || isNeverNegative && found.doubleValue() < 0 ? null : found;
        } catch (Throwable e) {
            // A gauge is anybody's code, and what fails in it is not ours to judge.
            return null;
        }
    }
}
