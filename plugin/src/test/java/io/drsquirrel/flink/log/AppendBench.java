package io.drsquirrel.flink.log;

import io.drsquirrel.flink.bench.Arm;
import io.drsquirrel.flink.bench.Latencies;
import io.drsquirrel.flink.bench.Lines;
import io.drsquirrel.flink.bench.Load;
import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.send.KafkaTransport;
import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.session.Identity;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Settings;
import io.drsquirrel.flink.wire.Json;

import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.Appender;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AsyncAppender;
import org.apache.logging.log4j.core.appender.FileAppender;
import org.apache.logging.log4j.core.appender.NullAppender;
import org.apache.logging.log4j.core.config.AppenderRef;
import org.apache.logging.log4j.core.config.Configuration;
import org.apache.logging.log4j.core.layout.PatternLayout;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/**
 * Our appender beside Log4j's asynchronous one, around an appender that does nothing and around a
 * file, and beside one that does nothing at all: they take turns. Arguments: the file, events per
 * second, seconds of a turn, and options of the reporter as KEY=VALUE. Read from the input: "open
 * OPTION=VALUE…" makes a publisher, "first" waits until it has sent something, "measure LINES
 * ROUNDS" tells of each turn, "close" closes.
 */
public final class AppendBench {
    private static final long DRAIN_MS = 300;
    private static final long FIRST_MS = 60_000;
    private static final long BLOCKED_NS = 1_000_000;
    private static final String PATTERN = "%d %-5p %-60c %x - %m%n";

    private final Load load;
    private final Properties usual;
    private final List<Arm> references = new ArrayList<>();
    private Publisher publisher;
    private KafkaLogAppender appender;

    private AppendBench(String file, Load load, Properties usual) {
        this.load = load;
        this.usual = usual;
        Configuration configuration =
                ((LoggerContext) LogManager.getContext(false)).getConfiguration();
        Appender nothing = NullAppender.createAppender("nothing");
        nothing.start();
        PatternLayout layout =
                PatternLayout.newBuilder().withPattern(PATTERN).build();
        Appender written =
                FileAppender.newBuilder()
                        .setName("written")
                        .withFileName(file)
                        .withAppend(false)
                        .setLayout(layout)
                        .setConfiguration(configuration)
                        .build();
        written.start();
        references.add(new Arm("noop", nothing));
        references.add(new Arm("async-null", async(configuration, nothing)));
        references.add(new Arm("async-file", async(configuration, written)));
    }

    private static Appender async(Configuration configuration, Appender around) {
        configuration.addAppender(around);
        AppenderRef reference = AppenderRef.createAppenderRef(around.getName(), null, null);
        Appender async =
                AsyncAppender.newBuilder()
                        .setName("async-" + around.getName())
                        .setAppenderRefs(new AppenderRef[] {reference})
                        .setConfiguration(configuration)
                        .build();
        async.start();
        return async;
    }

    public static void main(String[] arguments) throws Exception {
        Load load = new Load(Long.parseLong(arguments[1]), Double.parseDouble(arguments[2]));
        new AppendBench(arguments[0], load, options(arguments, 3)).run();
    }

    private static Properties options(String[] words, int first) {
        Properties options = new Properties();
        for (int i = first; i < words.length; i++) {
            String[] option = words[i].split("=", 2);
            options.setProperty(option[0], option[1]);
        }
        return options;
    }

    private void run() throws IOException, InterruptedException {
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String command = commands.readLine();
        while (command != null) {
            String[] words = command.split(" ");
            if (words[0].equals("open")) {
                open(options(words, 1));
                say("open");
            } else if (words[0].equals("first")) {
                awaitFirst();
                say("sent");
            } else if (words[0].equals("measure")) {
                say(measure(Lines.valueOf(words[1]), Integer.parseInt(words[2])));
            } else {
                appender.end();
                publisher.close();
                say("closed");
            }
            command = commands.readLine();
        }
    }

    private void open(Properties options) {
        Properties all = new Properties();
        all.putAll(usual);
        all.putAll(options);
        Settings settings = new Settings(all);
        publisher =
                KafkaTransport.publisher(
                        settings.bounds(),
                        settings.producer("bench"),
                        settings.topics(),
                        System::currentTimeMillis);
        Session session =
                new Session(settings, publisher, System::currentTimeMillis, "ab12", "2.3.0");
        session.identify(new Identity("tm-1", "host"));
        appender = new KafkaLogAppender(session, new TaskThreads());
        appender.start();
        publisher.start();
    }

    private void awaitFirst() throws InterruptedException {
        new Arm("first", appender).logger.warn("the first line");
        long until = System.nanoTime() + FIRST_MS * 1_000_000;
        while (publisher.sent() == 0 && System.nanoTime() < until) {
            Thread.sleep(10);
        }
    }

    private String measure(Lines lines, int rounds) throws InterruptedException {
        List<Arm> arms = new ArrayList<>(references);
        arms.add(new Arm("ours", appender));
        Json json = new Json().open('{').key("turns").open('[');
        for (int round = 0; round < rounds; round++) {
            for (int i = 0; i < arms.size(); i++) {
                turn(arms.get((round + i) % arms.size()), lines, json);
            }
        }
        json.close(']');
        json.key("offered").number(publisher.offered());
        json.key("sent").number(publisher.sent());
        json.key("dropped").number(publisher.dropped());
        json.key("queued").number(publisher.queued());
        return json.close('}').toString();
    }

    private void turn(Arm arm, Lines lines, Json json) throws InterruptedException {
        arm.taken();
        Load.Took took = load.on(arm.logger, lines, this::drain);
        Latencies append = arm.taken();
        json.open('{').key("arm").string(arm.name);
        json.key("events").number(append.count());
        json.key("seconds").number((Number) took.seconds);
        json.key("cpu_us_per_event").number((Number) (took.cpuNs / 1e3 / append.count()));
        tell(json, "append", append);
        tell(json, "call", took.calls);
        json.close('}');
    }

    private static void tell(Json json, String what, Latencies latencies) {
        json.key(what).open('{');
        json.key("p50_ns").number(latencies.quantile(0.5));
        json.key("p99_ns").number(latencies.quantile(0.99));
        json.key("p999_ns").number(latencies.quantile(0.999));
        json.key("max_ns").number(latencies.quantile(1));
        json.key("over_1_ms").number(latencies.atLeast(BLOCKED_NS)).close('}');
    }

    /** What one has left to do shall not count as the work of the next. */
    private void drain() {
        long until = System.nanoTime() + DRAIN_MS * 1_000_000;
        try {
            do {
                Thread.sleep(20);
            } while (publisher.queued() > 0 && System.nanoTime() < until);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
    }
}
