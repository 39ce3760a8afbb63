package io.drsquirrel.flink.send;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

@Timeout(60)
class PublisherTest {
    private Publisher publisher;

    @AfterEach
    void close() {
        publisher.close();
    }

    @Test
    void what_is_offered_arrives_and_is_counted() {
        FakeKafka kafka = new FakeKafka();
        start(kafka.publisher());
        assertTrue(offer(Kind.INFO, 10, 7));
        await(() -> publisher.sent() == 7);
        assertEquals(1, kafka.texts(Topic.LOGS).size());
        assertEquals(0, publisher.dropped());
    }

    @Test
    void every_line_is_sent_or_dropped_for_a_reason_whatever_kafka_does() throws Exception {
        Random faults = new Random(20261124);
        FakeKafka kafka =
                new FakeKafka(
                        parcel -> {
                            switch (faults.nextInt(12)) {
                                case 0:
                                    return new FakeKafka.Silent();
                                case 1:
                                    return new FakeKafka.Refusal();
                                case 2:
                                    return new FakeKafka.NoSuchTopic();
                                case 3:
                                    throw new FakeKafka.Refusal();
                                case 4:
                                    throw new NoClassDefFoundError("in the middle of it");
                                default:
                                    return null;
                            }
                        });
        start(kafka.publisher(new Bounds(200, 1 << 20, 1 << 18, 50_000, 1, 4, 20, 500)));
        AtomicLong offered = new AtomicLong();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 4; t++) {
            Random sizes = new Random(t);
            threads.add(
                    new Thread(
                            () -> {
                                for (int i = 0; i < 5_000; i++) {
                                    long lines = 1 + sizes.nextInt(3);
                                    Kind kind = Kind.values()[sizes.nextInt(5)];
                                    boolean isHuge = sizes.nextInt(500) == 0;
                                    offered.addAndGet(lines);
                                    offer(kind, isHuge ? 60_000 : sizes.nextInt(2_000), lines);
                                    if (i % 50 == 0) {
                                        LockSupport.parkNanos(2_000_000);
                                    }
                                }
                            }));
        }
        threads.forEach(Thread::start);
        for (Thread thread : threads) {
            thread.join();
        }
        publisher.close();
        kafka.closed.await();
        assertEquals(offered.get(), publisher.offered());
        assertEquals(kafka.arrivedLines(), publisher.sent());
        assertEquals(offered.get(), publisher.sent() + publisher.dropped() + publisher.queued());
        assertEquals(0, publisher.queued());
        assertTrue(publisher.dropped(Reason.QUEUE_FULL) > 0, "the queue was never full");
        assertTrue(publisher.dropped(Reason.TOO_LARGE) > 0, "nothing was too large");
        assertTrue(publisher.dropped(Reason.REFUSED) > 0, "nothing was refused");
        assertTrue(publisher.sent() > 0, "nothing was sent");
    }

    @Test
    void logs_give_way_to_metrics_and_failures_the_lowest_level_first() {
        publisher = new FakeKafka().publisher(small(6, 1 << 20));
        for (Kind kind : new Kind[] {Kind.INFO, Kind.INFO, Kind.WARN, Kind.WARN, Kind.ERROR}) {
            assertTrue(offer(kind, 10, 1));
        }
        assertTrue(offer(Kind.METRICS, 10, 1));
        assertFalse(offer(Kind.INFO, 10, 1), "there is no room for what is lowest");
        assertTrue(offer(Kind.WARN, 10, 1));
        assertTrue(offer(Kind.EVENT, 10, 1));
        assertFalse(offer(Kind.WARN, 10, 1));
        assertTrue(offer(Kind.ERROR, 10, 1));
        assertTrue(offer(Kind.METRICS, 10, 1));
        assertTrue(offer(Kind.METRICS, 10, 1));
        assertFalse(offer(Kind.ERROR, 10, 1));
        assertEquals(6, publisher.queued());
        assertEquals(publisher.offered() - 6, publisher.dropped(Reason.QUEUE_FULL));
    }

    @Test
    void it_knows_beforehand_what_it_would_not_take() {
        publisher = new FakeKafka().publisher(small(3, 10_000));
        assertNull(publisher.fullFor(Kind.INFO));
        for (Kind kind : new Kind[] {Kind.WARN, Kind.ERROR, Kind.ERROR}) {
            assertTrue(offer(kind, 10, 1));
        }
        assertEquals(Reason.QUEUE_FULL, publisher.fullFor(Kind.INFO));
        assertEquals(Reason.QUEUE_FULL, publisher.fullFor(Kind.WARN));
        assertNull(publisher.fullFor(Kind.ERROR), "a warning would give way");
        assertTrue(offer(Kind.ERROR, 9_000, 1));
        assertEquals(Reason.QUEUE_FULL, publisher.fullFor(Kind.ERROR));
        assertNull(publisher.fullFor(Kind.METRICS));
    }

    @Test
    void bytes_are_bounded_and_nothing_is_given_up_in_vain() {
        publisher = new FakeKafka().publisher(small(1_000, 10_000));
        assertTrue(offer(Kind.METRICS, 6_000, 1));
        assertTrue(offer(Kind.INFO, 2_000, 1));
        assertFalse(offer(Kind.METRICS, 8_000, 1), "without the line there is no room either");
        assertEquals(2, publisher.queued());
        assertTrue(offer(Kind.METRICS, 3_000, 1));
        assertEquals(2, publisher.queued());
        assertEquals(2, publisher.dropped(Reason.BYTES_FULL));
    }

    @Test
    void what_is_on_its_way_still_counts_for_the_bounds() {
        FakeKafka kafka = new FakeKafka();
        kafka.swallows = true;
        start(kafka.publisher(small(50, 1 << 20)));
        for (int i = 0; i < 500; i++) {
            offer(Kind.METRICS, 10, 1);
            Thread.onSpinWait();
        }
        assertEquals(50, publisher.queued());
        assertEquals(450, publisher.dropped(Reason.QUEUE_FULL));
    }

    @Test
    void lines_in_the_hands_of_a_silent_kafka_leave_room_for_what_matters() {
        FakeKafka kafka = new FakeKafka();
        kafka.swallows = true;
        start(kafka.publisher(small(100, 1 << 20)));
        for (int i = 0; i < 1_000; i++) {
            offer(Kind.INFO, 10, 1);
            Thread.onSpinWait();
        }
        for (int i = 0; i < 50; i++) {
            assertTrue(offer(Kind.EVENT, 10, 1), "there was no room for event " + i);
        }
    }

    @Test
    void few_bytes_in_its_hands_are_enough_too() {
        FakeKafka kafka = new FakeKafka();
        kafka.swallows = true;
        start(kafka.publisher(small(1_000, 100_000)));
        for (int i = 0; i < 200; i++) {
            offer(Kind.INFO, 1_000, 1);
            Thread.onSpinWait();
        }
        for (int i = 0; i < 30; i++) {
            assertTrue(offer(Kind.EVENT, 1_000, 1), "there was no room for event " + i);
        }
    }

    @Test
    void an_offer_does_not_wait_for_a_kafka_that_hangs() throws Exception {
        CountDownLatch hanging = new CountDownLatch(1);
        FakeKafka kafka =
                new FakeKafka(
                        parcel -> {
                            hanging.countDown();
                            try {
                                Thread.sleep(60_000);
                            } catch (InterruptedException e) {
                                Thread.currentThread().interrupt();
                            }
                            return new FakeKafka.Silent();
                        });
        start(kafka.publisher(small(1_000, 1 << 20)));
        offer(Kind.METRICS, 10, 1);
        assertTrue(hanging.await(10, TimeUnit.SECONDS));
        long began = System.nanoTime();
        for (int i = 0; i < 100_000; i++) {
            offer(Kind.INFO, 100, 1);
        }
        long tookMs = (System.nanoTime() - began) / 1_000_000;
        assertTrue(tookMs < 3_000, "100,000 offers took " + tookMs + " ms");
        began = System.nanoTime();
        publisher.close();
        tookMs = (System.nanoTime() - began) / 1_000_000;
        assertTrue(tookMs <= 1_000, "closing took " + tookMs + " ms");
        await(() -> publisher.offered() == publisher.sent() + publisher.dropped());
        assertEquals(0, publisher.queued());
    }

    @Test
    void closing_sends_what_waits_and_may_be_done_by_an_interrupted_thread() {
        FakeKafka kafka = new FakeKafka();
        start(kafka.publisher());
        for (int i = 0; i < 1_000; i++) {
            offer(Kind.EVENT, 10, 1);
        }
        Thread.currentThread().interrupt();
        publisher.close();
        assertTrue(Thread.interrupted(), "the interrupt was swallowed");
        assertEquals(1_000, publisher.sent());
        assertFalse(offer(Kind.EVENT, 10, 1));
        assertEquals(1, publisher.dropped(Reason.CLOSED));
    }

    @Test
    void an_outage_loses_nothing_that_fits_into_the_queue() {
        AtomicLong failures = new AtomicLong(20);
        FakeKafka kafka =
                new FakeKafka(
                        parcel ->
                                failures.getAndDecrement() > 0 ? new FakeKafka.Silent() : null);
        start(kafka.publisher(small(1_000, 1 << 20)));
        for (int i = 0; i < 100; i++) {
            offer(Kind.INFO, 10, 1);
        }
        await(() -> publisher.sent() == 100);
        assertEquals(0, publisher.dropped());
    }

    @Test
    void after_an_outage_no_message_waits_for_the_answer_to_another() {
        FakeKafka kafka = new FakeKafka();
        kafka.swallows = true;
        start(kafka.publisher(new Bounds(1_000, 1 << 20, 1 << 18, 50_000, 50, 60_000, 60_000, 900)));
        offer(Kind.INFO, 10, 1);
        await(() -> kafka.unanswered() == 1);
        kafka.answer(new FakeKafka.Silent());
        for (int i = 0; i < 12; i++) {
            await(() -> kafka.unanswered() == 1);
            kafka.answer(null);
            offer(Kind.INFO, 10, 1);
        }
        for (int i = 1; i < 20; i++) {
            offer(Kind.INFO, 10, 1);
        }
        await(() -> kafka.unanswered() == 20);
        kafka.answer(null);
    }

    @Test
    void a_missing_topic_does_not_hold_up_the_others() {
        FakeKafka kafka =
                new FakeKafka(
                        parcel ->
                                parcel.topic == Topic.LOGS ? new FakeKafka.NoSuchTopic() : null);
        start(kafka.publisher(small(1_000, 1 << 20)));
        for (int i = 0; i < 50; i++) {
            offer(Kind.ERROR, 10, 1);
            publisher.offer(Topic.METRICS, "k", new byte[10], Kind.METRICS);
        }
        await(() -> publisher.sent() == 50 && publisher.dropped(Reason.NO_TOPIC) == 50);
    }

    @Test
    void a_producer_that_cannot_be_made_is_tried_again() {
        FakeKafka kafka = new FakeKafka();
        AtomicLong attempts = new AtomicLong();
        start(
                new Publisher(
                        small(100, 1 << 20),
                        () -> {
                            if (attempts.incrementAndGet() < 4) {
                                throw new IllegalArgumentException("no such host");
                            }
                            return kafka;
                        },
                        System::currentTimeMillis,
                        "drsquirrel-test"));
        offer(Kind.INFO, 10, 1);
        await(() -> publisher.sent() == 1);
        assertEquals(4, attempts.get());
    }

    @Test
    void no_thread_is_left_after_fifty_restarts() {
        for (int i = 0; i < 50; i++) {
            start(new FakeKafka().publisher());
            offer(Kind.INFO, 10, 1);
            publisher.close();
        }
        await(
                () ->
                        Thread.getAllStackTraces().keySet().stream()
                                .noneMatch(thread -> publisher.owns(thread.getName())));
    }

    private static Bounds small(int messages, long bytes) {
        return new Bounds(messages, bytes, 1 << 18, 50_000, 1, 4, 60_000, 900);
    }

    private void start(Publisher started) {
        publisher = started;
        publisher.start();
    }

    private boolean offer(Kind kind, int size, long lines) {
        return publisher.offer(Topic.LOGS, "k", new byte[size], kind, lines);
    }

    private static void await(BooleanSupplier condition) {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(20);
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < until, "it did not come true");
            Thread.onSpinWait();
            Thread.yield();
        }
    }
}
