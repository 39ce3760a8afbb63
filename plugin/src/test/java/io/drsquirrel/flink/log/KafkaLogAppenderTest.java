package io.drsquirrel.flink.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.metric.Bench;
import io.drsquirrel.flink.send.Topic;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.DefaultConfiguration;
import org.apache.logging.log4j.message.ObjectMessage;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

@Timeout(60)
class KafkaLogAppenderTest {
    private static final Logger LOG = LogManager.getLogger("org.acme.Job");

    private final Bench bench = new Bench().taskmanager();

    @AfterEach
    void close() {
        bench.close();
    }

    @Test
    void warnings_errors_and_whatever_has_a_throwable_are_sent() {
        LOG.info("not this");
        LOG.debug("nor this", new IOException());
        LOG.info("i", new IOException("inner"));
        LOG.warn("w {}", 1);
        LOG.error("e");
        LOG.fatal("f");
        List<String> lines = bench.at(Topic.LOGS);
        assertEquals(4, lines.size(), lines.toString());
        String head = "\"level\":\"INFO\",\"logger\":\"org.acme.Job\",\"message\":\"i\"";
        String trace = "\"throwable\":\"java.io.IOException: inner\\u000a\\u0009at io.dr";
        assertTrue(lines.get(0).contains(head), lines.get(0));
        assertTrue(lines.get(0).contains(trace), lines.get(0));
        assertTrue(lines.get(1).contains("\"message\":\"w 1\""));
        assertTrue(lines.get(1).contains("\"host\":\"tm-host\""));
        assertTrue(lines.get(3).contains("\"level\":\"FATAL\""));
    }

    @Test
    void the_job_is_what_flink_says_in_the_context_of_the_thread() {
        MDC.put("flink-job-id", "0123456789abcdef0123456789abcdef");
        LOG.warn("mine");
        MDC.clear();
        LOG.warn("nobody's");
        List<String> lines = bench.at(Topic.LOGS);
        assertTrue(lines.get(0).contains("\"job\":\"0123456789abcdef0123456789abcdef\""));
        assertFalse(lines.get(1).contains("\"job\""));
    }

    @Test
    void a_text_that_logs_while_it_is_read_does_no_harm() {
        Object chatty =
                new Object() {
                    @Override
                    public String toString() {
                        LOG.error("within");
                        return "chatty";
                    }
                };
        LOG.warn("of a {}", chatty);
        LOG.warn(new ObjectMessage(chatty));
        List<String> lines = bench.at(Topic.LOGS);
        assertTrue(lines.toString().contains("of a chatty"), lines.toString());
        assertTrue(lines.toString().contains("\"message\":\"chatty\""), lines.toString());
    }

    @Test
    void a_throwable_that_logs_while_it_is_read_ends_too() {
        Throwable chatty =
                new IOException() {
                    private static final long serialVersionUID = 1;

                    @Override
                    public String getMessage() {
                        LOG.error("within", this);
                        return "chatty";
                    }
                };
        LOG.warn("of a", chatty);
        List<String> lines = bench.at(Topic.LOGS);
        assertTrue(lines.toString().contains(": chatty"), lines.toString());
    }

    @Test
    void what_the_plugin_and_its_kafka_say_is_not_taken() throws Exception {
        LoggerFactory.getLogger("io.drsquirrel.flink.send.Publisher").warn("own");
        LoggerFactory.getLogger(Log4jTap.CLIENT_LOGGER + ".clients.NetworkClient").error("own");
        Thread network =
                new Thread(
                        () -> LOG.error("of the network thread"),
                        "kafka-producer-network-thread | drsquirrel-test");
        network.start();
        network.join();
        LOG.warn("the user's");
        assertEquals(1, bench.at(Topic.LOGS).size(), bench.at(Topic.LOGS).toString());
    }

    @Test
    void repeated_lines_become_one_with_a_count() {
        for (int i = 0; i < 1_000; i++) {
            LOG.warn("again and again");
        }
        bench.clockMs.addAndGet(20_000);
        LOG.warn("again and again");
        List<String> lines = bench.at(Topic.LOGS);
        assertEquals(3, lines.size(), lines.toString());
        assertTrue(lines.get(1).contains("\"count\":999"), lines.get(1));
        assertFalse(lines.get(2).contains("\"count\""), lines.get(2));
        assertTrue(lines.get(2).contains("\"sequence\":2,"), lines.get(2));
    }

