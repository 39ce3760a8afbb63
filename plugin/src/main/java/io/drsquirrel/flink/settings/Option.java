package io.drsquirrel.flink.settings;

/** An option of the reporter: its name below `metrics.reporter.NAME.`, its default, its meaning. */
public enum Option {
    CLUSTER(
            "cluster",
            "",
            "The name of the cluster, as in Dr. Squirrel's own settings. Required; on YARN it is the"
                    + " id of the application unless it is set."),
    BOOTSTRAP(
            "kafka.bootstrap.servers",
            "",
            "Where Kafka is: host:port, several with commas between. Required."),
    TOPIC_PREFIX(
            "topic.prefix",
            "",
            "Stands before the names of the topics: flink-metrics, flink-logs, flink-events,"
                    + " flink-containers, flink-configs."),
    LOGS("logs", "true", "Whether log lines are sent: WARN and above, and INFO with a throwable."),
    CONFIG(
            "config",
            "true",
            "Whether the effective configuration is sent once per start, without its secrets."),
    CPU_TIME_OF_THREADS(
            "cpu-time-of-threads", "true", "Whether the CPU time of each task's thread is sent."),
    QUEUE_MESSAGES(
            "queue-messages", "10000", "How many messages may wait for Kafka.", 100, 1 << 20),
    QUEUE_BYTES(
            "queue-bytes", "16777216", "How many bytes may wait for Kafka.", 1 << 20, 1L << 31),
    LOG_CHARS(
            "log-chars",
            "16384",
            "How many characters of a log line or failure are sent, its stack trace included.",
            1024,
            1 << 19),
    LOG_WINDOW_MS(
            "log-window-ms",
            "10000",
            "For how long lines alike are collapsed into one with a count.",
            100,
            600_000),
    LOG_WINDOW_LINES(
            "log-window-lines",
            "5",
            "How many lines alike but in their numbers are sent within that time; the others are"
                    + " counted.",
            1,
            10_000);

    public final String key;
    public final String usual;
    public final String help;
    final long lowest;
    final long highest;

    Option(String key, String usual, String help) {
        this(key, usual, help, 0, 0);
    }

    Option(String key, String usual, String help, long lowest, long highest) {
        this.key = key;
        this.usual = usual;
        this.help = help;
        this.lowest = lowest;
        this.highest = highest;
    }

    static Option of(String key) {
        for (Option option : values()) {
            if (option.key.equals(key)) {
                return option;
            }
        }
        return null;
    }

    /** Prints the options as a table in Markdown. */
    public static void main(String[] arguments) {
        StringBuilder table = new StringBuilder("| option | default | meaning |\n|---|---|---|\n");
        for (Option option : values()) {
            String usual = option.usual.isEmpty() ? "" : "`" + option.usual + "`";
            table.append("| `").append(option.key).append("` | ").append(usual).append(" | ");
            table.append(option.help).append(" |\n");
        }
        table.append("| `kafka.*` | | Any option of Kafka's producer: `kafka.security.protocol`,")
                .append(" `kafka.sasl.jaas.config`, `kafka.ssl.truststore.location`, … |\n");
        System.out.print(table);
    }
}
