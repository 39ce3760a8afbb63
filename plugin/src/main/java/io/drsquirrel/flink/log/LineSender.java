package io.drsquirrel.flink.log;

import io.drsquirrel.flink.metric.TaskThread;
import io.drsquirrel.flink.metric.TaskThreads;
import io.drsquirrel.flink.send.Kind;
import io.drsquirrel.flink.send.Reason;
import io.drsquirrel.flink.send.Topic;
import io.drsquirrel.flink.session.Session;
import io.drsquirrel.flink.session.Stream;
import io.drsquirrel.flink.settings.Option;
import io.drsquirrel.flink.text.Secrets;
import io.drsquirrel.flink.text.ShownNames;
import io.drsquirrel.flink.text.ThrowableText;

/**
 * Sends lines of Flink's log, whatever it is written by. It never waits, never throws, and never
 * takes a line that it caused itself.
 */
final class LineSender {
    private static final String OWN = "io.drsquirrel.flink.";
    private static final String JOB_ID = "flink-job-id";

    private final Session session;
    private final TaskThreads threads;
    private final Templates templates = new Templates();
    private final Collapse collapse;
    private final ShownNames names = new ShownNames();
    private final int longest;
    /** True while a thread reads a line: its parts may log when they are asked for their text. */
    private final ThreadLocal<boolean[]> reading = ThreadLocal.withInitial(() -> new boolean[1]);
    private volatile boolean ended;

    LineSender(Session session, TaskThreads threads) {
        this.session = session;
        this.threads = threads;
        this.longest = session.settings().whole(Option.LOG_CHARS);
        this.collapse =
                new Collapse(
                        session.settings().whole(Option.LOG_WINDOW_MS),
                        session.settings().whole(Option.LOG_WINDOW_LINES));
    }

    /** Takes a line: a warning, an error, or whatever has a throwable. */
    void take(LoggedLine logged) {
        if (isOwn(logged)) {
            return;
        }
        boolean[] reads = reading.get();
        if (reads[0]) {
            lost();
            return;
        }
        reads[0] = true;
        try {
            read(logged);
        } catch (Throwable e) {
            lost();
        } finally {
            reads[0] = false;
        }
    }

    /** A line that could not be read. */
    void lost() {
        session.publisher().lost(Reason.UNREADABLE, 1);
    }

    private boolean isOwn(LoggedLine logged) {
        return logged.logger().startsWith(OWN) || session.publisher().owns(logged.thread());
    }

    private void read(LoggedLine logged) {
        Throwable thrown = logged.thrown();
        String level = logged.level();
        String format = logged.format();
        String message = logged.message();
        Signature.Key key =
                new Signature.Key(
                        level,
                        logged.logger(),
                        templates.of(format == null ? message : format),
                        thrown);
        long nowMs = session.nowMs();
        // Only what is compared and may be kept: messages can be of any length.
        String text = message.length() > longest ? message.substring(0, longest) : message;
        Signature signature;
        Signature.Fate fate;
        do {
            signature = found(key, nowMs);
            fate = signature.take(text, nowMs, thrown != null);
            if (fate == Signature.Fate.LOOK) {
                signature = found(key.at(thrown), nowMs);
                fate = signature.take(text, nowMs, false);
            }
        } while (fate == Signature.Fate.RETIRED);
        if (fate == Signature.Fate.SENT) {
            send(logged, level, message, thrown, signature);
        } else if (ended) {
            flush(true);
        }
    }

    private Signature found(Signature.Key key, long nowMs) {
        Signature signature = collapse.of(key, nowMs);
        if (signature.isOver(nowMs)) {
            send(signature.due(nowMs, false));
        }
        return signature;
    }

    private void send(
            LoggedLine logged,
            String level,
            String message,
            Throwable thrown,
            Signature signature) {
        Reason full = session.publisher().fullFor(kind(level));
        if (full != null) {
            // To make a line takes a hundred times as long as to count it.
            session.publisher().lost(full, 1);
            return;
        }
        Line line = line(logged, level, message, thrown);
        signature.sent(line);
        send(new Signature.Due(line, 1, 0));
    }

    private Line line(LoggedLine logged, String level, String message, Throwable thrown) {
        String job = logged.context(JOB_ID);
        TaskThread task = threads.find(logged.threadId(), logged.thread());
        boolean isKnown = job != null && !job.isEmpty();
        String shown = Secrets.hide(message, longest / 2);
        return new Line(
                logged.timeMs(),
                level,
                logged.logger(),
                shown,
                thrown == null ? "" : ThrowableText.of(thrown, longest - shown.length()),
                names.of(logged.thread()),
                task == null ? "" : task.name,
                isKnown ? job : task == null ? "" : task.job());
    }

    private void send(Signature.Due due) {
        if (due == null) {
            return;
        }
        Line line = due.line;
        if (line == null) {
            session.publisher().lost(Reason.UNREADABLE, due.lines());
            return;
        }
        Stream stream = session.logs();
        byte[] message =
                stream.message("log", line.timeMs)
                        .have("level", line.level)
                        .have("logger", line.logger)
                        .have("message", line.message)
                        .with("thread", line.thread)
                        .with("throwable", line.throwable)
                        .with("job", line.job)
                        .with("count", due.count, 1)
                        .with("host", session.identity().host)
                        .with("task", line.task)
                        .with("dropped", due.dropped, 0)
                        .bytes();
        session.publisher()
                .offer(Topic.LOGS, stream.key(), message, kind(line.level), due.lines());
    }

    /** Sends what was held back; what threads bring that are still at it is not held back. */
    void end() {
        ended = true;
        flush(true);
    }

    /** Sends what was held back and is due, or everything. */
    void flush(boolean everything) {
        long nowMs = session.nowMs();
        collapse.due(nowMs, everything).forEach(this::send);
    }

    private static Kind kind(String level) {
        return level.equals("FATAL") ? Kind.ERROR : Kind.valueOf(level);
    }
}