    @Test
    void lines_with_a_throwable_are_told_apart_by_where_it_was_thrown_but_not_all_of_a_flood() {
        for (int i = 0; i < 3; i++) {
            LOG.error("it failed", new IOException("here"));
            LOG.error("it failed", new IOException("there"));
        }
        assertEquals(2, bench.at(Topic.LOGS).size(), bench.at(Topic.LOGS).toString());
        for (int i = 0; i < 10_000; i++) {
            LOG.error("it failed", new IOException("here"));
        }
        bench.close();
        Pattern numbers = Pattern.compile("\"(count|dropped)\":(\\d+)");
        long lines = 0;
        for (String line : bench.at(Topic.LOGS)) {
            lines += line.contains("\"count\"") ? 0 : 1;
            Matcher found = numbers.matcher(line);
            while (found.find()) {
                lines += Long.parseLong(found.group(2));
            }
        }
        assertEquals(10_006, lines);
    }

    @Test
    void what_was_held_back_is_told_at_the_end() {
        for (int i = 0; i < 12; i++) {
            LOG.warn("number " + i);
        }
        bench.close();
        List<String> lines = bench.at(Topic.LOGS);
        assertEquals(6, lines.size(), lines.toString());
        assertTrue(lines.get(5).contains("\"message\":\"number 11\""), lines.get(5));
        assertTrue(lines.get(5).contains("\"dropped\":6"), lines.get(5));
        LOG.warn("after the end");
        assertEquals(6, bench.at(Topic.LOGS).size());
    }

    @Test
    void it_comes_back_when_log4j_is_configured_anew_and_only_once() {
        LoggerContext context = (LoggerContext) LogManager.getContext(false);
        context.reconfigure();
        bench.taskmanager();
        context.reconfigure();
        LOG.warn("after it");
        assertEquals(1, bench.at(Topic.LOGS).size());
    }

    @Test
    void it_stands_reconfiguration_under_load() throws Exception {
        LoggerContext context = (LoggerContext) LogManager.getContext(false);
        AtomicBoolean isOver = new AtomicBoolean();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < 3; i++) {
            threads.add(
                    new Thread(
                            () -> {
                                while (!isOver.get()) {
                                    LOG.warn("under load");
                                }
                            }));
        }
        threads.forEach(Thread::start);
        for (int i = 0; i < 20; i++) {
            context.reconfigure();
        }
        isOver.set(true);
        for (Thread thread : threads) {
            thread.join();
        }
        LOG.error("afterwards");
        List<String> lines = bench.at(Topic.LOGS);
        assertEquals(1, lines.stream().filter(line -> line.contains("afterwards")).count());
        assertTrue(lines.size() < 10, lines.toString());
    }

    @Test
    void it_finds_the_root_where_log4j_has_no_configuration_at_all() {
        LoggerContext context = (LoggerContext) LogManager.getContext(false);
        try {
            context.setConfiguration(new DefaultConfiguration());
            LOG.error("without a file");
            assertEquals(1, bench.at(Topic.LOGS).size());
        } finally {
            context.setConfigLocation(null);
        }
    }

    @Test
    void a_line_is_bounded_and_holds_no_secret() {
        LOG.error("password=hunter2 " + "x".repeat(10_000_000), deep(100));
        String line = bench.at(Topic.LOGS).get(0);
        assertTrue(line.length() < 20_000, "" + line.length());
        assertFalse(line.contains("hunter2"));
        assertTrue(line.contains("Caused by: java.lang.IllegalStateException: 0"), line);
    }

    @Test
    void nothing_is_looked_up_or_interpreted_in_what_is_logged() {
        LOG.error("${jndi:ldap://x/y} ${ctx:a} ${sys:user.name} %n {}");
        String line = bench.at(Topic.LOGS).get(0);
        assertTrue(line.contains("${jndi:ldap://x/y} ${ctx:a} ${sys:user.name} %n {}"), line);
    }

    private static Throwable deep(int causes) {
        Throwable thrown = new IllegalStateException("0");
        for (int i = 1; i < 15; i++) {
            thrown = new IllegalStateException(i + "y".repeat(causes * 10), thrown);
        }
        return thrown;
    }
}
