package io.drsquirrel.flink;

import org.apache.flink.core.failure.FailureEnricher;

import java.util.Collections;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/** Sends failures; the class that is named in jobmanager.failure-enrichers. */
public final class KafkaFailureEnricher implements FailureEnricher {
    private final FailureEnricher behind;

    KafkaFailureEnricher() {
        this.behind =
                NewerJava.make(
                        FailureEnricher.class,
                        "io.drsquirrel.flink.failure.FailureSender",
                        new Nothing());
    }

    @Override
    public Set<String> getOutputKeys() {
        return behind.getOutputKeys();
    }

    @Override
    public CompletableFuture<Map<String, String>> processFailure(Throwable cause, Context context) {
        return behind.processFailure(cause, context);
    }

    /** Says nothing of a failure. */
    private static final class Nothing implements FailureEnricher {
        @Override
        public Set<String> getOutputKeys() {
            return Collections.emptySet();
        }

        @Override
        public CompletableFuture<Map<String, String>> processFailure(
                Throwable cause, Context context) {
            return CompletableFuture.completedFuture(Collections.emptyMap());
        }
    }
}
