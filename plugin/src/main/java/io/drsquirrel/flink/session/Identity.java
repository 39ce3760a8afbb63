package io.drsquirrel.flink.session;

/** Which process this is, as Flink says: a TaskManager by its resource id, a JobManager by "". */
public final class Identity {
    public final String container;
    public final String host;

    public Identity(String container, String host) {
        this.container = container;
        this.host = host;
    }

    public boolean isTaskmanager() {
        return !container.isEmpty();
    }

    /** The key of messages in Kafka. */
    public static String keyOf(String container) {
        return container.isEmpty() ? "jobmanager" : container;
    }
}
