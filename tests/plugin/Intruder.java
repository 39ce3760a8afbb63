import org.apache.flink.metrics.CharacterFilter;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.Gauge;
import org.apache.flink.metrics.LogicalScopeProvider;
import org.apache.flink.metrics.MetricConfig;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.metrics.SimpleCounter;
import org.apache.flink.metrics.groups.UnregisteredMetricsGroup;
import org.apache.flink.metrics.reporter.MetricReporter;
import org.apache.flink.metrics.reporter.MetricReporterFactory;
import org.apache.flink.metrics.reporter.Scheduled;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.Logger;
import org.apache.logging.log4j.MarkerManager;
import org.apache.logging.log4j.ThreadContext;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;

/**
 * Says to the plugin what an intruder would. Arguments: what to do, with what, and the options of
 * the reporter as KEY=VALUE. Prints "said" when all is said; with the next byte of input it closes
 * the reporter and prints "done".
 */
public final class Intruder {
    private static final Logger LOG = LogManager.getLogger("com.shop.Ledger");
    private static final int REPORT_EVERY = 10_000;
    private static final int LONG = 16_384;
    private static final long TALK_MS = 5_000;

    private final MetricReporter reporter;

    private Intruder(MetricReporter reporter) {
        this.reporter = reporter;
    }

    public static void main(String[] arguments) throws Exception {
        MetricConfig options = new MetricConfig();
        for (int i = 2; i < arguments.length; i++) {
            String[] option = arguments[i].split("=", 2);
            options.setProperty(option[0], option[1]);
        }
        MetricReporterFactory factory =
                (MetricReporterFactory)
                        Class.forName("io.drsquirrel.flink.KafkaMetricReporterFactory")
                                .getConstructor()
                                .newInstance();
        MetricReporter reporter = factory.createMetricReporter(new Properties());
        reporter.open(options);
        new Intruder(reporter).run(arguments[0], arguments[1]);
        System.out.println("said");
        System.out.flush();
        System.in.read();
        reporter.close();
        System.out.println("done");
        System.out.flush();
    }

    private void run(String what, String with) throws Exception {
        Gauge<Long> heap = () -> 1L;
        reporter.notifyOfAddedMetric(heap, "Used", new Group(".Status.JVM.Memory.Heap", ""));
        if (what.equals("texts")) {
            byte[] read = Files.readAllBytes(Path.of(with));
            for (String text : new String(read, StandardCharsets.UTF_8).split("\n")) {
                say(text);
            }
        } else if (what.equals("client")) {
            talk(with);
        } else {
            flood(what, Integer.parseInt(with));
        }
        ((Scheduled) reporter).report();
    }

    /** Wherever a text may stand. */
    private void say(String text) throws InterruptedException {
        LOG.error(text);
        LOG.warn("told: {}", text);
        LOG.error(
                "thrown " + text,
                new IllegalStateException(text, new IllegalArgumentException(text)));
        LOG.error(MarkerManager.getMarker("m" + text), "marked");
        LogManager.getLogger("com.shop." + text.replace('.', '_')).error("by a logger");
        ThreadContext.put(text, text);
        ThreadContext.push(text);
        ThreadContext.put("flink-job-id", text);
        LOG.error("in a context " + text);
        ThreadContext.clearAll();
        Thread thread = new Thread(() -> LOG.error("in a thread " + text), text);
        thread.start();
        thread.join();
        Group of = new Group(".job.task.operator", "Source: " + text);
        Counter counter = new SimpleCounter();
        reporter.notifyOfAddedMetric(counter, "numRecordsIn", of);
    }

    /** As a job does that has a Kafka of its own; it is not there. */
    private static void talk(String address) throws Exception {
        Map<String, Object> options = new HashMap<>();
        options.put("bootstrap.servers", address);
        String strings = "org.apache.kafka.common.serialization.StringSerializer";
        options.put("key.serializer", strings);
        options.put("value.serializer", strings);
        try (AutoCloseable client =
                (AutoCloseable)
                        Class.forName("org.apache.kafka.clients.producer.KafkaProducer")
                                .getConstructor(Map.class)
                                .newInstance(options)) {
            Thread.sleep(TALK_MS);
            LOG.error("talked by {}", client.getClass().getSimpleName());
        }
    }

    private void flood(String what, int times) throws InterruptedException {
        for (int i = 0; i < times; i++) {
            String name = word(i) + "x".repeat(what.startsWith("long") ? LONG : 10);
            if (what.endsWith("messages")) {
                LOG.error(name);
            } else if (what.endsWith("throwables")) {
                LOG.error(name, new IllegalStateException(name, new IllegalStateException(name)));
            } else if (what.endsWith("threads")) {
                Thread thread = new Thread(() -> LOG.error("in a thread"), name);
                thread.start();
                thread.join();
            } else {
                comeAndGo(name);
            }
            if (i % REPORT_EVERY == 0) {
                ((Scheduled) reporter).report();
            }
        }
    }

    /** A number in letters: texts that differ in digits only are alike to the plugin. */
    private static String word(int number) {
        StringBuilder word = new StringBuilder();
        for (int left = number; left > 0; left /= 26) {
            word.append((char) ('a' + left % 26));
        }
        return word.append('-').toString();
    }

    private void comeAndGo(String name) {
        for (String scope : new String[] {".job.task", ".job.task.operator"}) {
            Group group = new Group(scope, name);
            Counter counter = new SimpleCounter();
            reporter.notifyOfAddedMetric(counter, "numRecordsIn", group);
            reporter.notifyOfRemovedMetric(counter, "numRecordsIn", group);
        }
    }

    /** Of a TaskManager, as Flink hands it to reporters; with this name in all that has one. */
    private static final class Group extends UnregisteredMetricsGroup
            implements LogicalScopeProvider {
        private final String logical;
        private final Map<String, String> variables = new HashMap<>();

        Group(String below, String name) {
            logical = "taskmanager" + below;
            variables.put("<host>", "tm-host");
            variables.put("<tm_id>", "tm-1");
            if (!name.isEmpty()) {
                variables.put("<job_id>", "0123456789abcdef0123456789abcdef");
                variables.put("<task_id>", String.format("%032x", name.hashCode()));
                variables.put("<subtask_index>", "0");
                variables.put("<task_attempt_num>", "0");
                for (String named : new String[] {"job_name", "task_name", "operator_name"}) {
                    variables.put("<" + named + ">", name);
                }
            }
        }

        @Override
        public Map<String, String> getAllVariables() {
            return new HashMap<>(variables);
        }

        @Override
        public String getLogicalScope(CharacterFilter filter) {
            return logical;
        }

        @Override
        public String getLogicalScope(CharacterFilter filter, char delimiter) {
            return logical;
        }

        @Override
        public MetricGroup getWrappedMetricGroup() {
            return this;
        }
    }
}
