package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import org.junit.jupiter.api.Test;

class TaskThreadsTest {
    private static final String OTHER_JOB = "ffffffffffffffffffffffffffffffff";

    private final TaskThreads threads = new TaskThreads();

    @Test
    void a_thread_that_is_named_after_a_task_works_for_its_job() throws Exception {
        run("Source: orders -> map (2/4)#0", FakeGroup.JOB, 1);
        TaskThread found =
                threads.find(-1, "Legacy Source Thread - Source: orders -> map (2/4)#0");
        assertEquals(FakeGroup.JOB, found.job());
        assertEquals("Source: orders -> map (2/4)#0", found.name);
        assertNull(threads.find(-1, "Source: orders -> map (3/4)#0"));
    }

    @Test
    void two_jobs_with_tasks_of_one_name_are_told_apart_by_thread_and_else_not_at_all()
            throws Exception {
        long first = run("Source: orders -> map (2/4)#0", FakeGroup.JOB, 1);
        long second = run("Source: orders -> map (2/4)#0", OTHER_JOB, 1);
        assertEquals(FakeGroup.JOB, threads.find(first, "any").job());
        assertEquals(OTHER_JOB, threads.find(second, "any").job());
        assertNull(threads.find(-1, "async Source: orders -> map (2/4)#0"));
    }

    @Test
    void only_the_tasks_own_thread_is_noted() throws Exception {
        long other = run("flink-pekko.actor.default-dispatcher-4", FakeGroup.JOB, 1);
        long neighbour = run("Source: orders -> map (1/4)#0", FakeGroup.JOB, 1);
        long later = run("Source: orders -> map (2/4)#1", FakeGroup.JOB, 1);
        assertNull(threads.find(other, "x"));
        assertNull(threads.find(neighbour, "x"));
        assertNull(threads.find(later, "x"));
    }

    @Test
    void a_task_that_is_gone_is_forgotten() throws Exception {
        long id = run("Source: orders -> map (2/4)#0", FakeGroup.JOB, 1);
        threads.forget(Spot.of("numRecordsIn", FakeGroup.task(1, 0, "")));
        assertNull(threads.find(id, "Source: orders -> map (2/4)#0"));
    }

    private long run(String threadName, String job, int subtask) throws InterruptedException {
        Spot spot = Spot.of("numRecordsIn", FakeGroup.operatorOf(job, "map", subtask));
        Thread thread = new Thread(() -> threads.note(spot), threadName);
        thread.start();
        thread.join();
        return thread.getId();
    }
}
