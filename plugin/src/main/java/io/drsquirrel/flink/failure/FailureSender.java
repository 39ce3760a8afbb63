package io.drsquirrel.flink.failure;

import io.drsquirrel.flink.text.ThrowableText;

import org.apache.flink.core.failure.FailureEnricher;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;

import javax.management.InstanceNotFoundException;

/** Sends every failure that the JobManager handles, with its throwable; adds no labels. */
public final class FailureSender implements FailureEnricher {
    private static final Logger LOG = LoggerFactory.getLogger(FailureSender.class);
    /** The session may keep less. */
    private static final int LONGEST = 1 << 19;

    private final AtomicBoolean hasTold = new AtomicBoolean();

    @Override
    public Set<String> getOutputKeys() {
        return Set.of();
    }

    @Override
    public CompletableFuture<Map<String, String>> processFailure(Throwable cause, Context context) {
        try {
            long nowMs = System.currentTimeMillis();
            context.getIOExecutor().execute(() -> send(nowMs, cause, context));
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not send a failure.", e);
        }
        return CompletableFuture.completedFuture(Map.of());
    }

    private void send(long timeMs, Throwable cause, Context context) {
        try {
            Map<String, String> variables = context.getMetricGroup().getAllVariables();
            Failures.hand(
                    timeMs,
                    variables.getOrDefault("<job_id>", ""),
                    context.getFailureType().name(),
                    ThrowableText.of(cause, LONGEST));
        } catch (InstanceNotFoundException e) {
            if (hasTold.compareAndSet(false, true)) {
                LOG.warn(
                        "Dr. Squirrel's failure enricher sends nothing without its metric reporter."
                                + " Set metrics.reporter.squirrel.factory.class and its options;"
                                + " where metrics.reporters is set, name squirrel there too.");
            }
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not send a failure.", e);
        }
    }
}
