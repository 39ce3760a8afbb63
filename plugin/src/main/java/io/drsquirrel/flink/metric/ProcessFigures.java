package io.drsquirrel.flink.metric;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** What the operating system says of this process and its cgroup; nothing where it has none. */
final class ProcessFigures {
    private static final long UNLIMITED = Long.MAX_VALUE / 2;
    private static final int DEEPEST = 32;

    private final Path proc;
    private final Path cgroups;

    /** `proc` is /proc/self, `cgroups` is /sys/fs/cgroup. */
    ProcessFigures(Path proc, Path cgroups) {
        this.proc = proc;
        this.cgroups = cgroups;
    }

    Map<String, Number> now() {
        Map<String, Number> figures = new TreeMap<>();
        put(figures, "rss_bytes", rssBytes());
        Path unified = own("");
        if (Files.isReadable(cgroups.resolve("cgroup.controllers"))) {
            unified(figures, unified);
        } else {
            separate(figures);
        }
        return figures;
    }

    private void unified(Map<String, Number> figures, Path own) {
        Path limiting = own;
        Long lowest = null;
        Path group = own;
        for (int depth = 0; depth < DEEPEST && group.startsWith(cgroups); depth++) {
            Long limit = number(group.resolve("memory.max"));
            if (limit != null && (lowest == null || limit < lowest)) {
                lowest = limit;
                limiting = group;
            }
            group = group.getParent();
        }
        put(figures, "cgroup_memory_limit_bytes", lowest);
        put(figures, "cgroup_memory_used_bytes", number(limiting.resolve("memory.current")));
        String[] quota = firstLine(own.resolve("cpu.max")).split(" ");
        put(figures, "cgroup_cpu_limit_micro", quota.length < 2 ? null : micro(quota[0], quota[1]));
        Long throttledUs = named(own.resolve("cpu.stat"), "throttled_usec");
        put(figures, "cgroup_throttled_ms", throttledUs == null ? null : throttledUs / 1000);
    }

    /** Version 1, with a hierarchy for each controller. */
    private void separate(Map<String, Number> figures) {
        Path memory = own("memory");
        Long limit = number(memory.resolve("memory.limit_in_bytes"));
        if (limit != null && limit < UNLIMITED) {
            figures.put("cgroup_memory_limit_bytes", limit);
        }
        put(figures, "cgroup_memory_used_bytes", number(memory.resolve("memory.usage_in_bytes")));
        Path cpu = own("cpu");
        String quota = firstLine(cpu.resolve("cpu.cfs_quota_us"));
        String period = firstLine(cpu.resolve("cpu.cfs_period_us"));
        put(figures, "cgroup_cpu_limit_micro", micro(quota, period));
        Long throttledNs = named(cpu.resolve("cpu.stat"), "throttled_time");
        put(figures, "cgroup_throttled_ms", throttledNs == null ? null : throttledNs / 1_000_000);
    }

    /** The directory of our cgroup; the root where ours is not to be seen, as in a container. */
    private Path own(String controller) {
        Path root = cgroups.resolve(controller);
        for (String line : lines(proc.resolve("cgroup"))) {
            String[] parts = line.split(":", 3);
            boolean isIt = parts.length == 3 && List.of(parts[1].split(",")).contains(controller);
            if (isIt && !parts[2].contains("..")) {
                Path own = root.resolve(parts[2].substring(1)).normalize();
                return Files.isDirectory(own) ? own : root;
            }
        }
        return root;
    }

    private Long rssBytes() {
        Long kib = named(proc.resolve("status"), "VmRSS:");
        return kib == null ? null : kib * 1024;
    }

    private static Long named(Path file, String name) {
        for (String line : lines(file)) {
            String[] words = line.trim().split("\\s+");
            if (words.length > 1 && words[0].equals(name)) {
                return whole(words[1]);
            }
        }
        return null;
    }

    private static Long number(Path file) {
        return whole(firstLine(file));
    }

    private static Long micro(String quota, String period) {
        Long part = whole(quota);
        Long whole = whole(period);
        return part == null || whole == null || part <= 0 || whole <= 0
                ? null
                : part * 1_000_000 / whole;
    }

    private static Long whole(String text) {
        try {
            return Long.valueOf(text.trim());
        } catch (NumberFormatException e) {
            return null;
        }
    }

    private static String firstLine(Path file) {
        List<String> lines = lines(file);
        return lines.isEmpty() ? "" : lines.get(0);
    }

    private static List<String> lines(Path file) {
        try {
            return Files.readAllLines(file);
        } catch (IOException | RuntimeException e) {
            return List.of();
        }
    }

    private static void put(Map<String, Number> figures, String name, Number value) {
        if (value != null) {
            figures.put(name, value);
        }
    }
}
