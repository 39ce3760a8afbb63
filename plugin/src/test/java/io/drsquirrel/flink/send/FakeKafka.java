package io.drsquirrel.flink.send;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.Function;

/** A Kafka that does what a test says: at the boundary of the publisher, nothing of ours. */
public final class FakeKafka implements Transport {
    /** The broker does not answer in time. */
    static final class Silent extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    static final class NoSuchTopic extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    static final class Refusal extends RuntimeException {
        private static final long serialVersionUID = 1;
    }

    final List<Parcel> arrived = new ArrayList<>();
    private final List<Consumer<Throwable>> open = new ArrayList<>();
    private final Function<Parcel, Throwable> answer;
    final CountDownLatch closed = new CountDownLatch(1);
    /** What is handed over stays without an answer. */
    volatile boolean swallows;

    FakeKafka(Function<Parcel, Throwable> answer) {
        this.answer = answer;
    }

    public FakeKafka() {
        this(parcel -> null);
    }

    public Publisher publisher(Bounds bounds) {
        return new Publisher(bounds, () -> this, System::currentTimeMillis, "drsquirrel-test");
    }

    public Publisher publisher() {
        return publisher(new Bounds(10_000, 16 << 20));
    }

    @Override
    public void send(Parcel parcel, Consumer<Throwable> done) {
        if (swallows) {
            synchronized (open) {
                open.add(done);
            }
            return;
        }
        Throwable failure = answer.apply(parcel);
        if (failure == null) {
            synchronized (arrived) {
                arrived.add(parcel);
            }
        }
        done.accept(failure);
    }

    int unanswered() {
        synchronized (open) {
            return open.size();
        }
    }

    /** Answers all that is without an answer. */
    void answer(Throwable failure) {
        List<Consumer<Throwable>> answered;
        synchronized (open) {
            answered = new ArrayList<>(open);
            open.clear();
        }
        answered.forEach(done -> done.accept(failure));
    }

    @Override
    public Verdict verdict(Throwable failure) {
        if (failure instanceof Silent) {
            return Verdict.TRY_AGAIN;
        }
        return failure instanceof NoSuchTopic ? Verdict.NO_TOPIC : Verdict.REFUSED;
    }

    @Override
    public void close(long withinMs) {
        answer(new IllegalStateException("closed forcefully"));
        closed.countDown();
    }

    /** The messages that arrived at a topic. */
    public List<String> texts(Topic topic) {
        synchronized (arrived) {
            List<String> texts = new ArrayList<>();
            for (Parcel parcel : arrived) {
                if (parcel.topic == topic) {
                    texts.add(new String(parcel.value, StandardCharsets.UTF_8));
                }
            }
            return texts;
        }
    }

    long arrivedLines() {
        synchronized (arrived) {
            return arrived.stream().mapToLong(parcel -> parcel.lines).sum();
        }
    }
}
