package io.drsquirrel.flink.send;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;

class KafkaTransportTest {
    private final MockProducer<byte[], byte[]> producer =
            new MockProducer<>(
                    true, null, new ByteArraySerializer(), new ByteArraySerializer());
    private final KafkaTransport transport =
            new KafkaTransport(producer, Map.of(Topic.LOGS, "team-flink-logs"), () -> 1_234L);

    @Test
    void a_message_says_when_it_was_made_and_when_it_was_handed_over() {
        List<Throwable> done = new ArrayList<>();
        Parcel parcel = new Parcel(Topic.LOGS, new byte[] {1}, new byte[] {2}, Kind.WARN, 1, 999);
        transport.send(parcel, done::add);
        var sent = producer.history().get(0);
        assertEquals("team-flink-logs", sent.topic());
        assertEquals(999, sent.timestamp());
        String header =
                new String(sent.headers().lastHeader("sent_ms").value(), StandardCharsets.UTF_8);
        assertEquals("1234", header);
        assertEquals(1, done.size());
        assertEquals(null, done.get(0));
    }

    @Test
    void a_failure_decides_whether_the_message_is_tried_again() {
        Throwable noTopic = new UnknownTopicOrPartitionException();
        assertEquals(Transport.Verdict.TRY_AGAIN, transport.verdict(new TimeoutException("late")));
        assertEquals(
                Transport.Verdict.NO_TOPIC,
                transport.verdict(new TimeoutException("not in metadata", noTopic)));
        assertEquals(Transport.Verdict.NO_TOPIC, transport.verdict(noTopic));
        assertEquals(
                Transport.Verdict.TOO_LARGE, transport.verdict(new RecordTooLargeException()));
        assertEquals(
                Transport.Verdict.REFUSED,
                transport.verdict(new TopicAuthorizationException("team-flink-logs")));
        assertEquals(
                Transport.Verdict.TRY_AGAIN,
                transport.verdict(new SaslAuthenticationException("no")));
        assertEquals(Transport.Verdict.REFUSED, transport.verdict(new KafkaException("closed")));
        assertEquals(Transport.Verdict.REFUSED, transport.verdict(new NoClassDefFoundError("x")));
    }

    @Test
    void options_that_kafka_does_not_know_are_found() {
        Properties options = new Properties();
        options.setProperty("bootstrap.server", "x");
        options.setProperty("bootstrap.servers", "x");
        options.setProperty("sasl.oauthbearer.mine", "x");
        options.setProperty("config.providers.file.class", "x");
        assertEquals(Set.of("bootstrap.server"), KafkaTransport.unknown(options));
    }
}
