package io.drsquirrel.flink.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.send.FakeKafka;
import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.send.Reason;
import io.drsquirrel.flink.session.Identity;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Settings;

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.SimpleMessage;
import org.apache.logging.log4j.util.SortedArrayStringMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;

/** What the appender takes the publisher hears of: every line, whatever else happens. */
@Timeout(60)
class EveryLineTest {
    private final Publisher publisher = new FakeKafka().publisher();
    private KafkaLogAppender appender;

    @BeforeEach
    void open() {
        Properties given = new Properties();
        given.setProperty("cluster", "prod");
        given.setProperty("kafka.bootstrap.servers", "kafka:9092");
        Settings settings = new Settings(given);
        Session session =
                new Session(settings, publisher, System::currentTimeMillis, "ab12", "2.3.0");
        session.identify(new Identity("tm-1", "host"));
        appender = new KafkaLogAppender(session, new TaskThreads());
        appender.start();
        publisher.start();
    }

    @AfterEach
    void close() {
        publisher.close();
    }

    @Test
    void lines_of_threads_that_are_still_at_it_when_it_ends_are_counted() throws Exception {
        AtomicLong appended = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            String text = i < 2 ? "alike" : "a text of its own";
            threads.add(
                    new Thread(
                            () -> {
                                for (int n = 0; n < 50_000; n++) {
                                    appender.append(line(text, "0f"));
                                    appended.incrementAndGet();
                                }
                            }));
        }
        threads.forEach(Thread::start);
        while (appended.get() < 10_000) {
            Thread.onSpinWait();
        }
        appender.end();
        long atTheEnd = appended.get();
        for (Thread thread : threads) {
            thread.join();
        }
        assertTrue(atTheEnd < 200_000, "it ended after all");
        assertEquals(200_000, publisher.offered());
    }

    @Test
    void lines_alike_to_one_that_cannot_be_read_are_counted() {
        for (int i = 0; i < 10; i++) {
            appender.append(line("alike", 17));
        }
        appender.end();
        assertEquals(10, publisher.offered());
        assertEquals(10, publisher.dropped(Reason.UNREADABLE));
    }

    /** A job id that is no text makes reading fail. */
    private static LogEvent line(String text, Object job) {
        SortedArrayStringMap context = new SortedArrayStringMap();
        context.putValue("flink-job-id", job);
        return Log4jLogEvent.newBuilder()
                .setLoggerName("org.acme.Job")
                .setLevel(Level.WARN)
                .setMessage(new SimpleMessage(text))
                .setContextData(context)
                .setThreadName("main")
                .setTimeMillis(System.currentTimeMillis())
                .build();
    }
}
