package io.drsquirrel.flink.text;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.UnaryOperator;

/**
 * Names of operators and threads as they are sent: without the secrets that SQL has in them. Each
 * comes again and again, so what was found is kept.
 */
public final class ShownNames {
    /** Flink's own are of 80 at most. */
    private static final int CHARS = 1_000;
    private static final int KEPT = 1_000;

    private final Map<String, String> shown = new ConcurrentHashMap<>();
    private final UnaryOperator<String> written;

    /** The names as they are. */
    public ShownNames() {
        this(UnaryOperator.identity());
    }

    /** The names as they are `written`. */
    public ShownNames(UnaryOperator<String> written) {
        this.written = written;
    }

    public String of(String name) {
        String found = shown.get(name);
        if (found == null) {
            if (shown.size() >= KEPT) {
                shown.clear();
            }
            found = written.apply(Secrets.hide(name, CHARS));
            shown.put(name, found);
        }
        return found;
    }
}
