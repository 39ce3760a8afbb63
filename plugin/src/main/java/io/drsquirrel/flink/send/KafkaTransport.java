package io.drsquirrel.flink.send;

import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.InvalidTopicException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** Kafka's producer. */
public final class KafkaTransport implements Transport {
    /** When a message was handed to Kafka, so that a late one is told from one of a wrong clock. */
    static final String SENT_MS = "sent_ms";

    /** Options of which Kafka has no list: others add theirs. */
    private static final List<String> OPEN = List.of("sasl.", "ssl.", "config.providers.");

    private static final Logger LOG = LoggerFactory.getLogger(KafkaTransport.class);

    private final Producer<byte[], byte[]> producer;
    private final Map<Topic, String> topics;
    private final LongSupplier clockMs;

    KafkaTransport(
            Producer<byte[], byte[]> producer, Map<Topic, String> topics, LongSupplier clockMs) {
        this.producer = producer;
        this.topics = topics;
        this.clockMs = clockMs;
    }

    /** The publisher for these options of Kafka's producer. */
    public static Publisher publisher(
            Bounds bounds, Properties options, Map<Topic, String> topics, LongSupplier clockMs) {
        Transport.Opening opening = opening(options, topics, clockMs);
        return new Publisher(bounds, opening, clockMs, options.getProperty("client.id"));
    }

    static Transport.Opening opening(
            Properties options, Map<Topic, String> topics, LongSupplier clockMs) {
        AtomicBoolean isFirst = new AtomicBoolean(true);
        return () -> {
            if (isFirst.getAndSet(false)) {
                unknown(options).forEach(KafkaTransport::complain);
            }
            Properties usable = withUsableCompression(options);
            return new KafkaTransport(new KafkaProducer<>(usable), topics, clockMs);
        };
    }

    /** Asked by the publisher's thread: Kafka's classes find each other by its class loader. */
    static Set<String> unknown(Properties options) {
        Set<String> unknown = new TreeSet<>(options.stringPropertyNames());
        unknown.removeAll(ProducerConfig.configNames());
        unknown.removeIf(name -> OPEN.stream().anyMatch(name::startsWith));
        return unknown;
    }

    private static void complain(String option) {
        LOG.warn(
                "Dr. Squirrel: Kafka's producer has no option {}. Check the name of the reporter's"
                        + " option kafka.{}.",
                option,
                option);
    }

    /** Where the native code of zstd cannot be loaded (from a temporary directory), gzip does. */
    private static Properties withUsableCompression(Properties options) {
        if (!"zstd".equals(options.getProperty("compression.type"))) {
            return options;
        }
        try {
            com.github.luben.zstd.util.Native.load();
            return options;
        } catch (LinkageError | RuntimeException e) {
            LOG.warn("Dr. Squirrel: zstd cannot be used here, so gzip is: {}", e.toString());
            Properties changed = new Properties();
            changed.putAll(options);
            changed.setProperty("compression.type", "gzip");
            return changed;
        }
    }

    @Override
    public void send(Parcel parcel, Consumer<Throwable> done) {
        ProducerRecord<byte[], byte[]> message =
                new ProducerRecord<>(
                        topics.get(parcel.topic), null, parcel.timeMs, parcel.key, parcel.value);
        byte[] now = Long.toString(clockMs.getAsLong()).getBytes(StandardCharsets.US_ASCII);
        message.headers().add(SENT_MS, now);
        producer.send(message, (where, failure) -> done.accept(failure));
    }

    @Override
    public Verdict verdict(Throwable failure) {
        if (failure instanceof UnknownTopicOrPartitionException
                || failure.getCause() instanceof UnknownTopicOrPartitionException
                || failure instanceof InvalidTopicException) {
            return Verdict.NO_TOPIC;
        }
        if (failure instanceof RecordTooLargeException) {
            return Verdict.TOO_LARGE;
        }
        // Wrong credentials can be put right where the broker is.
        if (failure instanceof RetriableException
                || failure instanceof AuthenticationException
                || failure instanceof InterruptException) {
            return Verdict.TRY_AGAIN;
        }
        return Verdict.REFUSED;
    }

    @Override
    public void close(long withinMs) {
        producer.close(Duration.ofMillis(withinMs));
    }
}
