package io.drsquirrel.flink.send;

import io.drsquirrel.flink.text.Secrets;

import org.apache.kafka.common.errors.TimeoutException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.util.EnumMap;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/** How the publisher stands with Kafka, told in Flink's log: once per change. */
final class Standing {
    private static final Logger LOG = LoggerFactory.getLogger(Publisher.class);
    private static final int LONGEST = 300;
    /** Of 2 s each, with pauses between. */
    private static final int ATTEMPTS = 3;

    private final Tally tally;
    private final Set<Topic> missing = EnumSet.noneOf(Topic.class);
    private final Map<Topic, Class<?>> refusals = new EnumMap<>(Topic.class);
    private volatile boolean isTrusted;
    private final Set<Class<?>> reasons = new HashSet<>();
    private boolean hasSent;
    private int attempts;

    Standing(Tally tally) {
        this.tally = tally;
    }

    /** Something has arrived; cheap while nothing changes. */
    void sent(Topic topic) {
        if (!isTrusted) {
            arrived(topic);
        }
    }

    private synchronized void arrived(Topic topic) {
        if (missing.remove(topic) | refusals.remove(topic) != null) {
            LOG.info("Dr. Squirrel: Kafka's topic for {} takes messages again.", topic.word);
        }
        if (!reasons.isEmpty()) {
            LOG.info("Dr. Squirrel reaches Kafka again; {} were lost so far.", tally.dropped());
        } else if (!hasSent) {
            LOG.info("Dr. Squirrel has reached Kafka.");
        }
        hasSent = true;
        reasons.clear();
        attempts = 0;
        isTrusted = missing.isEmpty() && refusals.isEmpty();
    }

    /**
     * An attempt failed; of a busy machine the first ones may. Where no broker answered at first,
     * another reason may come to light later.
     */
    synchronized void failed(Throwable failure) {
        isTrusted = false;
        Throwable root = root(failure);
        boolean saysMore = reasons.isEmpty() || !(root instanceof TimeoutException);
        if (++attempts >= ATTEMPTS && saysMore && reasons.add(root.getClass())) {
            LOG.warn(
                    "Dr. Squirrel cannot reach Kafka: {}. Flink is not affected; what does not fit"
                            + " into the queue is lost and counted. Check the reporter's option"
                            + " kafka.bootstrap.servers and those on security.",
                    told(failure));
        }
    }

    synchronized void refused(Topic topic, Throwable failure) {
        isTrusted = false;
        if (refusals.put(topic, failure.getClass()) != failure.getClass()) {
            LOG.warn(
                    "Dr. Squirrel: Kafka does not take what is sent to the topic for {}: {}. Check"
                            + " the credentials and the rights on the topic.",
                    topic.word,
                    told(failure));
        }
    }

    synchronized void noTopic(Topic topic) {
        isTrusted = false;
        if (missing.add(topic)) {
            LOG.warn(
                    "Dr. Squirrel: Kafka has no topic for {} (option topic.prefix). Make the topics"
                            + " with: drsquirrel topics create --kafka BROKERS, and with the same"
                            + " topic_prefix in its settings where one is set",
                    topic.word);
        }
    }

    private static Throwable root(Throwable failure) {
        Throwable root = failure;
        for (int depth = 0; depth < 10 && root.getCause() != null; depth++) {
            root = root.getCause();
        }
        return root;
    }

    private static String told(Throwable failure) {
        Throwable root = root(failure);
        if (root instanceof TimeoutException) {
            return "no broker answers";
        }
        String text = root.getClass().getSimpleName() + ": " + root.getMessage();
        return Secrets.hide(text, LONGEST);
    }
}
