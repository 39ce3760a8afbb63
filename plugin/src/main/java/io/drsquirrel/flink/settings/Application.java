package io.drsquirrel.flink.settings;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The YARN application of this process, which YARN tells each by the id of its container. */
final class Application {
    static final String VARIABLE = "CONTAINER_ID";

    private static final Pattern CONTAINER =
            Pattern.compile("container_(?:e\\d+_)?(\\d+_\\d+)_\\d+_\\d+");

    private Application() {}

    /** Its id; empty where that is no container of YARN's. */
    static String of(String container) {
        Matcher matcher = CONTAINER.matcher(container == null ? "" : container);
        return matcher.matches() ? "application_" + matcher.group(1) : "";
    }
}
