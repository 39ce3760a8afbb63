package io.drsquirrel.flink.session;

import io.drsquirrel.flink.send.Publisher;
import io.drsquirrel.flink.settings.Settings;
import io.drsquirrel.flink.wire.Origin;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongSupplier;

/**
 * From the opening of the metric reporter to its closing: what all parts of the plugin share. Flink
 * makes each part on its own, so they find the session here; there is one per JVM at most.
 */
public final class Session {
    private static final Logger LOG = LoggerFactory.getLogger(Session.class);
    private static final AtomicBoolean HAS_TOLD = new AtomicBoolean();
    private static final AtomicReference<Session> CURRENT = new AtomicReference<>();

    private final Settings settings;
    private final Publisher publisher;
    private final LongSupplier clockMs;
    private final String token;
    private final String flinkVersion;
    private final AtomicLong epochs = new AtomicLong();
    private volatile Identity identity;
    private volatile Stream logs;
    private volatile Stream events;

    /** `token` is new for every session: epochs begin with it. */
    public Session(
            Settings settings,
            Publisher publisher,
            LongSupplier clockMs,
            String token,
            String flinkVersion) {
        this.settings = settings;
        this.publisher = publisher;
        this.clockMs = clockMs;
        this.token = token;
        this.flinkVersion = flinkVersion;
    }

    /** Makes it the one that the other parts use; false if there is one already. */
    public boolean begin() {
        return CURRENT.compareAndSet(null, this);
    }

    public void end() {
        CURRENT.compareAndSet(this, null);
    }

    /** There will be none here, and why has been told. */
    public static void decline() {
        HAS_TOLD.set(true);
    }

    /** The session of this JVM for one of its parts; null if there is none, or none yet. */
    public static Session current(String part) {
        Session session = CURRENT.get();
        if (session == null && HAS_TOLD.compareAndSet(false, true)) {
            LOG.warn(
                    "Dr. Squirrel's {} sends nothing without its metric reporter. Set"
                            + " metrics.reporter.squirrel.factory.class and its options; where"
                            + " metrics.reporters is set, name squirrel there too.",
                    part);
        }
        return session == null || session.identity == null ? null : session;
    }

    public Settings settings() {
        return settings;
    }

    public Publisher publisher() {
        return publisher;
    }

    public long nowMs() {
        return clockMs.getAsLong();
    }

    /** Called once, when Flink has said which process this is. */
    public void identify(Identity found) {
        logs = stream(found.container);
        events = stream(found.container);
        identity = found;
    }

    /** Null until Flink has said it. */
    public Identity identity() {
        return identity;
    }

    /** A stream in an epoch of its own. */
    public Stream stream(String container) {
        String epoch = token + "-" + epochs.getAndIncrement();
        return new Stream(new Origin(settings.cluster(), container, epoch, flinkVersion));
    }

    public Stream logs() {
        return logs;
    }

    /** Of failures, checkpoints, changes and what a process says of itself. */
    public Stream events() {
        return events;
    }
}
