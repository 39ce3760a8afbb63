import java.io.FileWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.metrics.Counter;
import org.apache.flink.metrics.MetricGroup;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subtask that does nothing but use CPU, until so many records have passed. Arguments:
 * --records, --metrics that are registered beside Flink's own, --lines that are logged per second,
 * --progress, a file into which it writes ten times a second what time it is and how many records
 * have passed.
 */
public final class Saturated {
    private static final Logger LOG = LoggerFactory.getLogger(Saturated.class);

    private Saturated() {}

    public static void main(String[] args) throws Exception {
        Map<String, String> told = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) {
            told.put(args[i], args[i + 1]);
        }
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        flink.fromSequence(1, Long.parseLong(told.get("--records")))
                .map(
                        new Score(
                                Integer.parseInt(told.get("--metrics")),
                                Integer.parseInt(told.get("--lines")),
                                told.get("--progress")))
                .name("score")
                .map(score -> score % 1_000)
                .name("fold")
                .filter(score -> score != 77)
                .name("filter")
                .sinkTo(new DiscardingSink<>())
                .name("nowhere");
        flink.execute("saturated");
    }

    /**
     * A hash and some garbage; counters of its own, and lines as a sick job logs them. Nearly all
     * of its time is spent in code that the JVM brings along, so that no process is faster than
     * another by how it happened to be compiled.
     */
    private static final class Score extends RichMapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;
        private static final int EVERY = 10;
        private static final int BODY_BYTES = 4_096;
        private static final long TOLD_NS = 100_000_000L;

        private final int metrics;
        private final int lines;
        private final String path;
        private transient Counter[] counters;
        private transient MessageDigest digest;
        private transient ByteBuffer body;
        private transient long pauseNs;
        private transient long nextNs;
        private transient long seen;
        private transient PrintWriter progress;
        private transient long nextToldNs;

        Score(int metrics, int lines, String path) {
            this.metrics = metrics;
            this.lines = lines;
            this.path = path;
        }

        @Override
        public void open(OpenContext context) throws IOException, NoSuchAlgorithmException {
            digest = MessageDigest.getInstance("SHA-256");
            body = ByteBuffer.allocate(BODY_BYTES);
            progress = new PrintWriter(new FileWriter(path, StandardCharsets.UTF_8), true);
            MetricGroup group = getRuntimeContext().getMetricGroup();
            counters = new Counter[metrics];
            for (int i = 0; i < counters.length; i++) {
                counters[i] = group.counter("customer" + i + "Orders");
            }
            pauseNs = lines == 0 ? Long.MAX_VALUE : 1_000_000_000L / lines;
            nextNs = System.nanoTime() + (lines == 0 ? 1L << 60 : pauseNs);
            nextToldNs = System.nanoTime();
        }

        @Override
        public void close() {
            if (progress != null) {
                progress.close();
            }
        }

        @Override
        public Long map(Long number) {
            String text = "order-" + number;
            body.putLong(0, number);
            long score = ByteBuffer.wrap(digest.digest(body.array())).getLong() + text.length();
            if (++seen % EVERY == 0) {
                log(number);
            }
            return score;
        }

        private void log(long number) {
            if (counters.length > 0) {
                counters[(int) (seen / EVERY % counters.length)].inc();
            }
            if (System.nanoTime() >= nextToldNs) {
                nextToldNs += TOLD_NS;
                progress.println(System.currentTimeMillis() + " " + seen);
            }
            while (System.nanoTime() >= nextNs) {
                nextNs += pauseNs;
                if (nextNs / pauseNs % 10 == 0) {
                    LOG.warn("Could not score order {}", number, new IllegalStateException("no"));
                } else {
                    LOG.warn("Order {} took {} ms", number, number % 100);
                }
            }
        }
    }
}
