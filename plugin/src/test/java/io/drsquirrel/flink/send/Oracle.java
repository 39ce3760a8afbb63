package io.drsquirrel.flink.send;

import io.drsquirrel.flink.settings.Settings;
import io.drsquirrel.flink.wire.Json;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Offers numbered messages to a real publisher and tells what it has counted. Arguments: the file
 * for the journal, how many messages, how many per second, and options of the reporter as KEY=VALUE.
 * Read from the input: "settle" waits until nothing is queued, "close" closes and tells.
 */
public final class Oracle {
    private static final int THREADS = 4;
    private static final int TOO_LARGE_EVERY = 5_000;
    private static final int TOO_LARGE_BYTES = 4_100_000;
    private static final int LONGEST_BYTES = 1_000;
    private static final long SETTLE_MS = 60_000;

    private final Journal journal;
    private final double perSecond;
    private final Publisher publisher;
    private final AtomicInteger next = new AtomicInteger();

    private Oracle(Journal journal, double perSecond, Properties options) {
        this.journal = journal;
        this.perSecond = perSecond;
        Settings settings = new Settings(options);
        if (!settings.isUsable()) {
            throw new IllegalArgumentException(settings.complaints().toString());
        }
        Transport.Opening opening =
                KafkaTransport.opening(
                        settings.producer("oracle"), settings.topics(), System::currentTimeMillis);
        publisher =
                new Publisher(
                        settings.bounds(),
                        () -> new Noted(opening.open()),
                        System::currentTimeMillis,
                        "oracle");
    }

    public static void main(String[] arguments) throws Exception {
        Properties options = new Properties();
        for (int i = 3; i < arguments.length; i++) {
            String[] option = arguments[i].split("=", 2);
            options.setProperty(option[0], option[1]);
        }
        Journal journal = new Journal(Path.of(arguments[0]), Integer.parseInt(arguments[1]));
        new Oracle(journal, Double.parseDouble(arguments[2]), options).run();
    }

    private void run() throws IOException, InterruptedException {
        publisher.start();
        long beganNs = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (int i = 0; i < THREADS; i++) {
            Random dice = new Random(i);
            threads.add(new Thread(() -> emit(dice, beganNs)));
        }
        threads.forEach(Thread::start);
        say("began");
        for (Thread thread : threads) {
            thread.join();
        }
        say("emitted");
        BufferedReader commands =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String command = commands.readLine();
        while (command != null) {
            if (command.equals("settle")) {
                settle();
            } else {
                publisher.close();
            }
            say(counts());
            command = commands.readLine();
        }
    }

    private void emit(Random dice, long beganNs) {
        int id = next.getAndIncrement();
        while (id < journal.messages()) {
            long dueNs = beganNs + (long) (id / perSecond * 1e9);
            while (System.nanoTime() < dueNs) {
                LockSupport.parkNanos(200_000);
            }
            emit(id, dice);
            id = next.getAndIncrement();
        }
    }

    private void emit(int id, Random dice) {
        Kind kind = kind(dice.nextInt(100));
        int lines = kind.compareTo(Kind.METRICS) < 0 ? 1 + dice.nextInt(3) : 1;
        boolean isTooLarge = id % TOO_LARGE_EVERY == TOO_LARGE_EVERY - 1;
        int bytes = isTooLarge ? TOO_LARGE_BYTES : 4 + dice.nextInt(LONGEST_BYTES);
        byte[] value = ByteBuffer.allocate(bytes).putInt(id).array();
        journal.offers(id, lines, kind.ordinal());
        journal.offered(id, publisher.offer(topic(kind), "k" + id % 7, value, kind, lines));
    }

    /** Of a hundred messages few are what must not be lost. */
    private static Kind kind(int of100) {
        if (of100 < 60) {
            return Kind.INFO;
        }
        if (of100 < 85) {
            return Kind.WARN;
        }
        if (of100 < 95) {
            return Kind.ERROR;
        }
        return of100 < 98 ? Kind.METRICS : Kind.EVENT;
    }

    private static Topic topic(Kind kind) {
        if (kind == Kind.METRICS) {
            return Topic.METRICS;
        }
        return kind == Kind.EVENT ? Topic.EVENTS : Topic.LOGS;
    }

    private void settle() throws InterruptedException {
        long until = System.nanoTime() + SETTLE_MS * 1_000_000;
        while (publisher.queued() > 0 && System.nanoTime() < until) {
            Thread.sleep(20);
        }
    }

    private String counts() {
        Json json = new Json().open('{');
        json.key("offered").number(publisher.offered());
        json.key("sent").number(publisher.sent());
        json.key("queued").number(publisher.queued());
        json.key("dropped").open('{');
        for (Reason reason : Reason.values()) {
            json.key(reason.word).number(publisher.dropped(reason));
        }
        return json.close('}').close('}').toString();
    }

    private static void say(String what) {
        System.out.println(what);
        System.out.flush();
    }

    /** The way to Kafka, with a note of every attempt. */
    private final class Noted implements Transport {
        private final Transport kafka;

        Noted(Transport kafka) {
            this.kafka = kafka;
        }

        @Override
        public void send(Parcel parcel, Consumer<Throwable> done) {
            int id = ByteBuffer.wrap(parcel.value).getInt();
            journal.handed(id);
            try {
                kafka.send(
                        parcel,
                        failure -> {
                            journal.answered(id, failure == null);
                            done.accept(failure);
                        });
            } catch (RuntimeException e) {
                journal.answered(id, false);
                throw e;
            }
        }

        @Override
        public Verdict verdict(Throwable failure) {
            return kafka.verdict(failure);
        }

        @Override
        public void close(long withinMs) {
            kafka.close(withinMs);
        }
    }
}
