package io.drsquirrel.flink.metric;

import java.util.Objects;

/** What a report is about: a run as one container sees it, or (job empty) the container itself. */
final class Subject {
    final String container;
    final String job;

    Subject(String container, String job) {
        this.container = container.intern();
        this.job = job.intern();
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
