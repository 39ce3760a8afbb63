package io.drsquirrel.flink.send;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.Logger;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import java.util.ArrayList;
import java.util.List;

class StandingTest {
    private final Logger log = (Logger) LogManager.getLogger(Publisher.class);
    private final Standing standing = new Standing(new Tally());
    private final Heard heard = new Heard();

    @BeforeEach
    void listen() {
        heard.start();
        log.addAppender(heard);
        log.setLevel(Level.INFO);
    }

    @AfterEach
    void leave() {
        log.removeAppender(heard);
    }

    @Test
    void an_outage_is_told_once_when_it_begins_and_once_when_it_ends() {
        standing.sent(Topic.LOGS);
        for (int i = 0; i < 100; i++) {
            standing.failed(new IllegalStateException("bad"));
        }
        standing.sent(Topic.LOGS);
        standing.sent(Topic.METRICS);
        assertEquals(List.of("has reached", "cannot reach", "reaches Kafka again"), heard.said());
    }

    @Test
    void a_reason_that_comes_to_light_later_is_told_too() {
        for (int i = 0; i < 10; i++) {
            standing.failed(new TimeoutException("late"));
        }
        for (int i = 0; i < 10; i++) {
            standing.failed(new SaslAuthenticationException("wrong password"));
            standing.failed(new TimeoutException("late"));
        }
        assertEquals(List.of("cannot reach", "cannot reach"), heard.said());
        assertEquals(true, heard.lines.get(1).contains("wrong password"), heard.lines.toString());
    }

    @Test
    void one_late_answer_is_no_outage() {
        standing.failed(new IllegalStateException("late"));
        standing.sent(Topic.LOGS);
        assertEquals(List.of("has reached"), heard.said());
    }

    @Test
    void a_missing_topic_and_a_refusal_are_told_once_for_each_topic() {
        for (int i = 0; i < 10; i++) {
            standing.noTopic(Topic.LOGS);
            standing.refused(Topic.EVENTS, new IllegalStateException("password=hunter2"));
            standing.sent(Topic.METRICS);
        }
        standing.sent(Topic.LOGS);
        assertEquals(
                List.of("has no topic", "does not take", "has reached", "takes messages again"),
                heard.said());
        assertEquals(false, heard.lines.toString().contains("hunter2"), heard.lines.toString());
    }

    private static final class Heard extends AbstractAppender {
        private static final List<String> PARTS =
                List.of(
                        "has reached",
                        "cannot reach",
                        "reaches Kafka again",
                        "has no topic",
                        "does not take",
                        "takes messages again");
        final List<String> lines = new ArrayList<>();

        Heard() {
            super("heard", null, null, true, Property.EMPTY_ARRAY);
        }

        @Override
        public void append(LogEvent event) {
            lines.add(event.getMessage().getFormattedMessage());
        }

        List<String> said() {
            List<String> said = new ArrayList<>();
            for (String line : lines) {
                PARTS.stream().filter(line::contains).findFirst().ifPresent(said::add);
            }
            return said;
        }
    }
}
