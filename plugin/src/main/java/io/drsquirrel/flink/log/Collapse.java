package io.drsquirrel.flink.log;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The signatures that were lately seen, bounded: when there are too many, further ones of a level
 * share one, of the lowest level first.
 */
final class Collapse {
    static final int SIGNATURES = 1_000;

    private final Map<Signature.Key, Signature> seen = new ConcurrentHashMap<>();
    private final long windowMs;
    private final int windowLines;

    Collapse(long windowMs, int windowLines) {
        this.windowMs = windowMs;
        this.windowLines = windowLines;
    }

    Signature of(Signature.Key key, long nowMs) {
        Signature found = seen.get(key);
        if (found != null) {
            return found;
        }
        boolean isFull = seen.size() >= share(key.level);
        Signature.Key free = isFull ? new Signature.Key(key.level, "", "", null) : key;
        return seen.computeIfAbsent(free, k -> new Signature(windowMs, windowLines, nowMs));
    }

    private static int share(String level) {
        switch (level) {
            case "INFO":
                return SIGNATURES / 2;
            case "WARN":
                return SIGNATURES * 3 / 4;
            default:
                return SIGNATURES;
        }
    }

    /** What was held back and is due; signatures without news are forgotten. */
    List<Signature.Due> due(long nowMs, boolean everything) {
        List<Signature.Due> due = new ArrayList<>();
        seen.forEach(
                (key, signature) -> {
                    Signature.Due its = signature.due(nowMs, everything);
                    if (its != null) {
                        due.add(its);
                    }
                    if (signature.retire(nowMs)) {
                        seen.remove(key, signature);
                    }
                });
        return due;
    }

    int size() {
        return seen.size();
    }
}
