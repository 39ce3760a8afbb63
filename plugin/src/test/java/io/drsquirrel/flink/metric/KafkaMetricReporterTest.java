package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;

import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.SimpleCounter;
import org.junit.jupiter.api.Test;

import java.util.List;

class KafkaMetricReporterTest {
    private static final String PLACE = "[\"" + FakeGroup.VERTEX + "\",1,\"%s\",\"\",0]";

    @Test
    void a_report_holds_one_message_for_each_run_and_one_for_the_process() {
        try (Bench bench = new Bench().taskmanager()) {
            SimpleCounter records = new SimpleCounter();
            records.inc(42);
            bench.reporter.notifyOfAddedMetric(records, "numRecordsIn", FakeGroup.task(1, 0, ""));
            FakeGroup buffers = FakeGroup.task(1, 0, ".Shuffle.Netty.Output.Buffers");
            bench.gauge(buffers, "outPoolUsage", 0.5f);
            bench.gauge(FakeGroup.operator("Source: a.b,c", 1, 0, ""), "pendingRecords", 7L);
            bench.gauge(FakeGroup.operator("Source: a.b,c", 1, 0, ""), "numRecordsIn", 9L);
            bench.reporter.report();
            List<String> runs = bench.at(Topic.METRICS);
            assertEquals(1, runs.size());
            String run = runs.get(0);
            assertTrue(run.contains("\"sequence\":0,\"container\":\"tm-1\","), run);
            assertTrue(run.contains("\"flink_version\":\"2.3.0\""), run);
            String job = "\"job\":\"" + FakeGroup.JOB + "\",\"job_name\":\"orders\"}";
            assertTrue(run.endsWith(job), run);
            assertTrue(
                    run.contains(
                            "{\"names\":[\"Shuffle.Netty.Output.Buffers.outPoolUsage\","
                                    + "\"numRecordsIn\"],"
                                    + "\"places\":[" + String.format(PLACE, "")
                                    + "],\"numbers\":[0.5,42]}"),
                    run);
            assertTrue(
                    run.contains(
                            "{\"names\":[\"numRecordsIn\",\"pendingRecords\"],\"places\":["
                                    + String.format(PLACE, "Source__a_b_c")
                                    + "],\"numbers\":[9,7]}"),
                    run);
            String process = bench.at(Topic.CONTAINERS).get(1);
            assertTrue(
                    process.contains(
                            "{\"names\":[\"Status.JVM.Memory.Heap.Used\"],"
                                    + "\"places\":[[\"\",-1,\"\",\"\",-1]],\"numbers\":[100]}"),
                    process);
            assertTrue(process.contains("\"publisher_sent_total\""), process);
            assertTrue(process.contains("\"rss_bytes\""), process);
            assertFalse(process.contains("job_name"), process);
        }
    }

    @Test
    void a_run_whose_name_flink_does_not_know_is_told_without_one() {
        try (Bench bench = new Bench()) {
            bench.gauge(FakeGroup.jobNamed(null), "numRestarts", 1L);
            bench.reporter.report();
            String run = bench.at(Topic.METRICS).get(0);
            assertTrue(run.endsWith("\"job\":\"" + FakeGroup.JOB + "\"}"), run);
        }
    }

    @Test
    void what_was_lost_is_told_by_reason() {
        try (Bench bench = new Bench().taskmanager()) {
            byte[] huge = new byte[64 << 20];
            bench.publisher.offer(Topic.LOGS, "tm-1", huge, Kind.WARN, 3);
            bench.reporter.report();
            String process = bench.at(Topic.CONTAINERS).get(1);
            assertTrue(process.contains("\"publisher_dropped_too_large_total\","), process);
            assertFalse(process.contains("queue_full"), process);
        }
    }

