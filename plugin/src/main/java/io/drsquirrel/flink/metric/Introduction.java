package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.config.EffectiveConfiguration;
import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Option;
import io.drsquirrel.flink.wire.Message;

/** What the process says of itself when it comes and when it goes. */
final class Introduction {
    private final Session session;
    private final long intervalMs;
    private final boolean tellsConfiguration;

    Introduction(Session session, long intervalMs) {
        this.session = session;
        this.intervalMs = intervalMs;
        this.tellsConfiguration = session.settings().isOn(Option.CONFIG);
    }

    void hello() {
        say("hello");
    }

    void configuration() {
        if (tellsConfiguration) {
            byte[] config =
                    session.events()
                            .message("config", session.nowMs())
                            .with("is_taskmanager", session.identity().isTaskmanager())
                            .with("options", EffectiveConfiguration.read())
                            .bytes();
            session.publisher().offer(Topic.CONFIGS, session.events().key(), config, Kind.EVENT);
        }
    }

    void goodbye() {
        say("goodbye");
    }

    private void say(String what) {
        String version = Introduction.class.getPackage().getImplementationVersion();
        Message message =
                session.events()
                        .message("container", session.nowMs())
                        .have("what", what)
                        .with("is_taskmanager", session.identity().isTaskmanager())
                        .with("host", session.identity().host)
                        .with("pid", ProcessHandle.current().pid(), -1)
                        .with("java_version", System.getProperty("java.version"))
                        .with("plugin_version", version)
                        .with("interval_ms", intervalMs, 0)
                        .with("heap_max_bytes", Runtime.getRuntime().maxMemory(), 0);
        session.publisher()
                .offer(Topic.CONTAINERS, session.events().key(), message.bytes(), Kind.EVENT);
    }

    /** Flink's JobManager has nothing more to say of this run: it ended, or moved to another. */
    void runEnded(String job) {
        byte[] message =
                session.events()
                        .message("change", session.nowMs())
                        .have("what", "run-ended")
                        .with("job", job)
                        .bytes();
        session.publisher().offer(Topic.EVENTS, session.events().key(), message, Kind.EVENT);
    }
}
