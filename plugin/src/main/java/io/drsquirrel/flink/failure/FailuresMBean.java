package io.drsquirrel.flink.failure;

/** Takes failures from whoever in this JVM has one to tell. */
public interface FailuresMBean {
    /** `type` is TASK, GLOBAL, …; the throwable is bounded and without secrets. */
    void tell(long timeMs, String job, String type, String throwable);
}