    @Test
    void sequences_have_no_holes_and_a_run_that_comes_back_is_counted_anew() {
        try (Bench bench = new Bench().taskmanager()) {
            Metric metric = bench.gauge(FakeGroup.task(0, 0, ""), "numBytesIn", 1L);
            bench.reporter.report();
            bench.reporter.report();
            bench.reporter.notifyOfRemovedMetric(metric, "numBytesIn", FakeGroup.task(0, 0, ""));
            bench.reporter.report();
            bench.gauge(FakeGroup.task(0, 1, ""), "numBytesIn", 1L);
            bench.reporter.report();
            List<String> runs = bench.at(Topic.METRICS);
            assertEquals(3, runs.size());
            assertTrue(runs.get(0).contains("\"sequence\":0,"), runs.get(0));
            assertTrue(runs.get(1).contains("\"sequence\":1,"), runs.get(1));
            assertTrue(runs.get(2).contains("\"sequence\":0,"), runs.get(2));
            assertFalse(epoch(runs.get(1)).equals(epoch(runs.get(2))));
            assertTrue(bench.at(Topic.CONTAINERS).get(4).contains("\"sequence\":3,"));
        }
    }

    @Test
    void what_is_not_on_the_list_is_not_sent() {
        try (Bench bench = new Bench().taskmanager()) {
            for (int i = 0; i < 1_000; i++) {
                bench.gauge(FakeGroup.operator("map", 0, 0, ".user"), "mine" + i, 1L);
            }
            bench.gauge(FakeGroup.operator("map", 0, 0, ".user"), "Count", 1L);
            bench.gauge(FakeGroup.operator("map", 0, 0, ""), "numRecordsIn", 1L);
            bench.gauge(FakeGroup.taskmanager(".Status.JVM.Memory.Direct"), "Count", 1L);
            bench.gauge(FakeGroup.taskmanager(".Status.JVM.GarbageCollector.All"), "Time", 1L);
            bench.reporter.report();
            assertEquals(List.of(), bench.at(Topic.METRICS));
            String process = bench.at(Topic.CONTAINERS).get(1);
            assertFalse(process.contains("Direct") || process.contains("\"All\""), process);
        }
    }

    @Test
    void a_collector_is_a_place_of_its_own_named_as_in_rest() {
        try (Bench bench = new Bench().taskmanager()) {
            bench.gauge(
                    FakeGroup.taskmanager(".Status.JVM.GarbageCollector.G1 Old Generation"),
                    "Count",
                    3L);
            bench.reporter.report();
            String process = bench.at(Topic.CONTAINERS).get(1);
            assertTrue(
                    process.contains(
                            "{\"names\":[\"Count\"],\"places\":"
                                    + "[[\"\",-1,\"\",\"G1_Old_Generation\",-1]],\"numbers\":[3]}"),
                    process);
        }
    }

    @Test
    void a_gauge_that_fails_or_knows_nothing_harms_no_other() {
        try (Bench bench = new Bench().taskmanager()) {
            Gauge<Long> failing =
                    () -> {
                        throw new NoClassDefFoundError("org/acme/Gone");
                    };
            bench.reporter.notifyOfAddedMetric(failing, "numBytesIn", FakeGroup.task(0, 0, ""));
            bench.gauge(FakeGroup.task(0, 0, ""), "numBytesOut", Long.MIN_VALUE);
            bench.gauge(FakeGroup.task(0, 0, ""), "numRecordsIn", "many");
            bench.gauge(FakeGroup.task(0, 0, ""), "numRecordsOut", null);
            bench.gauge(FakeGroup.task(0, 0, ""), "accumulateBusyTimeMs", Double.NaN);
            bench.gauge(FakeGroup.task(0, 0, ""), "accumulateIdleTimeMs", 5);
            bench.gauge(FakeGroup.operator("Sink", 0, 0, ""), "currentSendTime", -1L);
            bench.reporter.report();
            String run = bench.at(Topic.METRICS).get(0);
            assertTrue(run.contains("\"numbers\":[null,5,null,null,null,null]"), run);
            assertTrue(run.contains("\"numbers\":[null]"), run);
        }
    }

