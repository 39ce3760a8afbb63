package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.drsquirrel.flink.event.KafkaEventReporter;
import io.drsquirrel.flink.failure.FailureSender;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.trace.KafkaTraceReporter;

import org.apache.flink.events.Events;
import org.apache.flink.metrics.Metric;
import org.apache.flink.traces.Span;
import org.apache.logging.log4j.LogManager;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.MDC;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Writes one message of each type to target/golden, for the service to read in its own tests. */
class GoldenTest {
    private static final Path GOLDEN = Path.of("target/golden");

    @BeforeEach
    void directory() throws IOException {
        Files.createDirectories(GOLDEN);
    }

    @Test
    void what_a_taskmanager_says() throws Exception {
        Bench bench = new Bench().taskmanager();
        bench.gauge(
                FakeGroup.taskmanager(".Status.JVM.GarbageCollector.G1 Young Generation"),
                "Count",
                3L);
        bench.gauge(FakeGroup.task(0, 2, ""), "numRecordsIn", 42L);
        bench.gauge(FakeGroup.task(1, 0, ""), "numRecordsIn", 7L);
        bench.gauge(FakeGroup.task(1, 0, ".Shuffle.Netty.Output.Buffers"), "outPoolUsage", 0.25f);
        bench.gauge(FakeGroup.operator("Source: orders", 0, 2, ""), "pendingRecords", null);
        bench.reporter.report();
        MDC.put("flink-job-id", FakeGroup.JOB);
        LogManager.getLogger("org.acme.Job").error("it failed", new IOException("disk full"));
        MDC.clear();
        bench.close();
        write("metrics-run", bench.at(Topic.METRICS).get(0));
        write("metrics-container", bench.at(Topic.CONTAINERS).get(1));
        write("container-hello", bench.at(Topic.CONTAINERS).get(0));
        write("container-goodbye", bench.at(Topic.CONTAINERS).get(2));
        write("config", bench.at(Topic.CONFIGS).get(0));
        write("log", bench.at(Topic.LOGS).get(0));
    }

    @Test
    void what_a_jobmanager_says() throws Exception {
        Bench bench = new Bench();
        Metric restarts = bench.gauge(FakeGroup.job(), "numRestarts", 2L);
        bench.reporter.report();
        new FailureSender().processFailure(new IOException("disk full"), new FailureContext());
        new KafkaTraceReporter().notifyOfAddedSpan(checkpoint().build());
        new KafkaEventReporter()
                .notifyOfAddedEvent(
                        Events.JobStatusChangeEvent.builder(GoldenTest.class)
                                .setObservedTsMillis(bench.clockMs.get())
                                .setAttribute("<job_id>", FakeGroup.JOB)
                                .setAttribute("newJobStatus", "RESTARTING")
                                .build());
        bench.reporter.notifyOfRemovedMetric(restarts, "numRestarts", FakeGroup.job());
        bench.close();
        write("metrics-job", bench.at(Topic.METRICS).get(0));
        List<String> events = bench.at(Topic.EVENTS);
        assertEquals(4, events.size(), events.toString());
        write("failure", events.get(0));
        write("checkpoint", events.get(1));
        write("change-job-state", events.get(2));
        write("change-run-ended", events.get(3));
    }

    private static org.apache.flink.traces.SpanBuilder checkpoint() {
        return Span.builder(GoldenTest.class, "Checkpoint")
                .setStartTsMillis(1_764_000_000_000L)
                .setEndTsMillis(1_764_000_000_250L)
                .setAttribute("<job_id>", FakeGroup.JOB)
                .setAttribute("checkpointId", 17L)
                .setAttribute("checkpointedSize", 1024L)
                .setAttribute("fullSize", 4096L)
                .setAttribute("checkpointStatus", "COMPLETED");
    }

    private static void write(String name, String message) throws IOException {
        Files.writeString(GOLDEN.resolve(name + ".json"), message + "\n");
    }
}
