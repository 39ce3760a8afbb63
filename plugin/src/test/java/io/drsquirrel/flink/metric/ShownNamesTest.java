package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.text.ShownNames;

import org.junit.jupiter.api.Test;

class ShownNamesTest {
    private static final String TABLE = "Source: orders('user' = 'app', 'password' = 'cAnArY')";

    @Test
    void an_operators_name_is_that_of_rest() {
        ShownNames shown = new ShownNames(Spot::replaceInvalid);
        assertEquals("Source__a_b_c", shown.of("Source: a.b,c"));
        assertEquals("Source__a_b_c", shown.of("Source: a.b,c"));
    }

    @Test
    void a_secret_in_an_operators_name_does_not_leave() {
        try (Bench bench = new Bench().taskmanager()) {
            bench.gauge(FakeGroup.operator(TABLE, 0, 0, ""), "pendingRecords", 7L);
            bench.reporter.report();
            String run = bench.at(Topic.METRICS).get(0);
            assertFalse(run.contains("cAnArY"), run);
            assertTrue(run.contains("\"Source__orders('user'_=_'app'__'password'_=_'••••"), run);
        }
    }

    @Test
    void a_secret_in_a_jobs_name_does_not_leave_and_a_long_name_is_cut() {
        try (Bench bench = new Bench()) {
            String name = "insert-into_" + TABLE + "x".repeat(2_000);
            bench.gauge(FakeGroup.jobNamed(name), "numRestarts", 7L);
            bench.reporter.report();
            String run = bench.at(Topic.METRICS).get(0);
            assertFalse(run.contains("cAnArY"), run);
            String shown = "\"insert-into_Source: orders('user' = 'app', 'password' = '••••";
            assertTrue(run.contains("\"job_name\":" + shown), run);
            assertTrue(run.length() < 2_000, run);
        }
    }

    @Test
    void a_secret_in_a_threads_name_is_not_in_that_of_its_task() throws InterruptedException {
        TaskThread[] made = new TaskThread[1];
        Thread thread =
                new Thread(
                        () ->
                                made[0] =
                                        new TaskThread(
                                                Thread.currentThread(),
                                                new Subject("tm-1", FakeGroup.JOB, "orders"),
                                                Spot.of("x", FakeGroup.task(0, 0, "")).place),
                        TABLE + " (1/2)#0");
        thread.start();
        thread.join();
        assertFalse(made[0].name.contains("cAnArY"), made[0].name);
        assertTrue(made[0].name.endsWith(" (1/2)#0"), made[0].name);
    }
}
