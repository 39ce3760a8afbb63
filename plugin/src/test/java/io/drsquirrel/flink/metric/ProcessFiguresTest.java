package io.drsquirrel.flink.metric;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

class ProcessFiguresTest {
    @TempDir Path directory;

    @BeforeEach
    void status() throws IOException {
        write("proc/status", "Name:\tjava\nVmHWM:\t 900 kB\nVmRSS:\t  400 kB\n");
    }

    @Test
    void the_narrowest_limit_above_the_process_counts_with_its_use() throws IOException {
        write("proc/cgroup", "0::/pod/container\n");
        write("cgroup/cgroup.controllers", "cpu memory\n");
        write("cgroup/pod/memory.max", "1000\n");
        write("cgroup/pod/memory.current", "800\n");
        write("cgroup/pod/container/memory.max", "max\n");
        write("cgroup/pod/container/memory.current", "700\n");
        write("cgroup/pod/container/cpu.max", "150000 100000\n");
        write("cgroup/pod/container/cpu.stat", "usage_usec 1\nthrottled_usec 12345\n");
        assertEquals(
                Map.of(
                        "rss_bytes", 409_600L,
                        "cgroup_memory_limit_bytes", 1000L,
                        "cgroup_memory_used_bytes", 800L,
                        "cgroup_cpu_limit_micro", 1_500_000L,
                        "cgroup_throttled_ms", 12L),
                figures());
    }

    @Test
    void version_1_has_its_own_files_and_its_own_word_for_no_limit() throws IOException {
        write("proc/cgroup", "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n");
        write("cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        write("cgroup/memory/memory.usage_in_bytes", "600\n");
        write("cgroup/cpu/cpu.cfs_quota_us", "-1\n");
        write("cgroup/cpu/cpu.cfs_period_us", "100000\n");
        write("cgroup/cpu/cpu.stat", "nr_throttled 1\nthrottled_time 7000000\n");
        assertEquals(
                Map.of(
                        "rss_bytes", 409_600L,
                        "cgroup_memory_used_bytes", 600L,
                        "cgroup_throttled_ms", 7L),
                figures());
    }

    @Test
    void where_there_is_nothing_nothing_is_said() throws IOException {
        Files.delete(directory.resolve("proc/status"));
        assertEquals(Map.of(), figures());
    }

    private Map<String, Number> figures() {
        return new ProcessFigures(directory.resolve("proc"), directory.resolve("cgroup")).now();
    }

    private void write(String file, String text) throws IOException {
        Path path = directory.resolve(file);
        Files.createDirectories(path.getParent());
        Files.writeString(path, text);
    }
}
