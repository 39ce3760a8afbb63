package io.drsquirrel.flink.log;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.core.spi.AppenderAttachable;

import io.drsquirrel.flink.metric.Bench;
import io.drsquirrel.flink.send.Topic;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** What is done where slf4j stands before logback, each with what is sent of it. */
public final class LogbackWorld {
    private static final Logger LOG = LoggerFactory.getLogger("org.acme.Job");
    private static final LoggerContext CONTEXT =
            (LoggerContext) LoggerFactory.getILoggerFactory();

    private LogbackWorld() {}

    /** Without logback's own appender to the console. */
    private static Bench open(String... options) {
        CONTEXT.reset();
        return new Bench(options).taskmanager();
    }

    public static List<String> usual() {
        try (Bench bench = open()) {
            LOG.info("not this");
            LOG.debug("nor this", new IOException());
            LOG.info("i", new IOException("inner"));
            MDC.put("flink-job-id", "0123456789abcdef0123456789abcdef");
            LOG.warn("password=hunter2 {}", 1);
            MDC.clear();
            LOG.error("e");
            return bench.at(Topic.LOGS);
        }
    }

    public static List<String> repeated() {
        Bench bench = open();
        for (int i = 0; i < 1_000; i++) {
            LOG.warn("again and again");
        }
        bench.close();
        return bench.at(Topic.LOGS);
    }

    public static List<String> chatty() {
        Object chatty =
                new Object() {
                    @Override
                    public String toString() {
                        LOG.error("within");
                        return "chatty";
                    }
                };
        try (Bench bench = open()) {
            LOG.warn("of a {}", chatty);
            List<String> lines = new ArrayList<>(bench.at(Topic.LOGS));
            lines.add(bench.unreadable() + " unreadable");
            return lines;
        }
    }

    public static List<String> own() throws InterruptedException {
        try (Bench bench = open()) {
            LoggerFactory.getLogger("io.drsquirrel.flink.send.Publisher").warn("own");
            String client = LogTap.CLIENT_LOGGER + ".clients.NetworkClient";
            LoggerFactory.getLogger(client).error("own");
            Thread network =
                    new Thread(
                            () -> LOG.error("of the network thread"),
                            "kafka-producer-network-thread | drsquirrel-test");
            network.start();
            network.join();
            LOG.warn("the user's");
            return and(bench.at(Topic.LOGS), kafkasClient());
        }
    }

    public static List<String> anew() {
        try (Bench bench = open("config", "false")) {
            CONTEXT.reset();
            CONTEXT.reset();
            String client = kafkasClient();
            LOG.warn("after it");
            bench.taskmanager().report();
            return and(bench.at(Topic.LOGS), client);
        }
    }

    public static List<String> apart() {
        try (Bench bench = open("config", "false")) {
            CONTEXT.getLogger("org.acme").setAdditive(false);
            bench.report();
            LOG.warn("apart");
            return bench.at(Topic.LOGS);
        } finally {
            CONTEXT.getLogger("org.acme").setAdditive(true);
        }
    }

    public static List<String> closed() {
        CONTEXT.getLogger("org.acme").setAdditive(false);
        open().close();
        int appenders = 0;
        for (AppenderAttachable<?> logger : CONTEXT.getLoggerList()) {
            for (Iterator<?> it = logger.iteratorForAppenders(); it.hasNext(); it.next()) {
                appenders++;
            }
        }
        return List.of(
                appenders + " appenders", CONTEXT.getCopyOfListenerList().size() + " listeners");
    }

    public static List<String> unwanted() {
        try (Bench bench = open("logs", "false")) {
            LOG.error("e");
            return bench.at(Topic.LOGS);
        }
    }

    private static String kafkasClient() {
        Level level = CONTEXT.getLogger(LogTap.CLIENT_LOGGER + ".clients.X").getEffectiveLevel();
        return "Kafka's client may " + (level.equals(Level.OFF) ? "not write" : "write");
    }

    private static List<String> and(List<String> lines, String more) {
        List<String> all = new ArrayList<>(lines);
        all.add(more);
        return all;
    }
}
