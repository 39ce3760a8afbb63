package io.drsquirrel.flink.log;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.io.File;
import java.io.IOException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;

/**
 * Flink with logback, as its documentation says: log4j-slf4j-impl is gone, log4j-core is still
 * there. What happens in it is in {@link LogbackWorld}, loaded without that one jar.
 */
@Timeout(60)
class LogbackTapTest {
    private final URLClassLoader world = world();

    @AfterEach
    void close() throws IOException {
        world.close();
    }

    @Test
    void warnings_errors_and_whatever_has_a_throwable_are_sent() throws Exception {
        List<String> lines = lines("usual");
        assertEquals(3, lines.size(), lines.toString());
        String head = "\"level\":\"INFO\",\"logger\":\"org.acme.Job\",\"message\":\"i\"";
        assertTrue(lines.get(0).contains(head), lines.get(0));
        String trace = "\"throwable\":\"java.io.IOException: inner\\u000a\\u0009at io.dr";
        assertTrue(lines.get(0).contains(trace), lines.get(0));
        assertTrue(lines.get(1).contains("\"message\":\"password=•••• (redacted: pair) 1\""));
        assertTrue(lines.get(1).contains("\"thread\":\"main\""), lines.get(1));
        assertTrue(lines.get(1).contains("\"job\":\"0123456789abcdef0123456789abcdef\""));
        assertTrue(lines.get(2).contains("\"level\":\"ERROR\""), lines.get(2));
        assertFalse(lines.get(2).contains("\"job\""), lines.get(2));
    }

    @Test
    void lines_alike_become_one_and_none_is_lost_at_the_end() throws Exception {
        List<String> lines = lines("repeated");
        assertEquals(2, lines.size(), lines.toString());
        assertTrue(lines.get(1).contains("\"count\":999"), lines.get(1));
    }

    @Test
    void a_text_that_logs_while_it_is_read_does_no_harm() throws Exception {
        List<String> lines = lines("chatty");
        assertTrue(lines.toString().contains("\"message\":\"of a chatty\""), lines.toString());
        assertEquals("1 unreadable", lines.get(lines.size() - 1));
    }

    @Test
    void what_the_plugin_and_its_kafka_say_is_not_taken_and_kafkas_is_not_written() throws Exception {
        List<String> lines = lines("own");
        assertEquals(2, lines.size(), lines.toString());
        assertTrue(lines.get(0).contains("the user's"), lines.get(0));
        assertEquals("Kafka's client may not write", lines.get(1));
    }

    @Test
    void it_comes_back_at_once_when_logback_is_configured_anew_and_only_once() throws Exception {
        List<String> lines = lines("anew");
        assertEquals(2, lines.size(), lines.toString());
        assertTrue(lines.get(0).contains("after it"), lines.get(0));
        assertEquals("Kafka's client may not write", lines.get(1));
    }

    @Test
    void a_logger_that_passes_nothing_on_is_heard_too() throws Exception {
        List<String> lines = lines("apart");
        assertEquals(1, lines.size(), lines.toString());
    }

    @Test
    void when_it_is_closed_nothing_of_it_is_left() throws Exception {
        assertEquals(List.of("0 appenders", "0 listeners"), lines("closed"));
    }

    @Test
    void where_lines_are_not_wanted_none_are_sent() throws Exception {
        assertEquals(List.of(), lines("unwanted"));
    }

    private List<String> lines(String scene) throws Exception {
        Method method = world.loadClass(LogbackWorld.class.getName()).getMethod(scene);
        List<String> lines = new ArrayList<>();
        for (Object line : (List<?>) method.invoke(null)) {
            lines.add((String) line);
        }
        return lines;
    }

    private static URLClassLoader world() {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            if (!entry.contains("log4j-slf4j-impl")) {
                try {
                    path.add(new File(entry).toURI().toURL());
                } catch (IOException e) {
                    throw new IllegalArgumentException(entry, e);
                }
            }
        }
        return new URLClassLoader(
                path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
    }
}