    @Test
    void the_cpu_time_of_a_task_is_that_of_the_thread_that_registered_its_operators()
            throws Exception {
        try (Bench bench = new Bench().taskmanager()) {
            bench.gauge(FakeGroup.task(1, 0, ""), "numBytesIn", 1L);
            Thread task =
                    new Thread(
                            () -> {
                                FakeGroup map = FakeGroup.operator("map", 1, 0, "");
                                bench.gauge(map, "numRecordsIn", 1L);
                                bench.reporter.report();
                            },
                            "Source: orders -> map (2/4)#0");
            task.start();
            task.join();
            String run = bench.at(Topic.METRICS).get(0);
            assertTrue(run.contains("\"names\":[\"numBytesIn\",\"task_cpu_ns\"]"), run);
            assertTrue(run.matches(".*\"numbers\":\\[1,[1-9]\\d+\\].*"), run);
            bench.reporter.report();
            run = bench.at(Topic.METRICS).get(1);
            assertTrue(run.contains("\"numbers\":[1,null]"), "a thread that has ended: " + run);
        }
    }

    @Test
    void a_large_run_is_told_in_several_messages() {
        try (Bench bench = new Bench().taskmanager()) {
            for (int subtask = 0; subtask < Registry.NUMBERS; subtask++) {
                bench.gauge(FakeGroup.task(subtask, 0, ""), "numBytesIn", 1L);
                bench.gauge(FakeGroup.task(subtask, 0, ""), "numBytesOut", 1L);
            }
            bench.reporter.report();
            List<String> runs = bench.at(Topic.METRICS);
            assertEquals(2, runs.size());
            assertTrue(runs.get(0).length() < 2_000_000, "" + runs.get(0).length());
            assertTrue(runs.get(1).contains("\"sequence\":1,"));
        }
    }

    @Test
    void the_end_of_a_run_is_told_by_the_jobmanager_only() {
        try (Bench bench = new Bench()) {
            Metric restarts = bench.gauge(FakeGroup.job(), "numRestarts", 1L);
            Metric failed = bench.gauge(FakeGroup.job(), "numberOfFailedCheckpoints", 1L);
            bench.reporter.report();
            assertTrue(bench.at(Topic.METRICS).get(0).contains("\"container\":\"\""));
            bench.reporter.notifyOfRemovedMetric(restarts, "numRestarts", FakeGroup.job());
            assertEquals(List.of(), bench.at(Topic.EVENTS));
            bench.reporter.notifyOfRemovedMetric(
                    failed, "numberOfFailedCheckpoints", FakeGroup.job());
            String ended = bench.at(Topic.EVENTS).get(0);
            assertTrue(ended.contains("\"what\":\"run-ended\",\"job\":\"" + FakeGroup.JOB), ended);
        }
    }

    @Test
    void it_says_hello_once_it_knows_who_it_is_and_goodbye_in_any_case() {
        Bench bench = new Bench();
        bench.reporter.report();
        assertEquals(List.of(), bench.at(Topic.CONTAINERS));
        bench.taskmanager();
        bench.taskmanager();
        bench.close();
        List<String> said = bench.at(Topic.CONTAINERS);
        assertEquals(2, said.size(), said.toString());
        String hello = "\"what\":\"hello\",\"is_taskmanager\":true,\"host\":\"tm-host\"";
        assertTrue(said.get(0).contains(hello), said.get(0));
        assertTrue(said.get(1).contains("\"what\":\"goodbye\""));
    }

    @Test
    void a_second_reporter_and_one_without_its_options_do_nothing() {
        try (Bench bench = new Bench().taskmanager(); Bench second = new Bench().taskmanager()) {
            second.reporter.report();
            assertEquals(0, second.publisher.offered());
            KafkaMetricReporter third = new KafkaMetricReporter();
            third.open(new MetricConfig());
            third.report();
            third.close();
            assertNotNull(Session.current("test"));
            assertEquals(1, bench.at(Topic.CONTAINERS).size());
        }
        assertNull(Session.current("test"));
    }

    private static String epoch(String message) {
        return message.replaceFirst(".*\"epoch\":\"([^\"]*)\".*", "$1");
    }
}
