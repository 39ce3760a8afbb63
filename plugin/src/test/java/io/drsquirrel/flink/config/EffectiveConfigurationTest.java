package io.drsquirrel.flink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

import java.util.List;
import java.util.Map;

class EffectiveConfigurationTest {
    @Test
    void both_forms_of_options_on_the_command_line_count() {
        assertEquals(
                Map.of("a.b", "1=2", "c", "x y"),
                EffectiveConfiguration.given(
                        List.of("-D", "a.b=1=2", "--configDir", "conf", "-Dc=x y", "-D", "-D")));
    }

    @Test
    void the_folder_is_the_one_that_the_process_was_given() {
        List<String> given = List.of("-D", "a=b", "--configDir", "/opt/conf");
        Map<String, String> environment = Map.of("FLINK_CONF_DIR", "/opt/other");
        assertEquals("/opt/conf", EffectiveConfiguration.folder(given, environment));
        List<String> none = List.of("--configDir");
        assertEquals("/opt/other", EffectiveConfiguration.folder(none, environment));
        assertEquals("", EffectiveConfiguration.folder(none, Map.of()));
    }

    @Test
    void secrets_do_not_leave() {
        assertEquals(
                Map.of(
                        "s3.secret-key", "•••• (redacted: key)",
                        "env.java.opts.all", "-Xss1m -Dx.password=•••• (redacted: pair) -Dy=1",
                        "jdbc.url", "jdbc:x://•••• (redacted: url)@h/db",
                        "parallelism.default", "4"),
                EffectiveConfiguration.shown(
                        Map.of(
                                "s3.secret-key", "hunter2",
                                "env.java.opts.all", "-Xss1m -Dx.password=hunter2 -Dy=1",
                                "jdbc.url", "jdbc:x://u:hunter2@h/db",
                                "parallelism.default", "4")));
    }
}
