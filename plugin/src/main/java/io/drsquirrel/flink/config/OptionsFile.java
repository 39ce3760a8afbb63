package io.drsquirrel.flink.config;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.GlobalConfiguration;

import java.io.File;
import java.lang.reflect.Method;
import java.util.Map;

/** Flink's file of options, without Flink saying every one of them in its log once more. */
final class OptionsFile {
    private static final String OLD_NAME = "flink-conf.yaml";

    private OptionsFile() {}

    /** The options in the file in this folder; throws what Flink throws where there is none. */
    static Map<String, String> read(String folder) {
        try {
            return quietly(new File(folder, name())).toMap();
        } catch (ReflectiveOperationException | RuntimeException e) {
            return GlobalConfiguration.loadConfiguration(folder).toMap();
        }
    }

    /** As Flink does it behind its public method, which tells the options to the log. */
    private static Configuration quietly(File file) throws ReflectiveOperationException {
        Method reading;
        try {
            boolean isOld = file.getName().equals(OLD_NAME);
            reading = method(isOld ? "loadLegacyYAMLResource" : "loadYAMLResource");
        } catch (NoSuchMethodException e) {
            // Flink 1.18 knows only the old form.
            reading = method("loadYAMLResource");
        }
        reading.setAccessible(true);
        return (Configuration) reading.invoke(null, file);
    }

    private static Method method(String name) throws NoSuchMethodException {
        return GlobalConfiguration.class.getDeclaredMethod(name, File.class);
    }

    private static String name() {
        try {
            return GlobalConfiguration.getFlinkConfFilename();
        } catch (NoSuchMethodError e) {
            return OLD_NAME;
        }
    }
}
