package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.send.Topic;

import org.junit.jupiter.api.Test;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.Arrays;
import java.util.List;

/** Flink logs by whatever stands behind slf4j: where that is logback there is no log4j-core. */
class OtherLoggingTest {
    @Test
    void without_log4j_the_metrics_are_sent_and_one_line_says_that_the_log_is_not()
            throws Exception {
        try (LogLines log = new LogLines("io.drsquirrel"); WithoutLog4j loader = loader()) {
            Class<?> type = loader.loadClass(Bench.class.getName());
            Object bench = type.getConstructor(String[].class).newInstance((Object) new String[0]);
            type.getMethod("taskmanager").invoke(bench);
            type.getMethod("report").invoke(bench);
            Class<?> topic = loader.loadClass(Topic.class.getName());
            Object containers = topic.getMethod("valueOf", String.class).invoke(null, "CONTAINERS");
            List<?> sent = (List<?>) type.getMethod("at", topic).invoke(bench, containers);
            type.getMethod("close").invoke(bench);
            assertEquals(2, sent.size(), sent.toString());
            List<String> told = List.copyOf(log.lines);
            assertEquals(1, told.stream().filter(l -> l.contains("no log lines")).count());
            assertTrue(told.stream().allMatch(l -> l.contains("Log4j 2") || l.contains("reached")));
        }
    }

    private static WithoutLog4j loader() {
        String[] path = System.getProperty("java.class.path").split(File.pathSeparator);
        return new WithoutLog4j(Arrays.stream(path).map(OtherLoggingTest::url).toArray(URL[]::new));
    }

    private static URL url(String path) {
        try {
            return new File(path).toURI().toURL();
        } catch (MalformedURLException e) {
            throw new IllegalArgumentException(path, e);
        }
    }

    /** Loads our classes anew, and none of log4j-core. */
    private static final class WithoutLog4j extends URLClassLoader {
        WithoutLog4j(URL[] path) {
            super(path, OtherLoggingTest.class.getClassLoader());
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            if (name.startsWith("org.apache.logging.log4j.core.")) {
                throw new ClassNotFoundException(name);
            }
            if (!name.startsWith("io.drsquirrel.")) {
                return super.loadClass(name, resolve);
            }
            synchronized (getClassLoadingLock(name)) {
                Class<?> found = findLoadedClass(name);
                return found == null ? findClass(name) : found;
            }
        }
    }
}
