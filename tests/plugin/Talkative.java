import org.apache.flink.api.common.functions.FilterFunction;
import org.apache.flink.api.common.functions.MapFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Counts slowly; logs objects that log when they are asked for their text, names a secret wherever
 * a program may, and fails at a certain number each time it gets there.
 */
public final class Talkative {
    private static final Logger LOG = LoggerFactory.getLogger(Talkative.class);
    private static final long PAUSE_MS = 50;

    private Talkative() {}

    public static void main(String[] args) throws Exception {
        String secret = args[1];
        StreamExecutionEnvironment flink = StreamExecutionEnvironment.getExecutionEnvironment();
        flink.fromSequence(0, Long.MAX_VALUE)
                .name("numbers from table('password' = '" + secret + "')")
                .map(new Talk(secret, Long.parseLong(args[3])))
                .name("talk")
                .filter(new Nothing())
                .print();
        flink.execute();
    }

    private static final class Talk implements MapFunction<Long, Long> {
        private static final long serialVersionUID = 1L;

        private final String secret;
        private final long failsAt;

        Talk(String secret, long failsAt) {
            this.secret = secret;
            this.failsAt = failsAt;
        }

        @Override
        public Long map(Long number) throws InterruptedException {
            Thread.sleep(PAUSE_MS);
            if (number % 10 == 0) {
                LOG.warn("{} said {}", new Chatty(), number);
            }
            if (number % 100 == 50) {
                LOG.error("connecting with password={} to //app:{}@db/x", secret, secret);
            }
            if (number == failsAt) {
                throw new IllegalStateException(
                        "no answer from jdbc:postgresql://app:" + secret + "@db/x",
                        new IllegalArgumentException("{\"api-token\": \"" + secret + "\"}"));
            }
            return number;
        }
    }

    /** Logs while it is being logged. */
    private static final class Chatty {
        @Override
        public String toString() {
            LOG.error("asked for its text");
            return "a chatty object";
        }
    }

    private static final class Nothing implements FilterFunction<Long> {
        private static final long serialVersionUID = 1L;

        @Override
        public boolean filter(Long number) {
            return false;
        }
    }
}
