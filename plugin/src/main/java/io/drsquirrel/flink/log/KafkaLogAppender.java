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

import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.ErrorHandler;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;

/**
 * Sends warnings, errors and whatever has a throwable. It never waits, never throws, and never
 * takes a line that it caused itself.
 */
public final class KafkaLogAppender extends AbstractAppender {
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

    KafkaLogAppender(Session session, TaskThreads threads) {
        super("drsquirrel", null, null, true, Property.EMPTY_ARRAY);
        this.session = session;
        this.threads = threads;
        this.longest = session.settings().whole(Option.LOG_CHARS);
        this.collapse =
                new Collapse(
                        session.settings().whole(Option.LOG_WINDOW_MS),
                        session.settings().whole(Option.LOG_WINDOW_LINES));
        setHandler(new Recursions());
    }

    @Override
    public void append(LogEvent event) {
        if (!isWanted(event)) {
            return;
        }
        boolean[] reads = reading.get();
        if (reads[0]) {
            session.publisher().lost(Reason.UNREADABLE, 1);
            return;
        }
        reads[0] = true;
        try {
            take(event);
        } catch (Throwable e) {
            session.publisher().lost(Reason.UNREADABLE, 1);
        } finally {
            reads[0] = false;
        }
    }

    private boolean isWanted(LogEvent event) {
        boolean isInfo = event.getLevel().isLessSpecificThan(Level.INFO);
        if (isInfo && event.getThrown() == null) {
            return false;
        }
        String logger = String.valueOf(event.getLoggerName());
        return !logger.startsWith(OWN) && !session.publisher().owns(event.getThreadName());
    }

    private void take(LogEvent event) {
        Throwable thrown = event.getThrown();
        String level = level(event.getLevel());
        String format = event.getMessage().getFormat();
        String message = String.valueOf(event.getMessage().getFormattedMessage());
        Signature.Key key =
                new Signature.Key(
                        level,
                        String.valueOf(event.getLoggerName()),
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
            send(event, level, message, thrown, signature);
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
            LogEvent event, String level, String message, Throwable thrown, Signature signature) {
        Reason full = session.publisher().fullFor(kind(level));
        if (full != null) {
            // To make a line takes a hundred times as long as to count it.
            session.publisher().lost(full, 1);
            return;
        }
        Line line = line(event, level, message, thrown);
        signature.sent(line);
        send(new Signature.Due(line, 1, 0));
    }

    private Line line(LogEvent event, String level, String message, Throwable thrown) {
        String job = event.getContextData().getValue(JOB_ID);
        TaskThread task = threads.find(event.getThreadId(), event.getThreadName());
        boolean isKnown = job != null && !job.isEmpty();
        String shown = Secrets.hide(message, longest / 2);
        return new Line(
                event.getTimeMillis(),
                level,
                String.valueOf(event.getLoggerName()),
                shown,
                thrown == null ? "" : ThrowableText.of(thrown, longest - shown.length()),
                names.of(event.getThreadName()),
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
        stop();
    }

    /** Sends what was held back and is due, or everything. */
    void flush(boolean everything) {
        long nowMs = session.nowMs();
        collapse.due(nowMs, everything).forEach(this::send);
    }

    private static String level(Level level) {
        if (level.isMoreSpecificThan(Level.FATAL)) {
            return "FATAL";
        }
        if (level.isMoreSpecificThan(Level.ERROR)) {
            return "ERROR";
        }
        return level.isMoreSpecificThan(Level.WARN) ? "WARN" : "INFO";
    }

    private static Kind kind(String level) {
        return level.equals("FATAL") ? Kind.ERROR : Kind.valueOf(level);
    }

    /** Log4j's own guard, which refuses a line that was caused by reading another. */
    private final class Recursions implements ErrorHandler {
        @Override
        public void error(String message) {
            session.publisher().lost(Reason.UNREADABLE, 1);
        }

        @Override
        public void error(String message, Throwable failure) {
            error(message);
        }

        @Override
        public void error(String message, LogEvent event, Throwable failure) {
            error(message);
        }
    }
}
