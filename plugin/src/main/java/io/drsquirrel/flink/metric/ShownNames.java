package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.text.Secrets;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Names of operators as they are sent: as REST writes them, but without the secrets that SQL has in
 * them. Each has many metrics, so what was found is kept.
 */
final class ShownNames {
    /** Flink's own are of 80 at most. */
    private static final int CHARS = 1_000;
    private static final int KEPT = 1_000;

    private final Map<String, String> shown = new ConcurrentHashMap<>();

    String of(String name) {
        String found = shown.get(name);
        if (found == null) {
            if (shown.size() >= KEPT) {
                shown.clear();
            }
            found = Spot.replaceInvalid(Secrets.hide(name, CHARS));
            shown.put(name, found);
        }
        return found;
    }
}
