package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.wire.Place;

/** The thread of one execution attempt of a subtask. */
public final class TaskThread {
    public final long id;
    public final String name;
    final Place place;
    private final Subject subject;

    TaskThread(Thread thread, Subject subject, Place place) {
        this.id = thread.getId();
        this.name = thread.getName();
        this.subject = subject;
        this.place = place;
    }

    boolean isOf(Subject whose) {
        return subject.equals(whose);
    }

    public String job() {
        return subject.job;
    }
}
