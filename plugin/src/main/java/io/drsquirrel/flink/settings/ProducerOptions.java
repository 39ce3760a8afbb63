package io.drsquirrel.flink.settings;

import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArraySerializer;

import java.util.Map;
import java.util.Properties;

/** What Kafka's producer is told: our defaults, then the user's options, then what must be so. */
final class ProducerOptions {
    static final String PREFIX = "kafka.";

    private static final String CLIENT_ID = "client.id";

    /**
     * All replicas acknowledge, for an acknowledged record must not be lost uncounted. Without
     * idempotence, which needs a right of its own and has states that end a producer: whoever reads
     * knows every message by epoch and sequence, and takes any order and repetition.
     */
    private static final Map<String, String> OURS =
            Map.ofEntries(
                    Map.entry("acks", "all"),
                    Map.entry("enable.idempotence", "false"),
                    Map.entry("compression.type", "zstd"),
                    Map.entry("linger.ms", "20"),
                    Map.entry("batch.size", "131072"),
                    Map.entry("buffer.memory", "16777216"),
                    Map.entry("request.timeout.ms", "10000"),
                    Map.entry("delivery.timeout.ms", "30000"),
                    Map.entry("reconnect.backoff.max.ms", "5000"),
                    Map.entry(CLIENT_ID, "drsquirrel"));

    private static final Map<String, String> MUST =
            Map.of(
                    "key.serializer", ByteArraySerializer.class.getName(),
                    "value.serializer", ByteArraySerializer.class.getName(),
                    "max.block.ms", "2000",
                    "max.request.size", "4194304",
                    "metric.reporters", "",
                    "enable.metrics.push", "false");

    /** Where Kafka's classes are: not under their own name in the jar. */
    private static final String KAFKA =
            ProducerConfig.class.getName().replace("clients.producer.ProducerConfig", "");

    /** What users write; put together so that the renaming of classes does not change it too. */
    private static final String WRITTEN = String.join(".", "org", "apache", "kafka", "");

    private ProducerOptions() {}

    /** The options; `id` makes the client's name its own. */
    static Properties of(Map<String, String> users, String id) {
        Properties options = new Properties();
        OURS.forEach(options::setProperty);
        users.forEach((key, value) -> options.setProperty(key, value.replace(WRITTEN, KAFKA)));
        MUST.forEach(options::setProperty);
        options.setProperty(CLIENT_ID, options.getProperty(CLIENT_ID) + "-" + id);
        return options;
    }

    static boolean isFixed(String key) {
        return MUST.containsKey(key);
    }

}
