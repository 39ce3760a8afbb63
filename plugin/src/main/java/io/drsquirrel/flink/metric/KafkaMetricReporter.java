package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.failure.Failures;
import io.drsquirrel.flink.log.LogTap;
import io.drsquirrel.flink.send.KafkaTransport;
import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.session.Identity;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Option;
import io.drsquirrel.flink.settings.Settings;

import org.apache.flink.metrics.Metric;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.Scheduled;
import org.apache.flink.util.TimeUtils;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.nio.file.Path;
import java.util.UUID;

import javax.management.JMException;

/** Sends the health metrics of this process to Kafka, and opens what the other parts share. */
public final class KafkaMetricReporter implements MetricReporter, Scheduled {
    private static final Logger LOG = LoggerFactory.getLogger(KafkaMetricReporter.class);
    private static final long USUAL_INTERVAL_MS = 10_000;

    private final MetricNames names = new MetricNames();
    private final Registry registry = new Registry();
    private final TaskThreads threads = new TaskThreads();
    private volatile Session session;
    private Introduction introduction;
    private Reports reports;
    private LogTap logs;
    private boolean tellsCpuTime;
    private boolean hasReported;

    @Override
    public void open(MetricConfig config) {
        try {
            Settings settings = new Settings(config);
            if (settings.isUsable()) {
                String id = UUID.randomUUID().toString().substring(0, 8);
                Publisher publisher =
                        KafkaTransport.publisher(
                                settings.bounds(),
                                settings.producer(id),
                                settings.topics(),
                                System::currentTimeMillis);
                open(new Session(settings, publisher, System::currentTimeMillis, id, flink()),
                        intervalMs(config));
            }
            settings.complaints().forEach(complaint -> LOG.warn("Dr. Squirrel: {}", complaint));
            if (!settings.isUsable()) {
                decline();
            }
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel cannot be opened here and does nothing.", e);
        }
    }

    /** What is wrong is told here, and not by each part again. */
    private static void decline() throws JMException {
        Session.decline();
        Failures.decline();
    }

    void open(Session opened, long intervalMs) {
        if (!opened.begin()) {
            LOG.warn(
                    "Dr. Squirrel is already open in this process. This second reporter does"
                            + " nothing: remove it from metrics.reporter.*.");
            return;
        }
        opened.publisher().start();
        tellsCpuTime =
                opened.settings().isOn(Option.CPU_TIME_OF_THREADS) && threads.canTellCpuTime();
        introduction = new Introduction(opened, intervalMs);
        ProcessFigures process =
                new ProcessFigures(Path.of("/proc/self"), Path.of("/sys/fs/cgroup"));
        reports = new Reports(opened, registry, process);
        logs = LogTap.of(opened, threads);
        session = opened;
        try {
            Failures.open(opened);
        } catch (JMException e) {
            LOG.warn("Dr. Squirrel can send no failures.", e);
        }
    }

    @Override
    public void close() {
        Session closing = session;
        session = null;
        if (closing == null) {
            return;
        }
        try {
            logs.close();
            Failures.close();
            if (closing.identity() != null) {
                introduction.goodbye();
            }
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not take its leave.", e);
        } finally {
            closing.publisher().close();
            closing.end();
        }
    }

    @Override
    public void notifyOfAddedMetric(Metric metric, String name, MetricGroup group) {
        if (session == null || !names.mayHave(name)) {
            return;
        }
        try {
            Spot spot = Spot.of(name, group);
            if (spot != null) {
                identify(spot);
                add(spot, metric);
            }
        } catch (Throwable e) {
            LOG.debug("Dr. Squirrel does not know where a metric belongs.", e);
        }
    }

    private void add(Spot spot, Metric metric) {
        TaskThread thread = threads.note(spot);
        if (thread != null && tellsCpuTime) {
            Reading cpuTime = Reading.of(() -> threads.cpuTimeNs(thread.id));
            registry.add(spot.subject, thread.place, TaskThreads.CPU_TIME, cpuTime);
        }
        Reading reading = isListed(spot) ? Reading.of(metric, spot.scope) : null;
        if (reading != null) {
            registry.add(spot.subject, spot.place, spot.name, reading);
        }
    }

    /** Of the operators' records only what sources read is of interest; "All" is Flink's sum. */
    private boolean isListed(Spot spot) {
        boolean isChained =
                spot.scope == Scope.OPERATOR
                        && spot.name.equals("numRecordsIn")
                        && !spot.place.operator.startsWith("Source_");
        boolean isSum = spot.scope == Scope.COLLECTOR && spot.place.group.equals("All");
        return names.have(spot.scope, spot.name) && !isChained && !isSum;
    }

    /** The first metric says which process this is; that is when it introduces itself. */
    private synchronized void identify(Spot spot) {
        Session opened = session;
        if (opened == null || opened.identity() != null) {
            return;
        }
        opened.identify(new Identity(spot.subject.container, spot.host));
        logs.attach();
        introduction.hello();
    }

    @Override
    public void notifyOfRemovedMetric(Metric metric, String name, MetricGroup group) {
        if (session == null || !names.mayHave(name)) {
            return;
        }
        try {
            Spot spot = Spot.of(name, group);
            if (spot != null && isListed(spot)) {
                remove(spot, metric);
            }
        } catch (Throwable e) {
            LOG.debug("Dr. Squirrel does not know where a metric belonged.", e);
        }
    }

    private void remove(Spot spot, Metric metric) {
        Registry.Left left = registry.remove(spot, metric);
        if (left != Registry.Left.MORE && spot.scope == Scope.SUBTASK) {
            threads.forget(spot);
        }
        if (left == Registry.Left.NOTHING && spot.scope == Scope.JOB) {
            introduction.runEnded(spot.subject.job);
        }
    }

    @Override
    public void report() {
        Session opened = session;
        if (opened == null || opened.identity() == null) {
            return;
        }
        try {
            logs.attach();
            reports.send();
            if (!hasReported) {
                // Reading files is nothing for the thread on which Flink starts.
                hasReported = true;
                introduction.configuration();
            }
        } catch (Throwable e) {
            LOG.warn("Dr. Squirrel could not make a report.", e);
        }
    }

    private static long intervalMs(MetricConfig config) {
        try {
            return TimeUtils.parseDuration(config.getString("interval", "10 s")).toMillis();
        } catch (RuntimeException e) {
            return USUAL_INTERVAL_MS;
        }
    }

    private static String flink() {
        try {
            Class<?> environment =
                    Class.forName("org.apache.flink.runtime.util.EnvironmentInformation");
            return String.valueOf(environment.getMethod("getVersion").invoke(null));
        } catch (ReflectiveOperationException | LinkageError e) {
            return "";
        }
    }
}
