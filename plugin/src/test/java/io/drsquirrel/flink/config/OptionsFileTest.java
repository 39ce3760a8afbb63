package io.drsquirrel.flink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.drsquirrel.flink.metric.LogLines;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

class OptionsFileTest {
    @TempDir
    Path folder;

    @Test
    void options_are_read_as_flink_reads_them_and_nothing_of_them_is_logged() throws IOException {
        Files.writeString(
                folder.resolve("config.yaml"),
                "jobmanager:\n  memory: {process: {size: 1g}}\njdbc.url: jdbc:x://u:hunter2@h/db\n");
        try (LogLines log = new LogLines("")) {
            assertEquals(
                    Map.of(
                            "jobmanager.memory.process.size", "1g",
                            "jdbc.url", "jdbc:x://u:hunter2@h/db"),
                    OptionsFile.read(folder.toString()));
            assertEquals(List.of(), log.lines);
        }
    }

    @Test
    void where_there_is_no_file_flink_says_so() {
        assertThrows(RuntimeException.class, () -> OptionsFile.read(folder.toString()));
    }
}
