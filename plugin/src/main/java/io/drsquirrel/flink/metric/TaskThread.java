package io.drsquirrel.flink.metric;

import io.drsquirrel.flink.text.Secrets;
import io.drsquirrel.flink.wire.Place;

/** The thread of one execution attempt of a subtask. */
public final class TaskThread {
    private static final int NAME_CHARS = 4_096;

    public final long id;
    /** Without secrets: it is made of the names of operators. */
    public final String name;
    final String threadName;
    final Place place;
    private final Subject subject;

    TaskThread(Thread thread, Subject subject, Place place) {
        this.id = thread.getId();
        this.threadName = thread.getName();
        this.name = Secrets.hide(threadName, NAME_CHARS);
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
