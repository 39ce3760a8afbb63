package io.drsquirrel.flink.metric;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/** The metrics that are sent: Flink's names per scope, from a list that is the service's own. */
final class MetricNames {
    private final Map<Scope, Set<String>> names = new EnumMap<>(Scope.class);
    private final Set<String> leaves = new HashSet<>();

    MetricNames() {
        try (InputStream list =
                MetricNames.class.getResourceAsStream("/io/drsquirrel/flink/metrics.txt")) {
            new BufferedReader(new InputStreamReader(list, StandardCharsets.UTF_8))
                    .lines()
                    .filter(line -> !line.isBlank())
                    .forEach(this::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void add(String line) {
        int tab = line.indexOf('\t');
        Scope scope = Scope.valueOf(line.substring(0, tab).toUpperCase(Locale.ROOT));
        String name = line.substring(tab + 1);
        names.computeIfAbsent(scope, s -> new HashSet<>()).add(name);
        leaves.add(name.substring(name.lastIndexOf('.') + 1));
    }

    /** Whether any name on the list ends like this: all that is asked of most metrics. */
    boolean mayHave(String leaf) {
        return leaves.contains(leaf);
    }

    boolean have(Scope scope, String name) {
        return names.getOrDefault(scope, Set.of()).contains(name);
    }
}
