package io.drsquirrel.flink.metric;

import java.util.Objects;

/** What a report is about: a run as one container sees it, or (job empty) the container itself. */
final class Subject {
    final String container;
    final String job;
    /** As it may be shown. It says more of the run, and not which one it is. */
    final String jobName;

    Subject(String container, String job, String jobName) {
        this.container = container.intern();
        this.job = job.intern();
        this.jobName = jobName;
    }

    static Subject ofProcess(String container) {
        return new Subject(container, "", "");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Subject
                && container.equals(((Subject) other).container)
                && job.equals(((Subject) other).job);
    }

    @Override
    public int hashCode() {
        return Objects.hash(container, job);
    }
}
