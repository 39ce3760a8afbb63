package io.drsquirrel.flink.failure;

import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.settings.Option;
import io.drsquirrel.flink.text.Cut;

import java.lang.management.ManagementFactory;
import java.util.Map;

import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;

/**
 * The way of failures to the session. Flink loads its failure enrichers by a class loader of their
 * own, which shares nothing with the metric reporter's but the JVM: hence an MBean.
 */
public final class Failures implements FailuresMBean {
    /** Null where failures are not sent. */
    private final Session session;

    private Failures(Session session) {
        this.session = session;
    }

    static ObjectName name() throws JMException {
        return new ObjectName("io.drsquirrel.flink:type=Failures");
    }

    public static void open(Session session) throws JMException {
        close();
        server().registerMBean(new Failures(session), name());
    }

    /** Where the metric reporter has told why it sends nothing, failures are taken in silence. */
    public static void decline() throws JMException {
        if (!server().isRegistered(name())) {
            server().registerMBean(new Failures(null), name());
        }
    }

    public static void close() throws JMException {
        if (server().isRegistered(name())) {
            server().unregisterMBean(name());
        }
    }

    /** Tells it to the session of this JVM; InstanceNotFoundException if there is none. */
    static void hand(long timeMs, String job, String type, String throwable) throws JMException {
        String text = String.class.getName();
        server().invoke(
                        name(),
                        "tell",
                        new Object[] {timeMs, job, type, throwable},
                        new String[] {"long", text, text, text});
    }

    private static MBeanServer server() {
        return ManagementFactory.getPlatformMBeanServer();
    }

    @Override
    public void tell(long timeMs, String job, String type, String throwable) {
        if (session == null || session.identity() == null) {
            return;
        }
        int longest = session.settings().whole(Option.LOG_CHARS);
        byte[] message =
                session.events()
                        .message("failure", timeMs)
                        .have("job", job)
                        .have("throwable", Cut.cut(throwable, longest))
                        .with("labels", Map.of("type", type))
                        .bytes();
        session.publisher().offer(Topic.EVENTS, session.events().key(), message, Kind.EVENT);
    }
}
