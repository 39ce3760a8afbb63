package io.drsquirrel.flink.config;

import io.drsquirrel.flink.text.Secrets;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * Flink's configuration as this JVM was started with it: the file, and what was given with -D after
 * the main class, which wins. Its secrets do not leave this class.
 */
public final class EffectiveConfiguration {
    private static final int OPTIONS = 1_000;
    private static final int VALUE_CHARS = 4_096;

    private EffectiveConfiguration() {}

    public static SortedMap<String, String> read() {
        SortedMap<String, String> options = new TreeMap<>();
        try {
            options.putAll(OptionsFile.read(folder(commandLine(), System.getenv())));
        } catch (RuntimeException | LinkageError e) {
            // No file: then there is only the command line.
        }
        options.putAll(given(commandLine()));
        return shown(options);
    }

    /** What follows --configDir, else what the environment says. */
    static String folder(List<String> arguments, Map<String, String> environment) {
        int at = Math.max(arguments.indexOf("--configDir"), arguments.indexOf("-c"));
        return at >= 0 && at + 1 < arguments.size()
                ? arguments.get(at + 1)
                : environment.getOrDefault("FLINK_CONF_DIR", "");
    }

    static SortedMap<String, String> shown(Map<String, String> options) {
        SortedMap<String, String> shown = new TreeMap<>();
        for (Map.Entry<String, String> option : options.entrySet()) {
            if (shown.size() < OPTIONS) {
                String value = Secrets.shown(option.getKey(), option.getValue(), VALUE_CHARS);
                shown.put(Secrets.hide(option.getKey(), VALUE_CHARS), value);
            }
        }
        return shown;
    }

    /** The options in `-D key=value` and `-Dkey=value` behind the main class. */
    static Map<String, String> given(List<String> arguments) {
        Map<String, String> given = new TreeMap<>();
        String main = System.getProperty("sun.java.command", "").split(" ")[0];
        int at = main.isEmpty() ? 0 : Math.max(0, arguments.indexOf(main));
        for (int i = at; i < arguments.size(); i++) {
            String argument = arguments.get(i);
            if (argument.equals("-D") && i + 1 < arguments.size()) {
                put(given, arguments.get(++i));
            } else if (argument.startsWith("-D")) {
                put(given, argument.substring(2));
            }
        }
        return given;
    }

    private static void put(Map<String, String> given, String pair) {
        int equals = pair.indexOf('=');
        if (equals > 0) {
            given.put(pair.substring(0, equals), pair.substring(equals + 1));
        }
    }

    private static List<String> commandLine() {
        try {
            byte[] line = Files.readAllBytes(Path.of("/proc/self/cmdline"));
            return List.of(new String(line, StandardCharsets.UTF_8).split("\0"));
        } catch (IOException e) {
            return List.of(System.getProperty("sun.java.command", "").split(" "));
        }
    }
}
