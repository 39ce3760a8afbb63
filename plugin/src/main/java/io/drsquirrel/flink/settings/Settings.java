package io.drsquirrel.flink.settings;

import io.drsquirrel.flink.send.Bounds;
import io.drsquirrel.flink.send.Topic;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;

/** The reporter's options as given, each wrong one with a complaint; values are never repeated. */
public final class Settings {
    /** What Flink itself reads of a reporter's options. */
    private static final String FLINKS = "factory\\.class|class|interval|scope\\..*|filter\\..*";

    private final Map<Option, String> values = new EnumMap<>(Option.class);
    private final Map<String, String> kafka = new TreeMap<>();
    private final List<String> complaints = new ArrayList<>();

    public Settings(Properties given) {
        this(given, System.getenv(Application.VARIABLE));
    }

    Settings(Properties given, String container) {
        for (String key : given.stringPropertyNames()) {
            take(key, given.getProperty(key).trim());
        }
        if (text(Option.CLUSTER).isEmpty()) {
            values.put(Option.CLUSTER, Application.of(container));
        }
        require(Option.CLUSTER, "Set it to the cluster's name in Dr. Squirrel's settings.");
        require(Option.BOOTSTRAP, "Set it to the addresses of Kafka's brokers.");
    }

    private void take(String key, String value) {
        Option option = Option.of(key);
        if (option != null) {
            values.put(option, value);
        }
        if (key.startsWith(ProducerOptions.PREFIX)) {
            takeKafkas(key, key.substring(ProducerOptions.PREFIX.length()), value);
        } else if (option == null && !key.matches(FLINKS)) {
            complaints.add(
                    "The option "
                            + key
                            + " is not known and has no effect. Correct its name, or remove it.");
        }
    }

    private void takeKafkas(String key, String name, String value) {
        if (ProducerOptions.isFixed(name)) {
            complaints.add("The option " + key + " cannot be changed here. Remove it.");
            return;
        }
        kafka.put(name, value);
    }

    private void require(Option option, String advice) {
        if (text(option).isEmpty()) {
            complaints.add(
                    "The option " + option.key + " is missing, so nothing is sent. " + advice);
        }
    }

    /** What is wrong, each with what to do; call it after all has been read. */
    public List<String> complaints() {
        return List.copyOf(complaints);
    }

    public boolean isUsable() {
        return !cluster().isEmpty() && !text(Option.BOOTSTRAP).isEmpty();
    }

    public String cluster() {
        return text(Option.CLUSTER);
    }

    public boolean isOn(Option option) {
        String value = text(option);
        if (!value.equalsIgnoreCase("true") && !value.equalsIgnoreCase("false")) {
            complaints.add(
                    "The option " + option.key + " is neither true nor false. It counts as "
                            + option.usual + ".");
            values.put(option, option.usual);
            value = option.usual;
        }
        return Boolean.parseBoolean(value);
    }

    public int whole(Option option) {
        try {
            long value = Long.parseLong(text(option));
            if (value >= option.lowest && value <= option.highest) {
                return (int) Math.min(value, Integer.MAX_VALUE);
            }
        } catch (NumberFormatException e) {
            // Told below, as what is out of bounds is.
        }
        complaints.add(
                "The option " + option.key + " is no whole number from " + option.lowest + " to "
                        + option.highest + ". It counts as " + option.usual + ".");
        values.put(option, option.usual);
        return Integer.parseInt(option.usual);
    }

    private String text(Option option) {
        return values.getOrDefault(option, option.usual);
    }

    public Bounds bounds() {
        return new Bounds(whole(Option.QUEUE_MESSAGES), whole(Option.QUEUE_BYTES));
    }

    public Map<Topic, String> topics() {
        Map<Topic, String> topics = new EnumMap<>(Topic.class);
        for (Topic topic : Topic.values()) {
            topics.put(topic, text(Option.TOPIC_PREFIX) + topic.word);
        }
        return topics;
    }

    /** The options for Kafka's producer, whose name ends in `id`. */
    public Properties producer(String id) {
        return ProducerOptions.of(kafka, id);
    }
}
