package io.drsquirrel.flink.metric;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * The threads of the tasks in this process. A task registers the metrics of its operators from its
 * own thread, so nothing has to be searched for.
 */
public final class TaskThreads {
    static final String CPU_TIME = "task_cpu_ns";

    private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    private final Map<Long, TaskThread> byId = new ConcurrentHashMap<>();

    /** Takes note of the current thread if it is this task's; null if it is not, or is known. */
    TaskThread note(Spot spot) {
        Thread thread = Thread.currentThread();
        if (spot.scope != Scope.OPERATOR && spot.scope != Scope.SUBTASK
                || !isOf(spot, thread.getName())) {
            return null;
        }
        TaskThread found = new TaskThread(thread, spot.subject, spot.place.ofSubtask());
        return byId.putIfAbsent(thread.getId(), found) == null ? found : null;
    }

    /** Flink calls it "Source: orders -> map (1/2)#0". */
    private static boolean isOf(Spot spot, String threadName) {
        return !spot.task.isEmpty()
                && threadName.startsWith(spot.task + " (" + (spot.place.subtask + 1) + "/")
                && threadName.endsWith(")#" + spot.place.attempt);
    }

    void forget(Spot spot) {
        byId.values()
                .removeIf(t -> t.isOf(spot.subject) && t.place.equals(spot.place.ofSubtask()));
    }

    /** The CPU time of a thread in ns; null once it has ended. */
    Long cpuTimeNs(long threadId) {
        long timeNs = threads.getThreadCpuTime(threadId);
        return timeNs < 0 ? null : timeNs;
    }

    boolean canTellCpuTime() {
        return threads.isThreadCpuTimeSupported() && threads.isThreadCpuTimeEnabled();
    }

    /**
     * The task that a thread works for: its own, or one that it is named after; null if there is
     * none, or several of different jobs.
     */
    public TaskThread find(long threadId, String threadName) {
        TaskThread own = byId.get(threadId);
        if (own != null) {
            return own;
        }
        TaskThread found = null;
        for (TaskThread task : byId.values()) {
            if (threadName.contains(task.threadName)) {
                if (found != null && !found.job().equals(task.job())) {
                    return null;
                }
                found = task;
            }
        }
        return found;
    }
}
