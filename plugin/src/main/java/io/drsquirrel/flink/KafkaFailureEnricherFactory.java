package io.drsquirrel.flink;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.failure.FailureEnricher;
import org.apache.flink.core.failure.FailureEnricherFactory;

/** Makes the failure enricher, where jobmanager.failure-enrichers names its class. */
public final class KafkaFailureEnricherFactory implements FailureEnricherFactory {
    @Override
    public FailureEnricher createFailureEnricher(Configuration configuration) {
        return new KafkaFailureEnricher();
    }
}
